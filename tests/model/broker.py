"""A broker as bad as real ones: it keeps its own truth, and shows it late, in part, twice or not at all.

``Street`` is the record of what truly happened, in the words of the invariants; ``House`` one client's account at one
broker; ``Line`` the connection a process holds to it. Nothing here knows the product's tables.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count

from brokers.zerodha.spec import SPEC
from domain.broker import BrokerSpec, BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict
from domain.invariants.broker_side import Answer, BookFill, BookOrder, BrokerBook, Call, WireRequest
from domain.orders import (
    WORKING,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    Funds,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Validity,
)

HTTP_TIMEOUT = 7.0
"""After this many seconds a caller stops waiting for an answer."""


class Fate(StrEnum):
    """What becomes of one order call."""

    REFUSED = "refused: proved not accepted"
    LIMITED = "429, nothing done"
    LOST = "never delivered"
    MUTE = "done, never answered"
    SLOW = "done, answered three seconds later"
    LATE_8 = "reset at once, done 8 s later"
    LATE_83 = "reset at once, done 83 s later"
    LATE_110 = "reset at once, done 110 s later"
    SAID_400 = "400 timed out, done a second later"
    NO_ID = "200 without an id, done"
    REJECTED_LATER = "an id, then refused by the exchange"
    RACED = "filled before the call arrived"
    LINGERING = "acknowledged, the order lives two seconds longer"


LATE = {Fate.LATE_8: 8.0, Fate.LATE_83: 83.0, Fate.LATE_110: 110.0, Fate.SAID_400: 1.0}
PLACE_FATES = [fate for fate in Fate if fate not in (Fate.RACED, Fate.LINGERING)]
CANCEL_FATES = [Fate.REFUSED, Fate.LIMITED, Fate.LOST, Fate.MUTE, Fate.SLOW, Fate.RACED, Fate.LINGERING]
MODIFY_FATES = [Fate.REFUSED, Fate.LIMITED, Fate.LOST, Fate.MUTE, Fate.SLOW, Fate.RACED]


class Reading(StrEnum):
    """What one read of the order book shows."""

    EMPTY = "an empty book"
    TRUNCATED = "the oldest half only"
    DOWN = "502"
    LIMITED = "429"


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution: when, and what."""

    at: datetime
    fill: BrokerFill


