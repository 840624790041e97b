"""A broker as bad as real ones: it keeps its own truth, and shows it late, in part, twice or not at all.

Nothing here knows the product's tables.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.invariants.broker_side import Answer, BookFill, BookOrder, Call, WireRequest
from domain.orders import (
    WORKING,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Validity,
)
from tests.brokers.order_cast import accepted_row
from tests.model.fates import Fate, Reading
from tests.model.street import Street


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution: when, and what."""

    at: datetime
    fill: BrokerFill


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
        self._set(accepted_row(order_id, request))
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
