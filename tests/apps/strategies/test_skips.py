"""Every reason for which an account takes no part in a wave, reached through routing."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.models import CalendarHorizon, Instrument, TradingSession
from apps.plans.models import Plan, Subscription
from apps.risk.models import DayStop
from apps.risk.services.halts import set_halt
from apps.strategies.models import Signal, Strategy, StrategyLeg, StrategyMap
from apps.strategies.services.routing import route
from apps.tenants.models import Tenant
from apps.trading.models import AccountState, Order, SkipReason, Trade
from apps.users.models import User
from bus.connection import redis_client
from bus.ticks import LAST
from tests.cast import Cast, make_option, publish_price

Spoil = Callable[[Cast, datetime], object]


def halt(scope: str, **target: str) -> Spoil:
    """Halt, with the target's id taken from the cast."""
    return lambda cast, _: set_halt(
        scope=scope, reason="drill", actor=None, **{f"{k}_id": getattr(cast, v).pk for k, v in target.items()}
    )


def legs(**fields: object) -> Spoil:
    return lambda cast, _: StrategyLeg.objects.update(**fields)


def funds(rupees: int) -> Spoil:
    return lambda cast, _: AccountState.objects.create(
        account=cast.account, mode="LIVE", available_funds=Decimal(rupees)
    )


def short_of_margin(cast: Cast, now: datetime) -> None:
    StrategyLeg.objects.update(side="SELL")
    funds(100_000)(cast, now)  # the premium alone would fit


def tiny_freeze(cast: Cast, _: datetime) -> None:
    Instrument.objects.filter(pk=cast.call.pk).update(freeze_quantity=64)


def expired_contract(cast: Cast, _: datetime) -> None:
    gone = make_option(Decimal(26000), "CE", expiry=date(2026, 11, 10))
    publish_price(gone, "1")
    StrategyLeg.objects.update(symbol=gone.symbol)


def moved_tenant(cast: Cast, _: datetime) -> None:
    BrokerAccount.objects.filter(pk=cast.account.pk).update(tenant=cast.outsider.tenant)


def no_live_plan(cast: Cast, _: datetime) -> None:
    Plan.objects.update(allows_live=False)


def other_tenants_plan(cast: Cast, _: datetime) -> None:
    plan = Plan.objects.create(tenant=cast.outsider.tenant, name="Elsewhere")
    Subscription.objects.filter(user=cast.trader).update(plan=plan)


def never_squared_off_at_ibkr(cast: Cast, _: datetime) -> None:
    Strategy.objects.update(square_off_at=None)
    BrokerAccount.objects.filter(pk=cast.account.pk).update(broker="ibkr")


def delivered(cast: Cast, _: datetime) -> None:
    Strategy.objects.update(product="CNC")


