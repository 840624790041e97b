"""Rows most tests need, made the way the product makes them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.credentials import open_session, set_credentials
from apps.markets.models import BrokerInstrument, CalendarHorizon, Instrument, TradingSession
from apps.plans.models import Plan, Subscription
from apps.strategies.models import Strategy, StrategyLeg, StrategyMap
from apps.tenants.models import Tenant
from apps.users.models import Role, User
from brokers.catalog import spec_of
from bus.connection import redis_client
from bus.ticks import publish
from domain.broker import BrokerToken
from domain.prices import to_scaled
from domain.ticks import Tick

EXPIRY = date(2026, 11, 23)


@dataclass(slots=True)
class Cast:
    """The people and their things."""

    tenant: Tenant
    operator: User
    manager: User
    trader: User
    other_trader: User
    outsider: User
    account: BrokerAccount
    paper_account: BrokerAccount
    call: Instrument
    put: Instrument
    index: Instrument
    strategy: Strategy
    maps: list[StrategyMap]


def make_cast(now: datetime) -> Cast:
    """Make everything; the live account is signed in for the day."""
    tenant, elsewhere = (Tenant.objects.create(slug=slug, name=slug.title()) for slug in ("house", "elsewhere"))
    manager = User.objects.create_user("manager@house.test", "correct horse battery", tenant=tenant, role=Role.MANAGER)
    trader = User.objects.create_user("trader@house.test", "correct horse battery", tenant=tenant, manager=manager)
    cast = Cast(
        tenant=tenant,
        operator=User.objects.create_user(
            "operator@house.test", "correct horse battery", tenant=tenant, role=Role.OPERATOR, is_staff=True
        ),
        manager=manager,
        trader=trader,
        other_trader=User.objects.create_user("other@house.test", "correct horse battery", tenant=tenant),
        outsider=User.objects.create_user("outsider@elsewhere.test", "correct horse battery", tenant=elsewhere),
        account=make_account(trader, "zerodha", "AB1234", mode="LIVE"),
        paper_account=make_account(trader, "paper", "PAPER1", mode="PAPER"),
        call=make_option(Decimal(26000), "CE"),
        put=make_option(Decimal(26000), "PE"),
        index=make_index(),
        strategy=make_strategy(tenant),
        maps=[],
    )
    for person in (trader, cast.other_trader, cast.outsider):
        subscribe(person)
    sign_in(cast.account)
    open_market("NFO", now)
    open_market("NSE", now)
    cast.maps = [
        StrategyMap.objects.create(strategy=cast.strategy, account=a) for a in (cast.account, cast.paper_account)
    ]
    return cast


def make_account(user: User, broker: str, client_id: str, *, mode: str) -> BrokerAccount:
    """Make an account with credentials, in the mode its client wants."""
    account = BrokerAccount.objects.create(
        tenant=user.tenant, user=user, broker=broker, client_id=client_id, mode=mode, wanted_mode=mode
    )
    fields = {name: f"{name}-of-{client_id}" for name in spec_of(broker).credential_fields}
    if fields:
        set_credentials(account=account, fields=fields, actor=user)
    return account


def sign_in(account: BrokerAccount) -> None:
    """Give an account a broker session that lasts."""
    token = BrokerToken(
        access_token="token", client_id=account.client_id, expires_at=datetime.now(tz=UTC) + timedelta(hours=12)
    )
    open_session(account=account, token=token, trading_date=date(2026, 11, 16))


def make_option(strike: Decimal, right: str, *, expiry: date = EXPIRY) -> Instrument:
    """Make a NIFTY option and Zerodha's name for it."""
    symbol = f"NIFTY{expiry:%d%b%y}{strike:f}{right}".upper()
    option, _ = Instrument.objects.get_or_create(
        exchange="NFO",
        underlying="NIFTY",
        kind="OPT",
        expiry=expiry,
        strike=strike,
        right=right,
        defaults={"symbol": symbol, "lot_size": 65, "freeze_quantity": 1800, "tick_size": Decimal("0.05")},
    )
    token = str(1_000_000 + option.pk)
    BrokerInstrument.objects.get_or_create(
        broker="zerodha", instrument=option, defaults={"exchange": "NFO", "symbol": f"Z{symbol}", "token": token}
    )
    return option


def make_index() -> Instrument:
    """Make the NIFTY index."""
    index, _ = Instrument.objects.get_or_create(
        exchange="NSE_INDEX", underlying="NIFTY", kind="INDEX", defaults={"symbol": "NIFTY"}
    )
    BrokerInstrument.objects.get_or_create(
        broker="zerodha", instrument=index, defaults={"exchange": "NSE", "symbol": "NIFTY 50", "token": "256265"}
    )
    return index


def make_strategy(tenant: Tenant, **fields: object) -> Strategy:
    """Make a one-leg strategy that buys the 26000 call, with a 20 % stop and a 40 % target."""
    values: dict[str, object] = {
        "name": "Morning call",
        "slug": "morning-call",
        "underlying": "NIFTY",
        "stop_value": Decimal(20),
        "target_value": Decimal(40),
        "square_off_at": time(15, 10),
    }
    strategy = Strategy.objects.create(tenant=tenant, **values | fields)
    StrategyLeg.objects.create(strategy=strategy, side="BUY", lots=1, symbol="NIFTY23NOV2626000CE")
    return strategy


def subscribe(user: User) -> Subscription:
    """Give a person a plan that allows everything."""
    plan, _ = Plan.objects.get_or_create(tenant=user.tenant, name="Everything", defaults={"max_accounts": 50})
    return Subscription.objects.create(user=user, plan=plan, starts_on=date(2026, 1, 1))


def open_market(exchange: str, now: datetime) -> TradingSession:
    """Open a market around an instant, with a confirmed calendar."""
    CalendarHorizon.objects.update_or_create(exchange=exchange, defaults={"confirmed_through": date(2027, 12, 31)})
    return TradingSession.objects.create(
        exchange=exchange,
        trading_date=now.date(),
        opens_at=now - timedelta(hours=2),
        closes_at=now + timedelta(hours=5),
    )


def publish_price(instrument: Instrument, price: str, *, at: datetime | None = None) -> None:
    """Make the feed's last word about a contract."""
    stamp = int((at or datetime.now(tz=UTC)).timestamp() * 1000)
    tick = Tick(instrument_id=instrument.pk, last_price=to_scaled(Decimal(price)), exchange_at=stamp, received_at=stamp)
    publish(redis_client(), [tick])
