"""The paper book survives a crash, is saved before an order is acknowledged, and is never half changed."""

import asyncio
import os
import signal
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.paper.book import BookUnavailable, MemoryBook, PaperState, StaleBook, applied
from brokers.paper.market import PaperSettings
from domain.broker import BrokerUnavailable, Verdict
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.paper.cast import CASH, FileBook, Market, broker, request
from tests.shared import ROOT


def test_a_new_process_finds_orders_fills_positions_and_cash_where_they_were(tmp_path):
    path = tmp_path / "book.json"

    async def before() -> tuple[object, ...]:
        market = Market()
        paper = broker(market, FileBook(path))
        await paper.place(request())
        await paper.place(request(order_type=OrderType.LIMIT, price=Decimal(45)))
        market.tick("40.00")
        await paper.place(request(side=Side.BUY, quantity=65))
        return await shown(paper)

    async def after() -> tuple[object, ...]:
        market = Market()
        market.tick("40.00")
        return await shown(broker(market, FileBook(path)))

    async def shown(paper) -> tuple[object, ...]:
        return await paper.order_book(), await paper.trade_book(), await paper.positions(), await paper.funds()

    remembered = asyncio.run(before())
    assert asyncio.run(after()) == remembered
    assert len(remembered[0]) == 3


def test_a_resting_order_fills_after_the_restart_under_the_next_numbers(tmp_path):
    path = tmp_path / "book.json"

    async def before() -> str:
        outcome = await broker(Market(), FileBook(path)).place(request(order_type=OrderType.LIMIT, price=Decimal(45)))
        return outcome.broker_order_id

    async def after() -> list[str]:
        market = Market()
        market.tick("46.00")
        paper = broker(market, FileBook(path))
        second = await paper.place(request())
        orders = await paper.order_book()
        assert [order.status for order in orders] == [OrderStatus.FILLED, OrderStatus.FILLED]
        assert len({fill.exchange_trade_id for fill in await paper.trade_book()}) == 2
        return [order.broker_order_id for order in orders if order.broker_order_id != second.broker_order_id]

    first = asyncio.run(before())
    assert asyncio.run(after()) == [first]


CHILD = """
import asyncio, sys
from pathlib import Path
from tests.brokers.paper.cast import FileBook, Market, broker, request
async def main():
    paper = broker(Market(), FileBook(Path(sys.argv[1])))
    while True:
        outcome = await paper.place(request())
        print(outcome.broker_order_id, flush=True)
asyncio.run(main())
"""


def test_every_order_acknowledged_before_a_kill_is_in_the_book_with_its_fill(tmp_path):
    path = tmp_path / "book.json"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    acknowledged = [child.stdout.readline().strip() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    acknowledged += [line for line in rest.splitlines() if len(line) == len(acknowledged[0])]

    state = asyncio.run(FileBook(path).load())
    assert set(acknowledged) <= set(state.orders)
    assert {fill.order_id for fill in state.fills} == set(state.orders)
    (position,) = state.positions.values()
    assert position.quantity == -130 * len(state.orders)


class Failing(MemoryBook):
    """A book whose next save fails, before or after it was written."""

    def __init__(self, *, saves: bool) -> None:
        super().__init__(cash=CASH)
        self._saves = saves
        self.is_broken = True

    async def apply(self, change) -> None:
        if not self.is_broken or self._saves:
            await super().apply(change)
        if self.is_broken:
            self.is_broken = False
            raise BookUnavailable("the disk is full")


@pytest.mark.parametrize("saves", [False, True])
def test_an_order_whose_save_failed_is_unknown_and_resolved_by_its_tag(saves):
    async def journey() -> None:
        paper = broker(Market(), Failing(saves=saves))
        wish = request()
        outcome = await paper.place(wish)
        assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "BOOK")
        found = [order.client_order_id for order in await paper.order_book()]
        assert found == ([wish.client_order_id] if saves else [])

    asyncio.run(journey())


class Unreadable(MemoryBook):
    async def load(self) -> PaperState:
        raise OSError("no such device")