@dataclass
class Street:
    """Everything that truly happened at the brokers, in order."""

    now: Callable[[], datetime]
    wire: list[WireRequest] = field(default_factory=list)
    orders: dict[str, BookOrder] = field(default_factory=dict)
    fills: list[BookFill] = field(default_factory=list)
    _lines: "count[int]" = field(default_factory=lambda: count(1))
    _later: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)

    def line(self) -> int:
        """Return the next line of the ledger."""
        return next(self._lines)

    @property
    def book(self) -> BrokerBook:
        """What the brokers hold, as the invariants read it."""
        return BrokerBook(tuple(self.orders.values()), tuple(self.fills))

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen in a while."""
        heapq.heappush(self._later, (self.now() + timedelta(seconds=seconds), self.line(), what))

    def next_due(self) -> datetime | None:
        """When the next thing happens."""
        return self._later[0][0] if self._later else None

    def run_due(self) -> None:
        """Do everything whose time has come."""
        while self._later and self._later[0][0] <= self.now():
            heapq.heappop(self._later)[2]()


@dataclass
class House:
    """One client's account at its broker. ``fills_at_once``: units a new order gets immediately (``None``: all).

    ``place``, ``cancel``, ``modify`` and ``reads`` are the fates of the next calls of their kind; then all is well.
    ``book_lag`` and ``position_lag`` are seconds by which what is shown is older than what is true.
    """

    street: Street
    broker: str
    client_id: str
    price: Callable[[str], Decimal] = lambda symbol: Decimal(100)
    fills_at_once: int | None = None
    place: deque[Fate] = field(default_factory=deque)
    cancel: deque[Fate] = field(default_factory=deque)
    modify: deque[Fate] = field(default_factory=deque)
    reads: deque[Reading] = field(default_factory=deque)
    book_lag: float = 0.0
    position_lag: float = 0.0
    token: int = 1
    token_is_alive: bool = True
    is_on_wire: bool = True
    history: dict[str, list[tuple[datetime, BrokerOrder]]] = field(default_factory=dict)
    executed: list[Executed] = field(default_factory=list)
    lots: dict[str, int] = field(default_factory=dict)

    # what is true ------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> BrokerOrder:
        """Return an order as it stands."""
        return self.history[order_id][-1][1]

    def resting(self) -> list[BrokerOrder]:
        """Return the orders at work, oldest first."""
        return [order for order_id in self.history if (order := self.order(order_id)).status in WORKING]

    def net(self, symbol: str) -> int:
        """Return the true position, signed units."""
        return sum(one.fill.side.sign * one.fill.quantity for one in self.executed if one.fill.symbol == symbol)

    def arrived(self, call: Call, answer: Answer, *, tag: str = "", order_id: str = "", **what: object) -> None:
        """Write down that a call arrived (or was lost on its way)."""
        if not self.is_on_wire:
            return
        now = self.street.now()
        self.street.wire.append(
            WireRequest(
                line=self.street.line(),
                at=now,
                market_at=now,
                broker=self.broker,
                client_id=self.client_id,
                call=call,
                answer=answer,
                tag=tag,
                broker_order_id=order_id,
                **what,  # type: ignore[arg-type]
            )
        )

    def accept(self, request: OrderRequest, *, is_manual: bool = False) -> str:
        """Take an order into the book; executions follow by what fills at once."""
        line = self.street.line()
        order_id = f"{self.client_id}{line:08d}"
        self.lots[order_id] = request.lot_size
        self.history[order_id] = []
        self._set(_shown(order_id, request))
        if self.is_on_wire:
            self.street.orders[order_id] = BookOrder(
                line=line,
                at=self.street.now(),
                broker=self.broker,
                client_id=self.client_id,
                broker_order_id=order_id,
                tag=request.client_order_id,
                exchange=request.exchange,
                symbol=request.symbol,
                side=request.side,
                quantity=request.quantity,
                is_manual=is_manual,
            )
        wanted = request.quantity if self.fills_at_once is None else min(request.quantity, self.fills_at_once)
        if wanted:
            self.fill(order_id, wanted)
        return order_id

    def fill(self, order_id: str, quantity: int) -> None:
        """Execute part of an order, also of one that was cancelled meanwhile."""
        order = self.order(order_id)
        quantity = min(quantity, order.quantity - order.filled_quantity)
        if quantity <= 0:
            return
        filled, price, line = order.filled_quantity + quantity, self.price(order.symbol), self.street.line()
        status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.PARTIALLY_FILLED
        if order.status not in WORKING and status is not OrderStatus.FILLED:
            status = order.status
        self._set(replace(order, filled_quantity=filled, average_price=price, status=status, raw_status=status.value))
        fill = BrokerFill(
            order_id, f"T{line}", order.exchange, order.symbol, order.side, quantity, price, self.street.now()
        )
        self.executed.append(Executed(self.street.now(), fill))
        if self.is_on_wire:
            self.street.fills.append(
                BookFill(
                    line=line,
                    at=fill.filled_at,
                    broker=self.broker,
                    client_id=self.client_id,
                    broker_order_id=order_id,
                    exchange_trade_id=fill.exchange_trade_id,
                    exchange=order.exchange,
                    symbol=order.symbol,
                    side=order.side,
                    quantity=quantity,
                    price=price,
                )
            )

    def finish(self, order_id: str, status: OrderStatus, reason: str = "") -> None:
        """End an order that still works."""
        order = self.order(order_id)
        if order.status not in WORKING:
            return
        self._set(replace(order, status=status, raw_status=status.value, reason=reason))
        if order_id in self.street.orders:
            booked = self.street.orders[order_id]
            rejected = status is OrderStatus.REJECTED
            self.street.orders[order_id] = replace(booked, ended_line=self.street.line(), is_rejected=rejected)

    def reprice(self, order_id: str, change: OrderChange) -> None:
        """Change a working order's limit and total; the market may take it at once. What is filled stays filled."""
        order = self.order(order_id)
        if order.status in WORKING and change.quantity > order.filled_quantity:
            self._set(replace(order, price=change.price or Decimal(0), quantity=change.quantity))
            if self.fills_at_once is None:
                self.fill(order_id, order.quantity)

    def _set(self, order: BrokerOrder) -> None:
        self.history[order.broker_order_id].append((self.street.now(), replace(order, updated_at=self.street.now())))

    # what is shown -----------------------------------------------------------------------------------------------

    def shown_orders(self) -> list[BrokerOrder]:
        """Return the book as a reader sees it."""
        at = self.street.now() - timedelta(seconds=self.book_lag)
        known = [[order for stamp, order in versions if stamp <= at] for versions in self.history.values()]
        return [versions[-1] for versions in known if versions]

    def shown_fills(self) -> list[BrokerFill]:
        """Return the trade book as a reader sees it."""
        at = self.street.now() - timedelta(seconds=self.book_lag)
        return [one.fill for one in self.executed if one.at <= at]

    def shown_positions(self) -> list[BrokerPosition]:
        """Return the positions as a reader sees them: they may be older than the books."""
        at = self.street.now() - timedelta(seconds=self.position_lag)
        net: dict[tuple[str, str], int] = {}
        for one in self.executed:
            if one.at <= at:
                key = (one.fill.exchange, one.fill.symbol)
                net[key] = net.get(key, 0) + one.fill.side.sign * one.fill.quantity
        zero = Decimal(0)
        return [BrokerPosition(e, s, "MIS", quantity, zero, zero, Decimal(1)) for (e, s), quantity in net.items()]

    # people ------------------------------------------------------------------------------------------------------

    def trade_by_hand(self, *, exchange: str, symbol: str, side: Side, quantity: int, lot_size: int) -> str:
        """A person gives an order in the broker's own app."""
        request = OrderRequest(
            "", exchange, symbol, "", side, quantity, lot_size, Product.MIS, OrderType.MARKET, Validity.DAY
        )
        order_id = self.accept(request, is_manual=True)
        self.fill(order_id, quantity)
        return order_id

    def heal(self) -> None:
        """Stop every fault that is still to come."""
        for queue in (self.place, self.cancel, self.modify):
            queue.clear()
        self.reads.clear()
        self.book_lag = self.position_lag = 0.0
        self.fills_at_once = None


