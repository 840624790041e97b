"""A broker a test directs: it keeps a real order book, and answers as it is told to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from brokers.zerodha.spec import SPEC
from domain.broker import BrokerSpec, BrokerUnavailable, Outcome, Verdict
from domain.orders import (
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    Funds,
    OrderChange,
    OrderRequest,
    OrderStatus,
    Side,
)
from tests.brokers.order_cast import accepted_row


@dataclass
class ScriptedBroker:
    """``answers`` are used up one per place, ``change_answers`` one per modify; none left acknowledges. ``fill_price``
    fills what is placed at once."""

    spec: BrokerSpec = SPEC
    answers: list[Outcome] = field(default_factory=list)
    change_answers: list[Outcome] = field(default_factory=list)
    accept_silently: bool = False  # the order is taken although the answer says UNKNOWN
    fill_price: Decimal | None = None
    fill_limit: int | None = None
    takes_at_most: int | None = None  # units of an order that only reduces
    book_is_down: bool = False
    hides: set[str] = field(default_factory=set)  # tags the order book does not show (yet)
    placed: list[OrderRequest] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    modified: list[tuple[str, OrderChange]] = field(default_factory=list)
    book: dict[str, BrokerOrder] = field(default_factory=dict)
    fills: list[BrokerFill] = field(default_factory=list)
    external: dict[tuple[str, str], int] = field(default_factory=dict)
    shown_price: Decimal = Decimal(0)  # what the position book shows as the last price
    gate: asyncio.Event | None = None  # when set, every place waits for it

    async def place(self, request: OrderRequest) -> Outcome:
        self.placed.append(request)
        if request.reduce_only and self.takes_at_most is not None:
            request = replace(request, quantity=min(request.quantity, self.takes_at_most))
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None and not (answer.verdict is Verdict.UNKNOWN and self.accept_silently):
            return answer
        order_id = self.accept(request)
        return answer or Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)

    def accept(self, request: OrderRequest) -> str:
        """Take an order into the book; fills follow by the script."""
        order_id = f"2611160000{len(self.book):05d}"
        self.book[order_id] = accepted_row(order_id, request)
        if self.fill_price is not None:
            self.fill(order_id, min(request.quantity, self.fill_limit or request.quantity), self.fill_price)
        return order_id

    def fill(self, order_id: str, quantity: int, price: Decimal) -> None:
        """Execute a part of an order."""
        order = self.book[order_id]
        filled = order.filled_quantity + quantity
        done = filled == order.quantity
        status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
        raw = "COMPLETE" if done else "OPEN"
        self.book[order_id] = replace(order, filled_quantity=filled, average_price=price, status=status, raw_status=raw)
        self.fills.append(
            BrokerFill(
                broker_order_id=order_id,
                exchange_trade_id=f"T{len(self.fills)}",
                exchange=order.exchange,
                symbol=order.symbol,
                side=order.side,
                quantity=quantity,
                price=price,
                filled_at=datetime.now(tz=UTC),
            )
        )

    def finish(self, order_id: str, status: OrderStatus, reason: str = "") -> None:
        """End an order without a further fill."""
        self.book[order_id] = replace(self.book[order_id], status=status, raw_status=status.value, reason=reason)

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        self.modified.append((broker_order_id, change))
        answer = self.change_answers.pop(0) if self.change_answers else None
        if answer is None or (answer.verdict is Verdict.UNKNOWN and self.accept_silently):
            self.change(broker_order_id, change)
        return answer or Outcome(Verdict.ACKNOWLEDGED, broker_order_id=broker_order_id)

    def change(self, order_id: str, change: OrderChange) -> None:
        """Make a change in the book."""
        price = change.price or Decimal(0)
        self.book[order_id] = replace(self.book[order_id], price=price, quantity=change.quantity)

    async def cancel(self, broker_order_id: str) -> Outcome:
        self.cancelled.append(broker_order_id)
        if self.book[broker_order_id].status not in (OrderStatus.FILLED, OrderStatus.CANCELLED):
            self.finish(broker_order_id, OrderStatus.CANCELLED)
        return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=broker_order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        if self.book_is_down:
            raise BrokerUnavailable("TIMEOUT", "no answer")
        return [order for order in self.book.values() if order.client_order_id not in self.hides]

    async def trade_book(self) -> Sequence[BrokerFill]:
        return list(self.fills)

    async def positions(self) -> Sequence[BrokerPosition]:
        net: dict[tuple[str, str, str], int] = {(e, s, "MIS"): q for (e, s), q in self.external.items()}
        for fill in self.fills:
            key = (fill.exchange, fill.symbol, "MIS")
            net[key] = net.get(key, 0) + Side(fill.side).sign * fill.quantity
        zero = Decimal(0)
        return [BrokerPosition(e, s, p, q, zero, self.shown_price, Decimal(1)) for (e, s, p), q in net.items()]

    async def funds(self) -> Funds:
        return Funds(available=Decimal(1_000_000), used=Decimal(0), total=Decimal(1_000_000))

    async def aclose(self) -> None:
        return None


UNKNOWN = Outcome(Verdict.UNKNOWN, code="TIMEOUT", message="no answer")
REFUSED = Outcome(Verdict.REJECTED, code="MarginException", message="Insufficient funds")