CASES: list[tuple[str, SkipReason, Spoil]] = [
    ("the map is off", SkipReason.MAP_INACTIVE, lambda c, _: StrategyMap.objects.update(is_active=False)),
    ("the strategy is off", SkipReason.MAP_INACTIVE, lambda c, _: Strategy.objects.update(is_active=False)),
    ("the account is off", SkipReason.ACCOUNT_INACTIVE, lambda c, _: BrokerAccount.objects.update(is_active=False)),
    ("the client is off", SkipReason.ACCOUNT_INACTIVE, lambda c, _: User.objects.update(is_active=False)),
    ("the tenant is off", SkipReason.ACCOUNT_INACTIVE, lambda c, _: Tenant.objects.update(is_active=False)),
    ("no plan", SkipReason.NOT_ENTITLED, lambda c, _: Subscription.objects.all().delete()),
    ("the plan ended", SkipReason.NOT_ENTITLED, lambda c, _: Subscription.objects.update(ends_on=date(2026, 11, 15))),
    (
        "the plan starts later",
        SkipReason.NOT_ENTITLED,
        lambda c, _: Subscription.objects.update(starts_on=date(2026, 11, 17)),
    ),
    ("the plan is withdrawn", SkipReason.NOT_ENTITLED, lambda c, _: Plan.objects.update(is_active=False)),
    ("too many accounts", SkipReason.NOT_ENTITLED, lambda c, _: Plan.objects.update(max_accounts=0)),
    ("live is not in the plan", SkipReason.NOT_ENTITLED, no_live_plan),
    ("another tenant's plan", SkipReason.NOT_ENTITLED, other_tenants_plan),
    ("another tenant's account", SkipReason.NOT_ENTITLED, moved_tenant),
    ("the platform is halted", SkipReason.HALTED, halt("PLATFORM")),
    ("the tenant is halted", SkipReason.HALTED, halt("TENANT", tenant="tenant")),
    ("the strategy is halted", SkipReason.HALTED, halt("STRATEGY", strategy="strategy")),
    ("the account is halted", SkipReason.HALTED, halt("ACCOUNT", account="account")),
    (
        "the day's limit was reached",
        SkipReason.DAY_STOPPED,
        lambda c, now: DayStop.objects.create(
            strategy_map=c.maps[0], trading_date=now.date(), reason="DAY_LOSS", net_pnl=-1
        ),
    ),
    ("the session is over", SkipReason.SESSION_CLOSED, lambda c, now: TradingSession.objects.update(closes_at=now)),
    ("no session that day", SkipReason.SESSION_CLOSED, lambda c, _: TradingSession.objects.all().delete()),
    (
        "the calendar ends soon",
        SkipReason.CALENDAR_UNCONFIRMED,
        lambda c, now: CalendarHorizon.objects.update(confirmed_through=now.date() + timedelta(days=6)),
    ),
    ("no calendar at all", SkipReason.CALENDAR_UNCONFIRMED, lambda c, _: CalendarHorizon.objects.all().delete()),
    ("no broker session", SkipReason.NO_BROKER_SESSION, lambda c, _: BrokerSession.objects.all().delete()),
    (
        "the broker session was lost",
        SkipReason.NO_BROKER_SESSION,
        lambda c, _: BrokerSession.objects.update(lost_at=timezone.now()),
    ),
    (
        "the broker session is over",
        SkipReason.NO_BROKER_SESSION,
        lambda c, _: BrokerSession.objects.update(expires_at=timezone.now()),
    ),
    ("premium beyond the funds", SkipReason.MARGIN, funds(6_499)),
    ("a short option's margin", SkipReason.MARGIN, short_of_margin),
    (
        "half a lot",
        SkipReason.LOTS_ROUND_TO_ZERO,
        lambda c, _: StrategyMap.objects.update(lot_multiplier=Decimal("0.99")),
    ),
    ("eleven slices", SkipReason.TOO_LARGE, lambda c, _: StrategyMap.objects.update(lot_multiplier=Decimal(271))),
    ("a freeze below one lot", SkipReason.TOO_LARGE, tiny_freeze),
    ("no legs", SkipReason.NO_INSTRUMENT, lambda c, _: StrategyLeg.objects.all().delete()),
    ("an unknown symbol", SkipReason.NO_INSTRUMENT, legs(symbol="NIFTY23NOV2699999CE")),
    ("a look-alike symbol", SkipReason.NO_INSTRUMENT, legs(symbol="NІFTY23NOV2626000CE")),
    ("no symbol at all", SkipReason.NO_INSTRUMENT, legs(symbol="26000CE")),
    ("an expired symbol", SkipReason.NO_INSTRUMENT, expired_contract),
    ("a retired contract", SkipReason.NO_INSTRUMENT, lambda c, _: Instrument.objects.update(is_active=False)),
    ("a rule that is none", SkipReason.NO_INSTRUMENT, legs(symbol="", right="CE", strike_rule="ATM*2")),
    ("a strike beyond the chain", SkipReason.NO_INSTRUMENT, legs(symbol="", right="CE", strike_rule="OTM9")),
    (
        "an expiry beyond the list",
        SkipReason.NO_INSTRUMENT,
        legs(symbol="", right="CE", strike_rule="ATM", expiry_rule="WEEK9"),
    ),
    ("a broker without an intraday product, and no square-off", SkipReason.NO_INSTRUMENT, never_squared_off_at_ibkr),
    ("an option that would be delivered", SkipReason.NO_INSTRUMENT, delivered),
    ("no price", SkipReason.NO_PRICE, lambda c, _: redis_client().delete(LAST)),
    (
        "an old price",
        SkipReason.NO_PRICE,
        lambda c, _: publish_price(c.call, "100", at=timezone.now() - timedelta(seconds=60)),
    ),
    (
        "square-off has passed",
        SkipReason.PAST_SQUARE_OFF,
        lambda c, _: Strategy.objects.update(square_off_at=time(10, 30)),
    ),
]


