"""The futures exchange's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from brokers.binance.ids import FUTURES_MARK, by_number, order_id
from brokers.binance.mapping import SIDES, STATUSES, at, units
from brokers.binance.spec import FUTURES
from brokers.rows import MalformedRow, require, require_price, word
from brokers.texts import plain
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, OrderStatus, OrderType, Product

ONE_WAY = "BOTH"
"""The only position side of an account that is not in hedge mode."""

_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.SL,
    "STOP_MARKET": OrderType.SL_M,
    "TAKE_PROFIT": OrderType.SL,
    "TAKE_PROFIT_MARKET": OrderType.SL_M,
    "TRAILING_STOP_MARKET": OrderType.SL_M,
    "LIQUIDATION": OrderType.MARKET,
}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})


class OrderRow(msgspec.Struct):
    """A row of ``openOrders`` and ``allOrders``."""

    symbol: str
    orderId: int
    clientOrderId: str
    price: Decimal
    origQty: Decimal
    executedQty: Decimal
    avgPrice: Decimal
    status: str
    type: str
    side: str
    time: int
    updateTime: int
    stopPrice: Decimal = Decimal(0)

    def after(self) -> dict[str, str]:
        """Return what asks for the orders that follow."""
        return {"orderId": str(self.orderId + 1)}


class TradeRow(msgspec.Struct):
    """A row of ``userTrades``."""

    symbol: str
    id: int
    orderId: int
    side: str
    price: Decimal
    qty: Decimal
    time: int

    def after(self) -> dict[str, str]:
        """Return what asks for the executions that follow."""
        return {"fromId": str(self.id + 1)}


class PositionRow(msgspec.Struct):
    """A row of ``positionRisk``: a contract that is held, or has orders."""

    symbol: str
    positionSide: str
    positionAmt: Decimal
    entryPrice: Decimal
    markPrice: Decimal


def names_of(rows: Iterable[OrderRow]) -> dict[int, str]:
    """Return what each order is called, by Binance's number.

    A client order id is free again once its order has ended: only the last order that bore it is called by it.
    """
    last = {(row.symbol, row.clientOrderId): row.orderId for row in sorted(rows, key=lambda row: row.orderId)}
    return {number: order_id(f"{FUTURES_MARK}{symbol}", tag, number) for (symbol, tag), number in last.items()}


def order_of(row: OrderRow, step: Decimal, names: Mapping[int, str]) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    require(row.symbol, "symbol")
    for name in ("price", "stopPrice", "avgPrice"):
        require_price(getattr(row, name), name)
    quantity, filled = units(row.origQty, step, "origQty"), units(row.executedQty, step, "executedQty")
    if not 0 <= filled <= quantity:
        raise MalformedRow(f"executedQty {row.executedQty} of origQty {row.origQty}")
    order_type = word(row.type, _TYPES, "type")
    return BrokerOrder(
        broker_order_id=names.get(row.orderId) or _numbered(row.symbol, row.orderId),
        client_order_id=plain(row.clientOrderId),
        exchange=FUTURES,
        symbol=row.symbol,
        side=word(row.side, SIDES, "side"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=row.avgPrice if filled else Decimal(0),
        status=_status(row.status, filled, order_type),
        order_type=order_type,
        price=row.price,
        trigger_price=row.stopPrice,
        product=Product.NRML,
        raw_status=plain(row.status),
        reason="",
        updated_at=at(row.updateTime),
    )


def fill_of(row: TradeRow, step: Decimal, names: Mapping[int, str]) -> BrokerFill:
    """Return the execution a row shows; ``names`` are the orders' by Binance's number. Raises ``MalformedRow``."""
    require_price(row.price, "price")
    return BrokerFill(
        broker_order_id=names.get(row.orderId) or _numbered(row.symbol, row.orderId),
        exchange_trade_id=f"{FUTURES_MARK}{row.symbol}:{row.id}",
        exchange=FUTURES,
        symbol=row.symbol,
        side=word(row.side, SIDES, "side"),
        quantity=units(row.qty, step, "qty"),
        price=row.price,
        filled_at=at(row.time),
    )


def position_of(row: PositionRow, step: Decimal) -> BrokerPosition:
    """Return the position a row shows, its last price the mark price; raises ``MalformedRow``."""
    for name in ("entryPrice", "markPrice"):
        require_price(getattr(row, name), name)
    return BrokerPosition(
        exchange=FUTURES,
        symbol=row.symbol,
        product=Product.NRML,
        quantity=units(row.positionAmt, step, "positionAmt"),
        average_price=row.entryPrice,
        last_price=row.markPrice,
        multiplier=step,
    )


def _numbered(symbol: str, number: int) -> str:
    return by_number(f"{FUTURES_MARK}{symbol}", number)


def _status(raw: str, filled: int, order_type: OrderType) -> OrderStatus:
    """A stop that was triggered is shown as the limit or market order it became."""
    status = word(raw, STATUSES, "status")
    if status is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGER_PENDING if status is OrderStatus.OPEN and order_type in _STOPS else status