def test_a_book_that_cannot_be_read_is_unavailable_never_empty():
    async def journey() -> None:
        paper = broker(Market(), Unreadable(cash=CASH))
        for read in (paper.order_book, paper.trade_book, paper.positions, paper.funds):
            with pytest.raises(BrokerUnavailable, match="BOOK"):
                await read()
        assert (await paper.place(request())).verdict is Verdict.UNKNOWN
        assert (await paper.cancel("1")).verdict is Verdict.UNKNOWN

    asyncio.run(journey())


class Contended(MemoryBook):
    """A book that somebody else changes between our look and our save."""

    def __init__(self, times: int) -> None:
        super().__init__(cash=CASH)
        self.times = times

    async def apply(self, change) -> None:
        if self.times:
            self.times -= 1
            await super().apply(type(change)(base_version=change.base_version, cash=change.cash))
            raise StaleBook("somebody was first")
        await super().apply(change)


def test_a_book_changed_meanwhile_is_decided_on_anew():
    async def journey() -> None:
        paper = broker(Market(), Contended(3))
        assert (await paper.place(request())).verdict is Verdict.ACKNOWLEDGED
        assert len(await paper.trade_book()) == 1

    asyncio.run(journey())


def test_a_book_that_never_comes_to_rest_is_not_an_acceptance():
    async def journey() -> None:
        book = Contended(1_000)
        paper = broker(Market(), book)
        assert (await paper.place(request())).verdict is Verdict.RATE_LIMITED
        book.times = 0
        assert await paper.order_book() == []

    asyncio.run(journey())


def test_orders_placed_at_once_all_count():
    async def journey() -> None:
        paper = broker(Market())
        outcomes = await asyncio.gather(*(paper.place(request(quantity=65)) for _ in range(10)))
        assert len({outcome.broker_order_id for outcome in outcomes}) == 10
        assert [one.quantity for one in await paper.positions()] == [-650]

    asyncio.run(journey())


def test_a_change_made_on_an_older_book_is_not_applied():
    async def journey() -> None:
        book = MemoryBook(cash=CASH)
        await broker(Market(), book).place(request())
        state = await book.load()
        with pytest.raises(StaleBook):
            applied(state, type("Change", (), {"base_version": 0})())

    asyncio.run(journey())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["market", "limit", "cancel", "tick", "look"]),
        st.sampled_from([Side.BUY, Side.SELL]),
        st.integers(1, 4),
        st.integers(1, 2000),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_fills_make_the_positions_the_orders_and_the_cash(steps):
    async def journey() -> None:
        market = Market()
        market.show(freeze_quantity=None, bid_quantity=65, ask_quantity=130)
        book = MemoryBook(cash=CASH)
        paper = broker(market, book, PaperSettings(slippage_ticks=None))
        for kind, side, lots, ticks in steps:
            price = ticks * Decimal("0.05")
            wish = {"side": side, "quantity": lots * 65}
            if kind == "market":
                await paper.place(request(**wish))
            elif kind == "limit":
                await paper.place(request(**wish, order_type=OrderType.LIMIT, price=price))
            elif kind == "cancel":
                await paper.cancel(next(iter((await book.load()).orders), "none"))
            elif kind == "tick":
                await paper.on_ticks([market.tick(str(price), bid=price, ask=price + Decimal("0.05"))])
            else:
                await paper.order_book()
        check(await book.load())

    asyncio.run(journey())


def check(state: PaperState) -> None:
    flow = Decimal(0)
    net = 0
    for fill in state.fills:
        net += fill.side.sign * fill.quantity
        flow -= fill.side.sign * fill.quantity * fill.price
    position = next(iter(state.positions.values()), None)
    assert (position.quantity if position else 0) == net
    worth = position.average_price * net if position else 0
    assert abs(state.cash + 0 - CASH - (flow + worth)) < Decimal("0.000001")
    for order in state.orders.values():
        filled = sum(fill.quantity for fill in state.fills if fill.order_id == order.order_id)
        assert filled == order.filled_quantity <= order.quantity
        assert (filled == order.quantity) is (order.status is OrderStatus.FILLED)
    assert len({fill.trade_id for fill in state.fills}) == len(state.fills)