@pytest.mark.parametrize(("reason", "spoil"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_account_is_left_out_with_its_reason(prices: Cast, now: datetime, reason: SkipReason, spoil: Spoil) -> None:
    spoil(prices, now)
    signal = Signal.objects.create(
        tenant=prices.tenant, strategy=prices.strategy, kind="ENTRY", dedupe_key="s1", received_at=now
    )

    wave = route(signal.pk, now=now)

    assert wave is not None
    verdict = wave.verdicts.get(account=prices.account)
    assert (verdict.taken, verdict.reason) == (False, reason), verdict.detail
    assert not Trade.objects.filter(account=prices.account).exists()
    assert not Order.objects.filter(account=prices.account).exists()


def test_an_intraday_strategy_is_carried_where_a_broker_has_nothing_intraday(prices: Cast, now: datetime) -> None:
    BrokerAccount.objects.filter(pk=prices.account.pk).update(broker="ibkr")
    assert enter(prices, now, "s1") == {""}
    assert Trade.objects.get(account=prices.account).product == "NRML"
    assert set(Trade.objects.exclude(account=prices.account).values_list("product", flat=True)) == {"MIS"}


@pytest.mark.parametrize("status", ["PENDING", "ENTERING", "OPEN", "EXITING"])
def test_a_map_with_a_live_trade_does_not_enter_again(prices: Cast, now: datetime, status: str) -> None:
    enter(prices, now, "s1")
    Trade.objects.update(status=status)

    assert enter(prices, now, "s2") == {"IN_TRADE"}
    assert Trade.objects.count() == 2


@pytest.mark.parametrize("status", ["CLOSED", "ENTRY_FAILED", "HANDED_OVER"])
def test_a_map_whose_trade_is_over_enters_again(prices: Cast, now: datetime, status: str) -> None:
    enter(prices, now, "s1")
    Trade.objects.update(status=status)

    assert enter(prices, now, "s2") == {""}
    assert Trade.objects.count() == 4


def test_yesterdays_day_stop_is_over(prices: Cast, now: datetime) -> None:
    DayStop.objects.create(
        strategy_map=prices.maps[0], trading_date=now.date() - timedelta(days=1), reason="DAY_LOSS", net_pnl=-1
    )
    assert enter(prices, now, "s1") == {""}


def test_a_released_halt_is_over(prices: Cast, now: datetime) -> None:
    halted = set_halt(scope="PLATFORM", reason="drill", actor=None)
    type(halted).objects.update(released_at=timezone.now())
    assert enter(prices, now, "s1") == {""}


def test_one_accounts_halt_leaves_the_others_alone(prices: Cast, now: datetime) -> None:
    set_halt(scope="ACCOUNT", reason="drill", actor=None, account_id=prices.account.pk)
    assert enter(prices, now, "s1") == {"HALTED", ""}
    assert [trade.account for trade in Trade.objects.all()] == [prices.paper_account]


def test_paper_needs_neither_a_live_plan_nor_a_broker_session(prices: Cast, now: datetime) -> None:
    Plan.objects.update(allows_live=False)
    BrokerSession.objects.all().delete()
    BrokerAccount.objects.update(mode="PAPER")
    assert enter(prices, now, "s1") == {""}


def test_unknown_funds_stop_nobody_and_enough_funds_neither(prices: Cast, now: datetime) -> None:
    AccountState.objects.create(account=prices.account, mode="LIVE", available_funds=Decimal(6_500))
    AccountState.objects.create(account=prices.paper_account, mode="PAPER", available_funds=None)
    assert enter(prices, now, "s1") == {""}


def test_a_plan_covers_the_oldest_accounts_first(prices: Cast, now: datetime) -> None:
    Plan.objects.update(max_accounts=1)
    enter(prices, now, "s1")
    assert [trade.account for trade in Trade.objects.all()] == [prices.account]


def test_every_reason_is_tried() -> None:
    elsewhere = {SkipReason.IN_TRADE, SkipReason.NOT_IN_TRADE}  # above, and in test_routing
    assert {reason for _, reason, _ in CASES} | elsewhere == set(SkipReason)


def enter(cast: Cast, now: datetime, key: str) -> set[str]:
    """Route one entry and return the reasons of its verdicts, empty for those that took part."""
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key=key, received_at=now
    )
    wave = route(signal.pk, now=now)
    assert wave is not None
    return set(wave.verdicts.values_list("reason", flat=True))
