"""What both markets' rows say alike, in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.binance.ids import by_number
from brokers.rows import MalformedRow, require, require_price, word
from brokers.steps import units_in
from brokers.texts import plain
from domain.orders import BrokerFill, BrokerOrder, OrderStatus, OrderType, Product, Side

_STATUSES = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})


class BookRow(msgspec.Struct, kw_only=True):
    """A row of ``openOrders`` and ``allOrders``."""

    symbol: str
    orderId: int
    clientOrderId: str
    price: Decimal
    origQty: Decimal
    executedQty: Decimal
    status: str
    type: str
    side: str
    time: int
    updateTime: int
    stopPrice: Decimal = Decimal(0)

    def after(self) -> dict[str, str]:
        """Return what asks for the orders that follow."""
        return {"orderId": str(self.orderId + 1)}


class FillRow(msgspec.Struct, kw_only=True):
    """A row of a list of executions."""

    symbol: str
    id: int
    orderId: int
    price: Decimal
    qty: Decimal
    time: int

    def after(self) -> dict[str, str]:
        """Return what asks for the executions that follow."""
        return {"fromId": str(self.id + 1)}


@dataclass(frozen=True, slots=True)
class Market:
    """What a market's rows leave unsaid, and its words for types of orders; ``mark`` begins its contracts' names."""

    exchange: str
    mark: str
    product: Product
    types: Mapping[str, OrderType]

    def order(
        self, row: BookRow, *, name: str, quantity: int, filled: int, average_price: Decimal, is_working: bool
    ) -> BrokerOrder:
        """Return the order a row shows; ``is_working`` is false for a stop that waits. Raises ``MalformedRow``."""
        order_type = word(row.type, self.types, "type")
        return BrokerOrder(
            broker_order_id=name,
            client_order_id=plain(row.clientOrderId),
            exchange=self.exchange,
            symbol=row.symbol,
            side=word(row.side, _SIDES, "side"),
            quantity=quantity,
            filled_quantity=filled,
            average_price=average_price,
            status=_status(row.status, filled, is_waiting=order_type in _STOPS and not is_working),
            order_type=order_type,
            price=row.price,
            trigger_price=row.stopPrice,
            product=self.product,
            raw_status=plain(row.status),
            reason="",
            updated_at=at(row.updateTime),
        )

    def fill(self, row: FillRow, step: Decimal, names: Mapping[int, str], *, side: str) -> BrokerFill:
        """Return the execution a row shows; ``names`` are the orders' by Binance's number. Raises ``MalformedRow``."""
        require_price(row.price, "price")
        contract = f"{self.mark}{row.symbol}"
        return BrokerFill(
            broker_order_id=names.get(row.orderId) or by_number(contract, row.orderId),
            exchange_trade_id=f"{contract}:{row.id}",
            exchange=self.exchange,
            symbol=row.symbol,
            side=word(side, _SIDES, "side"),
            quantity=units(row.qty, step, "qty"),
            price=row.price,
            filled_at=at(row.time),
        )


def counted(row: BookRow, step: Decimal, price: str) -> tuple[int, int]:
    """Return an order's quantity and what of it is filled, in units; raises ``MalformedRow``.

    ``price`` names the field that tells what was paid.
    """
    require(row.symbol, "symbol")
    for name in ("price", "stopPrice", price):
        require_price(getattr(row, name), name)
    quantity, filled = units(row.origQty, step, "origQty"), units(row.executedQty, step, "executedQty")
    if not 0 <= filled <= quantity:
        raise MalformedRow(f"executedQty {row.executedQty} of origQty {row.origQty}")
    return quantity, filled


def units(amount: Decimal, step: Decimal, name: str) -> int:
    """Return an amount in whole units; raises ``MalformedRow`` for one that is none."""
    try:
        return units_in(amount, step)
    except ValueError as error:
        raise MalformedRow(f"{name} {error}") from None


def at(milliseconds: int) -> datetime:
    """Return a time of Binance's; raises ``MalformedRow``."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise MalformedRow(f"{milliseconds} is not a time") from None


def _status(raw: str, filled: int, *, is_waiting: bool) -> OrderStatus:
    status = word(raw, _STATUSES, "status")
    if status is not OrderStatus.OPEN:
        return status
    if filled:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGER_PENDING if is_waiting else OrderStatus.OPEN
