"""Calls stay below what a broker's SPEC allows, and exits keep their share."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from apps.trading.execution import lane
from apps.trading.execution.budget import DAY, EXIT_RESERVE_PER_DAY, HALF_HOUR, OrderBudget, ReadBudget, budgets_of
from apps.trading.execution.lane import Attention, LaneWorker
from apps.trading.services.chase import Step
from brokers.flattrade.spec import SPEC as FLATTRADE
from brokers.kotak.spec import SPEC as KOTAK
from brokers.upstox.spec import SPEC as UPSTOX
from brokers.zerodha.spec import SPEC as ZERODHA
from domain.broker import BrokerSpec, RateLimits
from domain.orders import BrokerOrder, OrderRequest, OrderType, Product, Side
from simulator.faces.kotak.calls import BUCKET as KOTAK_CALLS
from simulator.faces.kotak.calls import WINDOWS as KOTAK_WINDOWS
from simulator.faces.limits import CallLimits, LimitSwitch
from simulator.faces.upstox.limits import ORDERS as UPSTOX_ORDERS
from simulator.faces.upstox.limits import WINDOWS as UPSTOX_WINDOWS
from tests.apps.trading.scripted import ScriptedBroker

START = 5_000.0


@dataclass
class FakeTime:
    at: float = START

    def monotonic(self) -> float:
        return self.at


@dataclass
class CountedBroker(ScriptedBroker):
    """Notes when its books were read."""

    time: FakeTime = field(default_factory=FakeTime)
    read_at: list[float] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def _note(self, book: str) -> None:
        self.read_at.append(self.time.at)
        self.read.append(book)

    async def order_book(self) -> Sequence[BrokerOrder]:
        self._note("orders")
        return await ScriptedBroker.order_book(self)

    async def positions(self) -> Any:
        self._note("positions")
        return await ScriptedBroker.positions(self)

    async def trade_book(self) -> Any:
        self._note("trades")
        return await ScriptedBroker.trade_book(self)

    async def funds(self) -> Any:
        self._note("funds")
        return await ScriptedBroker.funds(self)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(lane, "time", SimpleNamespace(monotonic=fake.monotonic))
    return fake


def worker_of(spec: BrokerSpec, clock: FakeTime) -> tuple[LaneWorker, CountedBroker]:
    broker = CountedBroker(spec=spec, time=clock)
    worker = LaneWorker(lane=(1, "LIVE"), broker=broker, session_key="1", wall=lambda: datetime.now(tz=UTC))
    worker.attention = Attention(unresolved=True, in_trade=True)
    return worker, broker


def watch(worker: LaneWorker, clock: FakeTime, *, seconds: float, is_hinted: bool = False) -> list[float]:
    """Read whenever a read is due; return the moments at which reads began."""
    began = []
    end = clock.at + seconds
    while clock.at < end:
        if is_hinted:
            worker.hint()
        if worker.is_due(clock.at):
            began.append(clock.at)
            asyncio.run(worker.read())
        clock.at += 0.125
    return began


def most_in(seconds: float, moments: list[float]) -> int:
    """Return how many of the moments, in order, lie within any span."""
    return max(bisect_left(moments, at + seconds) - number for number, at in enumerate(moments))


def most_in_a_minute(moments: list[float]) -> int:
    return most_in(60.0, moments)


@pytest.mark.parametrize("is_hinted", [False, True])
def test_reads_stay_below_four_fifths_of_the_limit(clock: FakeTime, is_hinted: bool) -> None:
    worker, broker = worker_of(FLATTRADE, clock)
    watch(worker, clock, seconds=300, is_hinted=is_hinted)
    assert 130 <= most_in_a_minute(broker.read_at) <= 160


def test_an_exit_gets_its_positions_before_ordinary_reads(clock: FakeTime) -> None:
    worker, broker = worker_of(FLATTRADE, clock)
    watch(worker, clock, seconds=120, is_hinted=True)
    worker.hint()
    asyncio.run(worker.read())  # the last of what ordinary reads may take
    assert not worker.is_due(clock.at + 0.05)
    worker.size_exits()
    assert worker.is_due(clock.at)
    assert asyncio.run(worker.read()).positions is not None
    for _ in range(2000):  # and even exits that go on asking stay below
        worker.size_exits()
        if worker.is_due(clock.at):
            asyncio.run(worker.read())
        clock.at += 0.05
    assert most_in_a_minute(broker.read_at) <= 160


def test_reads_are_as_quick_as_ever_where_a_minute_has_no_limit(clock: FakeTime) -> None:
    worker, _ = worker_of(ZERODHA, clock)
    began = watch(worker, clock, seconds=60)
    assert {later - at for at, later in pairwise(began)} == {0.5}
    worker.hint()
    assert worker.next_read == min(clock.at + lane.SOON, began[-1] + 0.5)
    worker.size_exits()
    assert worker.next_read == 0.0


FAR_APART = replace(ZERODHA, limits=replace(ZERODHA.limits, books_seconds=5))


@pytest.mark.parametrize("is_hinted", [False, True])
def test_books_are_read_as_far_apart_as_the_broker_wants(clock: FakeTime, is_hinted: bool) -> None:
    worker, _ = worker_of(FAR_APART, clock)
    began = watch(worker, clock, seconds=60, is_hinted=is_hinted)
    assert {later - at for at, later in pairwise(began)} == {5.0}
    reconnected, _ = worker_of(FAR_APART, clock)
    reconnected.spend_from(worker.orders, worker.reads)
    assert reconnected.next_read == began[-1] + 5


def test_an_exit_does_not_wait_for_books_that_must_be_read_far_apart(clock: FakeTime) -> None:
    worker, _ = worker_of(FAR_APART, clock)
    assert worker.may_read_books()
    asyncio.run(worker.read())
    worker.size_exits()
    assert worker.is_due(clock.at)
    assert not worker.may_read_books()  # it has the positions alone
    assert asyncio.run(worker.read_positions()).positions == []
    worker.read_later()
    assert worker.next_read == clock.at + 5
    clock.at += 5
    assert worker.may_read_books()


def test_a_broker_that_fails_is_not_read_beyond_its_limit(clock: FakeTime) -> None:
    budget = ReadBudget(RateLimits(orders=10, reads=10, quotes=1, reads_per_minute=60))
    moments, at = [], START
    while at < START + 300:
        at = max(at, budget.free_at(at, urgent=True))
        budget.note(at)
        moments.append(at)
    assert most_in_a_minute(moments) <= 48


def calls(budget: OrderBudget, *, seconds: float, is_entry: bool) -> list[float]:
    """Call as often as the budget lets."""
    may = budget.may_enter if is_entry else budget.may_call
    moments, at = [], START
    while at < START + seconds:
        while may(at):
            budget.note(at)
            moments.append(at)
        at += 0.125
    return moments


def test_orders_stay_below_the_minutes_limit_and_exits_keep_a_share() -> None:
    assert most_in_a_minute(calls(OrderBudget(FLATTRADE.limits), seconds=200, is_entry=False)) == 38
    assert most_in_a_minute(calls(OrderBudget(FLATTRADE.limits), seconds=200, is_entry=True)) == 28


def test_entries_spent_exits_go_on_until_the_minute_is_full() -> None:
    budget = OrderBudget(FLATTRADE.limits)
    calls(budget, seconds=50, is_entry=True)
    at = START + 50
    assert not budget.may_enter(at)
    assert not budget.spares_exits(at)
    for _ in range(10):
        at += 0.5
        assert budget.may_call(at)
        budget.note(at)
    assert not budget.may_call(at)
    assert budget.may_call(START + 62)  # the minute's first calls are forgotten


@pytest.mark.parametrize(("is_entry", "most"), [(False, 1900), (True, 1800)])
def test_orders_stay_below_the_half_hours_limit_and_exits_keep_a_share(is_entry: bool, most: int) -> None:
    moments = calls(OrderBudget(UPSTOX.limits), seconds=2 * HALF_HOUR, is_entry=is_entry)
    assert most_in(HALF_HOUR, moments) == most
    limits = CallLimits(UPSTOX_WINDOWS, switch=LimitSwitch(enabled=True))
    assert all(limits.take(who="ours", bucket=UPSTOX_ORDERS, now=at) is None for at in moments)


def test_the_days_orders_spent_entries_wait_for_the_next_day_and_exits_never() -> None:
    budget = OrderBudget(ZERODHA.limits)
    went_out = 0
    while budget.may_enter(at := START + went_out):
        budget.note(at)
        went_out += 1
    assert went_out == 5000 * 95 // 100 - EXIT_RESERVE_PER_DAY
    for _ in range(EXIT_RESERVE_PER_DAY):
        at += 1
        assert budget.may_call(at)
        budget.note(at)
    assert budget.may_call(at + 60)
    assert not budget.may_enter(at + 60)
    assert budget.is_day_spent(at + 60)
    again = START + DAY + EXIT_RESERVE_PER_DAY + 1  # what exits took is forgotten, and two more
    assert budget.may_enter(again)
    assert not budget.is_day_spent(again)
    assert not budget.has_day_left(again)
    assert budget.has_day_left(again + 425)  # a tenth of the entries' share


def test_no_day_is_spent_where_the_broker_counts_none() -> None:
    budget = OrderBudget(FLATTRADE.limits)
    for _ in range(6000):
        budget.note(START)
    assert not budget.is_day_spent(START)
    assert budget.has_day_left(START)


@pytest.mark.parametrize("is_hinted", [False, True])
def test_each_book_is_read_below_its_half_hours_limit(clock: FakeTime, is_hinted: bool) -> None:
    worker, broker = worker_of(UPSTOX, clock)
    watch(worker, clock, seconds=1.1 * HALF_HOUR, is_hinted=is_hinted)
    limits = CallLimits(UPSTOX_WINDOWS, switch=LimitSwitch(enabled=True))
    for book in ("orders", "positions"):
        moments = [at for at, read in zip(broker.read_at, broker.read, strict=True) if read == book]
        assert 1200 <= most_in(HALF_HOUR, moments) <= 1600
        assert all(limits.take(who="ours", bucket=book + "-api", now=at) is None for at in moments)


def test_the_half_hours_reads_spent_an_exit_is_still_sized_at_once(clock: FakeTime) -> None:
    worker, _ = worker_of(UPSTOX, clock)
    watch(worker, clock, seconds=HALF_HOUR, is_hinted=True)
    worker.hint()
    asyncio.run(worker.read())  # the last of what ordinary reads may take
    assert not worker.is_due(clock.at + 0.05)
    for _ in range(15):
        worker.size_exits()
        assert worker.is_due(clock.at)
        asyncio.run(worker.read())


RESTING = OrderRequest(
    client_order_id="TAG1",
    exchange="NFO",
    symbol="NIFTY",
    token="1",
    side=Side.BUY,
    quantity=65,
    lot_size=65,
    product=Product.NRML,
    order_type=OrderType.LIMIT,
    price=Decimal(100),
)


def trade_and_watch(clock: FakeTime, *, is_entry: bool) -> tuple[list[float], list[float]]:
    """Send and read as often as one account at Kotak may for half a minute; return when calls and reads went."""
    worker, broker = worker_of(KOTAK, clock)
    order = broker.accept(RESTING)
    may, sent, began, end = worker.may_enter if is_entry else worker.may_call, [], [], clock.at + 30
    while clock.at < end:
        worker.hint()
        if worker.is_due(clock.at):
            began.append(clock.at)
            asyncio.run(worker.read())
        if may():
            asyncio.run(worker.step(Step(lane=worker.lane, order_id=1, broker_order_id=order, change=None)))
            sent.append(clock.at)
        clock.at += 0.05
    return sorted(sent + broker.read_at), began


@pytest.mark.parametrize(("is_entry", "least", "most"), [(False, 9, 9), (True, 6, 7)])
def test_calls_of_every_kind_stay_below_a_limit_they_share(
    clock: FakeTime, is_entry: bool, least: int, most: int
) -> None:
    moments, _ = trade_and_watch(clock, is_entry=is_entry)
    assert least <= most_in(1.0, moments) <= most
    limits = CallLimits(KOTAK_WINDOWS, switch=LimitSwitch(enabled=True))
    assert all(limits.take(who="ours", bucket=KOTAK_CALLS, now=at) is None for at in moments)


def test_entries_leave_room_for_reads_where_all_calls_share_a_limit(clock: FakeTime) -> None:
    _, began = trade_and_watch(clock, is_entry=True)
    assert max(later - at for at, later in pairwise(began)) <= 1.1


def test_exits_take_what_reads_and_entries_leave_of_a_limit_they_share() -> None:
    orders, reads = budgets_of(KOTAK.limits)
    for _ in range(3):
        assert orders.may_enter(START)
        orders.note(START)
    assert not orders.may_enter(START)
    assert reads.free_at(START) == START
    for _ in range(5):
        assert orders.may_call(START)
        orders.note(START)
    assert not orders.may_call(START)  # eight orders are as many as ever
    assert reads.free_at(START, urgent=True) == START + 1
    assert orders.may_enter(START + 1)


def test_a_read_under_way_keeps_its_calls() -> None:
    orders, reads = budgets_of(KOTAK.limits)
    reads.begin()
    for _ in range(5):
        assert orders.may_call(START)
        orders.note(START)
    assert not orders.may_call(START)  # nine are ours, and the read may want four
    reads.note(START)
    assert not orders.may_call(START)
    reads.end()
    assert orders.may_call(START)


def test_the_second_is_capped_by_the_smaller_number() -> None:
    slow = OrderBudget(RateLimits(orders=3, reads=10, quotes=1))
    assert len([at for at in calls(slow, seconds=1, is_entry=False) if at < START + 1]) == 3
    one = OrderBudget(RateLimits(orders=1, reads=10, quotes=1))
    assert one.may_enter(START)


def test_orders_at_kite_are_paced_as_ever() -> None:
    entries = calls(OrderBudget(ZERODHA.limits), seconds=180, is_entry=True)
    assert len(entries) == 6 * 180
    burst = OrderBudget(ZERODHA.limits)
    assert len([at for at in calls(burst, seconds=1, is_entry=False) if at < START + 1]) == 8
