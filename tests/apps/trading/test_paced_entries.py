"""An account whose minute or day of orders is spent: entries wait, exits go, and nobody forgets what was sent."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.trading.execution.budget import OrderBudget
from apps.trading.models import Order, Trade
from apps.trading.services import chase
from apps.trading.services.exit import request_exit_of_trade
from brokers.flattrade.spec import SPEC as FLATTRADE
from brokers.zerodha.spec import SPEC as ZERODHA
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import ScriptedBroker
from tests.cast import Cast, publish_price


def small(cast: Cast, shard: Shard) -> ScriptedBroker:
    """The account's broker with 40 orders a minute."""
    broker = ScriptedBroker(spec=replace(ZERODHA, limits=FLATTRADE.limits))
    shard.brokers[cast.account.pk, "LIVE"] = broker
    return broker


def spend(shard: Shard, cast: Cast, count: int) -> None:
    """Let the last minute (and its day) have seen so many order calls, the last second none."""
    assert shard.engine is not None
    worker = shard.engine.state.lanes[cast.account.pk, "LIVE"]
    worker.orders = OrderBudget(worker.broker.spec.limits)
    for _ in range(count):
        worker.orders.note(shard.clock.monotonic() - 5)


def placed(broker: ScriptedBroker) -> list[str]:
    return [request.side for request in broker.placed]


def test_entries_wait_for_the_minute_while_the_exit_goes(cast: Cast, shard: Shard, now: datetime) -> None:
    broker = small(cast, shard)
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker.fill_price = Decimal(100)
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    spend(shard, cast, 30)
    enter(cast, now, accounts=[cast.account], key="s2")
    shard.settle()
    assert placed(broker) == ["BUY"]
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
    assert placed(broker) == ["BUY", "SELL"]
    spend(shard, cast, 0)
    shard.run(lambda: len(broker.placed) == 3)


def test_an_account_whose_day_of_orders_is_spent_is_told_and_goes_on_another_day(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    broker = ScriptedBroker(spec=replace(ZERODHA, limits=replace(ZERODHA.limits, orders_per_day=40)))
    shard.brokers[cast.account.pk, "LIVE"] = broker  # 38 for us, of which ten are kept for exits
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker.fill_price = Decimal(100)
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    spend(shard, cast, 27)
    shard.settle()
    assert not Halt.objects.exists()
    spend(shard, cast, 28)
    shard.settle()
    halt = Halt.objects.active().get()
    assert (halt.reason_code, halt.account, halt.created_by) == ("ORDERS_SPENT", cast.account, None)
    assert Notification.objects.filter(code="ACCOUNT_HALTED", user=cast.trader).count() == 1
    enter(cast, now, accounts=[cast.account], key="s2")
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
    assert placed(broker) == ["BUY", "SELL"]
    spend(shard, cast, 26)  # two are free again: too few to begin with
    shard.settle()
    assert Halt.objects.active().get() == halt
    spend(shard, cast, 25)
    shard.settle()
    assert not Halt.objects.active().exists()


def test_a_new_connection_remembers_the_minute(cast: Cast, shard: Shard, now: datetime) -> None:
    small(cast, shard)
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Order.objects.get().status == "OPEN")
    engine = shard.engine
    assert engine is not None
    before = engine.state.lanes.pop((cast.account.pk, "LIVE"))
    shard.settle()
    after = engine.state.lanes[cast.account.pk, "LIVE"]
    assert after is not before
    assert after.orders is before.orders
    assert after.reads is before.reads


def test_a_new_leader_counts_what_the_last_one_sent(cast: Cast, shard: Shard, now: datetime) -> None:
    broker = ScriptedBroker(spec=replace(ZERODHA, limits=replace(FLATTRADE.limits, orders_per_minute=4)))
    broker.fill_price = Decimal(100)
    shard.brokers[cast.account.pk, "LIVE"] = broker  # three a minute for us, of which two may be entries
    first, _ = (*enter(cast, now, accounts=[cast.account]), *enter(cast, now, accounts=[cast.account], key="s2"))
    shard.run(lambda: set(Trade.objects.values_list("status", flat=True)) == {"OPEN"})
    enter(cast, now, accounts=[cast.account], key="s3")
    shard.start()
    shard.settle()
    assert placed(broker) == ["BUY", "BUY"]
    request_exit_of_trade(trade=first, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=first.pk).status == "CLOSED")
    assert placed(broker) == ["BUY", "BUY", "SELL"]
    shard.clock.ahead += timedelta(seconds=61)
    shard.start()
    shard.run(lambda: len(broker.placed) == 4)


def test_a_sparing_lane_follows_no_entry(cast: Cast, shard: Shard, now: datetime) -> None:
    broker = small(cast, shard)
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.run(lambda: statuses(trade) == ["OPEN"])
    publish_price(cast.call, "110")
    wall = shard.clock() + chase.CANCEL_AGAIN
    lanes = frozenset({(cast.account.pk, "LIVE")})
    asked: dict[str, Any] = {"shard": 0, "ready": lanes, "specs": {"zerodha": ZERODHA}, "wall": wall}
    assert [step.change is not None for step in chase.next_steps(**asked)] == [True]
    assert chase.next_steps(**asked, sparing=lanes) == []
    Order.objects.update(cancel_requested_at=wall)
    assert [step.change for step in chase.next_steps(**asked, sparing=lanes)] == [None]
    assert broker.modified == []


@pytest.mark.parametrize(("books_seconds", "again"), [(0, 3), (5, 6)])
def test_a_cancel_is_asked_for_again_only_after_the_book_could_be_read(
    cast: Cast, shard: Shard, now: datetime, books_seconds: int, again: int
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.run(lambda: statuses(trade) == ["OPEN"])
    spec = replace(ZERODHA, limits=replace(ZERODHA.limits, books_seconds=books_seconds))
    sent_at = shard.clock()
    Order.objects.update(cancel_requested_at=sent_at, changed_at=sent_at, reason_code="CANCEL_SENT")

    def due(seconds: float) -> int:
        lanes, wall = frozenset({(cast.account.pk, "LIVE")}), sent_at + timedelta(seconds=seconds)
        return len(chase.next_steps(shard=0, ready=lanes, specs={"zerodha": spec}, wall=wall))

    assert [due(again - 0.1), due(again)] == [0, 1]
