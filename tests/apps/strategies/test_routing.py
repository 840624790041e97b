"""A signal becomes one wave: who enters, at what size and price, and how an exit leaves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test.utils import override_settings
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.strategies.models import Signal, StrategyLeg, StrategyMap
from apps.strategies.services.routing import route, sweep_signals
from apps.trading.models import Intent, Order, Trade, TradeLeg, Wave, WaveVerdict
from domain.exit_plan import Amount, ExitPlan, Level, from_json
from domain.orders import LIVE_TRADES
from tests.cast import Cast, make_account, make_option, publish_price


def say(cast: Cast, now: datetime, *, kind: str = "ENTRY", key: str = "s1") -> Signal:
    """Store a signal as the webhook does."""
    return Signal.objects.create(tenant=cast.tenant, strategy=cast.strategy, kind=kind, dedupe_key=key, received_at=now)


def fill(trade: Trade) -> None:
    """Let the trade hold what it ordered, without a broker."""
    for leg in trade.legs.all():
        TradeLeg.objects.filter(pk=leg.pk).update(entry_quantity=leg.quantity, entry_value=leg.quantity * 100)
    Trade.objects.filter(pk=trade.pk).update(status="OPEN")


def test_an_entry_opens_a_trade_in_every_mapped_account(prices: Cast, now: datetime, later: datetime) -> None:
    signal = say(prices, now)

    wave = route(signal.pk, now=later)

    assert wave is not None
    trades = Trade.objects.filter(wave=wave).order_by("pk")
    assert [(t.account, t.mode, t.status) for t in trades] == [
        (prices.account, "LIVE", "PENDING"),
        (prices.paper_account, "PAPER", "PENDING"),
    ]
    leg = trades[0].legs.get()
    assert (leg.instrument, leg.side, leg.quantity) == (prices.call, "BUY", 65)
    order = Order.objects.get(account=prices.account)
    assert (order.status, order.order_type, order.quantity, order.price) == ("PENDING", "LIMIT", 65, Decimal(103))
    assert list(wave.verdicts.values_list("taken", "reason")) == [(True, ""), (True, "")]
    signal.refresh_from_db()
    assert (signal.status, signal.routed_at) == ("ROUTED", later)
    assert AuditEvent.objects.get(kind="signal_routed").data == {"wave": wave.pk, "taken": 2, "skipped": 0}


def test_times_of_a_trade_come_from_the_strategy(prices: Cast, now: datetime, later: datetime) -> None:
    prices.strategy.entry_timeout_seconds = 45
    prices.strategy.save()

    route(say(prices, now).pk, now=later)

    trade = Trade.objects.first()
    assert trade is not None
    assert trade.entry_deadline_at == later + timedelta(seconds=45)
    assert trade.square_off_at == datetime(2026, 11, 16, 9, 40, tzinfo=UTC)  # 15:10 IST
    assert trade.trading_date == now.date()


def test_a_signal_is_routed_once(prices: Cast, now: datetime, later: datetime) -> None:
    signal = say(prices, now)

    assert route(signal.pk, now=later) is not None
    assert route(signal.pk, now=later) is None

    assert (Wave.objects.count(), Trade.objects.count(), Order.objects.count()) == (1, 2, 2)


def test_an_unknown_signal_is_nothing(cast: Cast, now: datetime) -> None:
    assert route(999_999, now=now) is None


def test_an_ignored_signal_is_not_routed(prices: Cast, now: datetime) -> None:
    signal = say(prices, now)
    Signal.objects.update(status="IGNORED")
    assert route(signal.pk, now=now) is None
    assert not Wave.objects.exists()


def test_size_is_the_floor_of_lots_times_multiplier_in_units(prices: Cast, now: datetime, later: datetime) -> None:
    StrategyLeg.objects.update(lots=2)
    StrategyMap.objects.filter(pk=prices.maps[0].pk).update(lot_multiplier=Decimal("1.70"))

    route(say(prices, now).pk, now=later)

    assert list(TradeLeg.objects.order_by("pk").values_list("quantity", flat=True)) == [3 * 65, 2 * 65]


def test_an_order_beyond_the_freeze_quantity_is_sliced(prices: Cast, now: datetime, later: datetime) -> None:
    StrategyMap.objects.update(lot_multiplier=Decimal(30))  # 1,950 units, 1,755 in the largest order

    route(say(prices, now).pk, now=later)

    assert list(Order.objects.filter(account=prices.account).values_list("quantity", flat=True).order_by("pk")) == [
        1755,
        195,
    ]


def test_a_limit_strategy_sends_at_the_touch(prices: Cast, now: datetime, later: datetime) -> None:
    prices.strategy.order_type = "LIMIT"
    prices.strategy.save()

    route(say(prices, now).pk, now=later)

    assert set(Order.objects.values_list("price", flat=True)) == {Decimal(100)}


@override_settings(ENTRY_PROTECTION_PERCENT=Decimal(1))
def test_a_sale_is_protected_downwards_and_on_the_tick_grid(prices: Cast, now: datetime, later: datetime) -> None:
    StrategyLeg.objects.update(side="SELL")
    publish_price(prices.call, "100.05")

    route(say(prices, now).pk, now=later)

    price = Order.objects.values_list("price", flat=True)[0]
    assert price == Decimal("99.00")  # 100.05 less 1 % is 99.0495
    assert price % prices.call.tick_size == 0


def test_a_plan_follows_the_strategy_and_the_maps_own_numbers(prices: Cast, now: datetime, later: datetime) -> None:
    strategy = prices.strategy
    strategy.stop_kind, strategy.trail_value, strategy.trail_after = "POINTS", Decimal(5), Decimal(10)
    strategy.trade_stop_value, strategy.trade_target_value = Decimal(1000), Decimal(50)
    strategy.trade_target_kind = "PERCENT"
    strategy.confirm_ticks, strategy.buffer_percent, strategy.keep_partial = 3, Decimal("0.5"), False
    strategy.save()
    own = {
        "lot_multiplier": Decimal("2.5"),
        "stop_value": Decimal(7),
        "day_loss_limit": Decimal(9000),
        "day_target": Decimal(8000),
    }
    StrategyMap.objects.filter(pk=prices.maps[0].pk).update(**own)

    route(say(prices, now).pk, now=later)

    plan = from_json(Trade.objects.get(account=prices.account).exit_plan)
    assert plan == ExitPlan(
        stop=Level("POINTS", Decimal(7)),
        target=Level("PERCENT", Decimal(40)),
        trail=Level("PERCENT", Decimal(5)),
        trail_after=Level("PERCENT", Decimal(10)),
        trade_stop=Amount("RUPEES", Decimal(2500)),
        trade_target=Amount("PERCENT", Decimal(50)),
        day_loss=Decimal(9000),
        day_target=Decimal(8000),
        confirm_ticks=3,
        buffer_percent=Decimal("0.5"),
        keep_partial=False,
    )
    other = from_json(Trade.objects.get(account=prices.paper_account).exit_plan)
    assert (other.stop, other.trade_stop) == (Level("POINTS", Decimal(20)), Amount("RUPEES", Decimal(1000)))


def test_strike_rules_pick_the_contracts_of_the_moment(cast: Cast, now: datetime, later: datetime) -> None:
    for strike in (25900, 25950, 26050, 26100):
        make_option(Decimal(strike), "CE")
        make_option(Decimal(strike), "PE")
    publish_price(cast.index, "26040")
    for symbol in ("NIFTY23NOV2626100CE", "NIFTY23NOV2625950PE"):
        publish_price(type(cast.call).objects.get(symbol=symbol), "50")
    StrategyLeg.objects.all().delete()
    for position, (right, rule) in enumerate([("CE", "OTM1"), ("PE", "OTM2")], start=1):
        StrategyLeg.objects.create(
            strategy=cast.strategy, position=position, side="SELL", right=right, strike_rule=rule, expiry_rule="WEEK0"
        )

    route(say(cast, now).pk, now=later)

    legs = TradeLeg.objects.filter(trade__account=cast.account).order_by("position")
    assert [leg.instrument.symbol for leg in legs] == ["NIFTY23NOV2626100CE", "NIFTY23NOV2625950PE"]


@pytest.mark.parametrize(("seconds", "status"), [(0, "ROUTED"), (64, "ROUTED"), (66, "EXPIRED")])
def test_an_old_entry_expires_with_its_reason(prices: Cast, now: datetime, seconds: int, status: str) -> None:
    signal = say(prices, now - timedelta(seconds=seconds))

    wave = route(signal.pk, now=now)

    signal.refresh_from_db()
    assert signal.status == status
    assert (wave is None) == (status == "EXPIRED") == (not Trade.objects.exists())
    assert ("66 s" in signal.reason) == (status == "EXPIRED")


def test_an_exit_is_never_too_old(prices: Cast, now: datetime, later: datetime) -> None:
    route(say(prices, now).pk, now=later)
    for trade in Trade.objects.all():
        fill(trade)

    wave = route(say(prices, now - timedelta(hours=1), kind="EXIT", key="s2").pk, now=later)

    assert wave is not None
    assert list(wave.verdicts.values_list("taken", "reason")) == [(True, ""), (True, "")]
    exits = Intent.objects.filter(kind="EXIT")
    assert [(e.side, e.quantity, e.reason) for e in exits] == [("SELL", 65, "SIGNAL")] * 2
    assert set(Trade.objects.values_list("status", flat=True)) == {"EXITING"}


def test_an_exit_leaves_whatever_is_switched_off_or_closed(prices: Cast, now: datetime, later: datetime) -> None:
    route(say(prices, now).pk, now=later)
    for trade in Trade.objects.all():
        fill(trade)
    StrategyMap.objects.filter(pk=prices.maps[0].pk).update(is_active=False)
    prices.maps[1].delete()
    type(prices.strategy).objects.update(is_active=False)

    route(say(prices, now, kind="EXIT", key="s2").pk, now=now + timedelta(days=2))

    assert Intent.objects.filter(kind="EXIT").count() == 2


def test_an_exit_without_a_trade_says_so(prices: Cast, now: datetime, later: datetime) -> None:
    wave = route(say(prices, now, kind="EXIT").pk, now=later)

    assert wave is not None
    assert list(wave.verdicts.values_list("taken", "reason")) == [(False, "NOT_IN_TRADE")] * 2
    assert not Intent.objects.exists()


def test_an_exit_withdraws_an_entry_that_was_not_sent(prices: Cast, now: datetime, later: datetime) -> None:
    route(say(prices, now).pk, now=later)

    route(say(prices, now, kind="EXIT", key="s2").pk, now=later)

    assert set(Order.objects.values_list("status", "reason_code")) == {("ABORTED", "EXIT_FIRST")}


def test_an_exit_never_overtakes_the_entry_before_it(prices: Cast, now: datetime, later: datetime) -> None:
    entry = say(prices, now)
    leaving = say(prices, now, kind="EXIT", key="s2")

    wave = route(leaving.pk, now=later)  # the entry's wake-up was lost, or is on its way

    assert wave is not None
    assert wave.signal == leaving
    entry.refresh_from_db()
    assert entry.status == "ROUTED"
    assert list(wave.verdicts.values_list("taken", flat=True)) == [True, True]
    assert set(Trade.objects.values_list("status", flat=True)) == {"EXITING"}


def test_a_later_signal_waits_for_its_own_turn(prices: Cast, now: datetime, later: datetime) -> None:
    entry, leaving = say(prices, now), say(prices, now, kind="EXIT", key="s2")

    assert route(entry.pk, now=later) is not None

    leaving.refresh_from_db()
    assert leaving.status == "ACCEPTED"


def test_the_sweep_finds_what_nobody_routed(prices: Cast, now: datetime) -> None:
    lost, fresh = say(prices, now - timedelta(seconds=2)), say(prices, now, key="s2")

    assert sweep_signals(now) == 1

    lost.refresh_from_db()
    fresh.refresh_from_db()
    assert (lost.status, fresh.status) == ("ROUTED", "ACCEPTED")
    assert sweep_signals(now) == 0


def test_a_wave_reads_no_more_for_more_accounts(
    prices: Cast, now: datetime, later: datetime, django_assert_max_num_queries: object
) -> None:
    def map_accounts(first: int, last: int) -> None:
        for number in range(first, last):
            account = make_account(prices.trader, "paper", f"MORE{number}", mode="PAPER")
            StrategyMap.objects.create(strategy=prices.strategy, account=account)

    map_accounts(0, 5)
    with django_assert_max_num_queries(10_000) as few:  # type: ignore[operator]
        route(say(prices, now).pk, now=later)
    Trade.objects.update(status="CLOSED")
    map_accounts(5, 40)
    with django_assert_max_num_queries(10_000) as many:  # type: ignore[operator]
        wave = route(say(prices, now, key="s2").pk, now=later)

    assert wave is not None
    assert wave.verdicts.filter(taken=True).count() == 42
    assert len(many.captured_queries) <= len(few.captured_queries)


def test_every_verdict_belongs_to_a_map_and_every_trade_to_a_verdict(
    prices: Cast, now: datetime, later: datetime
) -> None:
    StrategyMap.objects.filter(pk=prices.maps[0].pk).update(is_active=False)

    wave = route(say(prices, now).pk, now=later)

    assert wave is not None
    verdicts = WaveVerdict.objects.filter(wave=wave)
    assert {v.strategy_map_id for v in verdicts} == {m.pk for m in prices.maps}
    taken = {v.strategy_map_id for v in verdicts if v.taken}
    assert taken == set(Trade.objects.filter(wave=wave, status__in=LIVE_TRADES).values_list("strategy_map", flat=True))


def test_prices_are_judged_by_the_wall_not_by_market_time(prices: Cast, now: datetime, later: datetime) -> None:
    wave = route(say(prices, now).pk, now=later, wall=timezone.now() + timedelta(minutes=1))

    assert wave is not None
    assert set(wave.verdicts.values_list("reason", flat=True)) == {"NO_PRICE"}