def _shown(order_id: str, request: OrderRequest) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id=order_id,
        client_order_id=request.client_order_id,
        exchange=request.exchange,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        filled_quantity=0,
        average_price=Decimal(0),
        status=OrderStatus.OPEN,
        order_type=request.order_type,
        price=request.price,
        trigger_price=request.trigger_price,
        product=request.product,
        raw_status="OPEN",
        reason="",
        updated_at=None,
    )


class Wires:
    """The process at this end of a line: whether it still runs, and how it waits."""

    def check(self) -> None:
        """Raise when the process is dead: nothing of it reaches the wire any more."""
        raise NotImplementedError

    def wait(self, seconds: float) -> "asyncio.Future[None]":
        """Return what is done once so many seconds of the model's time have passed."""
        raise NotImplementedError

    def saw(self, tag: str) -> None:
        """Look at what is committed of an order at the moment it arrives."""
        raise NotImplementedError


GONE = Outcome(Verdict.UNKNOWN, code="TIMEOUT", message="no answer")
DEAD = Outcome(Verdict.SESSION_LOST, code="TokenException", message="Incorrect `api_key` or `access_token`.")


@dataclass
class Line:
    """One signed-in connection of one process to a house; implements ``domain.broker.Broker``."""

    house: House
    process: Wires
    token: int
    spec: BrokerSpec = SPEC

    def _is_dead(self) -> bool:
        self.process.check()
        return not self.house.token_is_alive or self.token != self.house.token

    async def place(self, request: OrderRequest) -> Outcome:
        """One order request."""
        house = self.house
        self.process.check()
        self.process.saw(request.client_order_id)
        fate = house.place.popleft() if house.place else None
        what = {
            "tag": request.client_order_id,
            "exchange": request.exchange,
            "symbol": request.symbol,
            "side": request.side.value,
            "quantity": request.quantity,
        }
        if fate is Fate.LOST:
            house.arrived(Call.PLACE, Answer.DROPPED, **what)  # type: ignore[arg-type]
            return GONE
        if self._is_dead():
            house.arrived(Call.PLACE, Answer.REFUSED, **what)  # type: ignore[arg-type]
            return DEAD
        if fate in (Fate.REFUSED, Fate.LIMITED):
            house.arrived(Call.PLACE, Answer.REFUSED, **what)  # type: ignore[arg-type]
            return _REFUSALS[fate]
        house.arrived(Call.PLACE, Answer.ACCEPTED, **what)  # type: ignore[arg-type]
        if fate in LATE:
            house.street.later(LATE[fate], lambda: _accept(house, request))
            return replace(GONE, code="400" if fate is Fate.SAID_400 else "RESET")
        order_id = house.accept(request) if fate is not Fate.REJECTED_LATER else _refused_later(house, request)
        return await self._answer(fate, order_id)

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """One price change."""
        return await self._change(
            Call.MODIFY, self.house.modify, broker_order_id, lambda: self.house.reprice(broker_order_id, change)
        )

    async def cancel(self, broker_order_id: str) -> Outcome:
        """One cancel."""
        return await self._change(
            Call.CANCEL,
            self.house.cancel,
            broker_order_id,
            lambda: self.house.finish(broker_order_id, OrderStatus.CANCELLED),
        )

    async def _change(self, call: Call, fates: deque[Fate], order_id: str, do: Callable[[], None]) -> Outcome:
        house = self.house
        self.process.check()
        fate = fates.popleft() if fates else None
        if fate is Fate.LOST:
            house.arrived(call, Answer.DROPPED, order_id=order_id)
            return GONE
        if self._is_dead():
            house.arrived(call, Answer.REFUSED, order_id=order_id)
            return DEAD
        if fate is Fate.RACED:
            house.fill(order_id, house.order(order_id).quantity)
        if fate in (Fate.REFUSED, Fate.LIMITED) or house.order(order_id).status not in WORKING:
            house.arrived(call, Answer.REFUSED, order_id=order_id)
            return _REFUSALS.get(fate, _REFUSALS[Fate.REFUSED])
        house.arrived(call, Answer.ACCEPTED, order_id=order_id)
        if fate is Fate.LINGERING:
            house.street.later(2.0, do)
            return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)
        do()
        return await self._answer(fate, order_id)

    async def _answer(self, fate: Fate | None, order_id: str) -> Outcome:
        if fate is Fate.MUTE:
            await self.process.wait(HTTP_TIMEOUT)
            return GONE
        if fate is Fate.NO_ID:
            return replace(GONE, code="NO_ID")
        if fate is Fate.SLOW:
            await self.process.wait(3.0)
        return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """The order book, as bad as it is this time."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        reading = self.house.reads.popleft() if self.house.reads else None
        if reading is Reading.DOWN:
            raise BrokerUnavailable("502", "Bad gateway")
        if reading is Reading.LIMITED:
            raise RateLimited("429", "Too many requests")
        shown = self.house.shown_orders()
        if reading is Reading.EMPTY:
            return []
        return shown[: len(shown) // 2] if reading is Reading.TRUNCATED else shown

    async def trade_book(self) -> Sequence[BrokerFill]:
        """The trade book."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        return self.house.shown_fills()

    async def positions(self) -> Sequence[BrokerPosition]:
        """The positions."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        return self.house.shown_positions()

    async def funds(self) -> Funds:
        """More money than any test spends."""
        self.process.check()
        return Funds(available=Decimal(10_000_000), used=Decimal(0), total=Decimal(10_000_000))

    async def aclose(self) -> None:
        """Nothing is held open."""


def _accept(house: House, request: OrderRequest) -> None:
    house.accept(request)


def _refused_later(house: House, request: OrderRequest) -> str:
    """An order id comes back; the exchange says no half a second later."""
    before, house.fills_at_once = house.fills_at_once, 0
    order_id = house.accept(request)
    house.fills_at_once = before
    house.street.later(0.5, lambda: house.finish(order_id, OrderStatus.REJECTED, "16283 : price out of range"))
    return order_id


_REFUSALS: dict[Fate | None, Outcome] = {
    Fate.REFUSED: Outcome(Verdict.REJECTED, code="MarginException", message="Insufficient funds"),
    Fate.LIMITED: Outcome(Verdict.RATE_LIMITED, code="429", message="Too many requests"),
}
