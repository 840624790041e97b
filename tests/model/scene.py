"""The people, accounts, contracts and strategies every run of the model has, made once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from apps.broker_accounts.models import BrokerAccount
from apps.markets.models import BrokerInstrument, Instrument, TradingSession
from apps.markets.services.calendar import forget_calendar
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap
from apps.strategies.services import tokens
from apps.strategies.services.tokens import Hook
from apps.tenants.models import Tenant
from apps.users.models import User
from tests.cast import make_cast, open_market

MORNING = datetime(2026, 11, 16, 5, 0, tzinfo=UTC)
"""A Monday, half past ten in India."""

SLICE = 130
"""The model's freeze quantity: three lots make two slices."""


@dataclass(frozen=True)
class Scene:
    """Everybody and everything. ``strategy`` buys three lots of the call and sells a lot of the put, for a live and a
    paper account; ``trailing`` buys one more lot of the same call under a trailing stop, for the live one."""

    tenant: Tenant
    operator: User
    trader: User
    account: BrokerAccount
    paper_account: BrokerAccount
    call: Instrument
    put: Instrument
    strategy: Strategy
    trailing: Strategy
    hooks: tuple[Hook, Hook]

    @property
    def instruments(self) -> dict[int, Instrument]:
        """The contracts by id."""
        return {one.pk: one for one in (self.call, self.put)}

    @property
    def broker_symbols(self) -> dict[int, str]:
        """What the live broker calls them."""
        return {pk: f"Z{one.symbol}" for pk, one in self.instruments.items()}

    @property
    def symbols(self) -> dict[str, int]:
        """The contracts by every name a broker has for them."""
        ours = {one.symbol: pk for pk, one in self.instruments.items()}
        return ours | {name: pk for pk, name in self.broker_symbols.items()}

    def session_after(self, at: datetime) -> datetime:
        """Return an instant of the running or the next session."""
        rows = TradingSession.objects.filter(exchange=self.call.exchange, closes_at__gt=at + timedelta(minutes=20))
        row = rows.order_by("opens_at").first()
        assert row is not None, "the model ran out of days"
        return max(at, row.opens_at + timedelta(seconds=5))


def make_scene(now: datetime) -> Scene:
    """Make everything, with sessions for some days."""
    cast = make_cast(now)
    Instrument.objects.update(freeze_quantity=SLICE)
    put = cast.put
    cast.strategy.legs.all().delete()
    StrategyLeg.objects.create(strategy=cast.strategy, side="BUY", lots=3, symbol=cast.call.symbol)
    StrategyLeg.objects.create(strategy=cast.strategy, side="SELL", lots=1, symbol=put.symbol, position=2)
    trailing = Strategy.objects.create(
        tenant=cast.tenant, name="Trailing call", slug="trailing-call", underlying="NIFTY", trail_value=Decimal(10)
    )
    StrategyLeg.objects.create(strategy=trailing, side="BUY", lots=1, symbol=cast.call.symbol)
    StrategyMap.objects.create(strategy=trailing, account=cast.account)
    for day in range(1, 4):
        for exchange in ("NFO", "NSE"):
            open_market(exchange, now + timedelta(days=day))
    forget_calendar()
    assert BrokerInstrument.objects.filter(instrument=cast.call).exists()
    return Scene(
        tenant=cast.tenant,
        operator=cast.operator,
        trader=cast.trader,
        account=cast.account,
        paper_account=cast.paper_account,
        call=Instrument.objects.get(pk=cast.call.pk),
        put=Instrument.objects.get(pk=put.pk),
        strategy=cast.strategy,
        trailing=trailing,
        hooks=(_hook(cast.strategy, now), _hook(trailing, now)),
    )


def _hook(strategy: Strategy, now: datetime) -> Hook:
    hook = tokens.find(tokens.rotate(strategy, actor=None), wall=now)
    assert hook is not None
    return hook
