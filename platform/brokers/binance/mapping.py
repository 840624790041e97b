"""Binance's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.binance.ids import by_number, order_id
from brokers.binance.spec import SPOT
from brokers.rows import MalformedRow, require, require_price, word
from brokers.steps import units_in
from brokers.texts import plain
from domain.orders import BrokerFill, BrokerOrder, OrderStatus, OrderType, Product, Side

STATUSES = {
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
_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.SL_M,
    "STOP_LOSS_LIMIT": OrderType.SL,
    "TAKE_PROFIT": OrderType.SL_M,
    "TAKE_PROFIT_LIMIT": OrderType.SL,
}
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_CENT_OF_A_CENT = Decimal("0.00000001")


class OrderRow(msgspec.Struct):
    """A row of ``openOrders`` and ``allOrders``; ``isWorking`` is false for a stop that waits."""

    symbol: str
    orderId: int
    clientOrderId: str
    price: Decimal
    origQty: Decimal
    executedQty: Decimal
    cummulativeQuoteQty: Decimal
    status: str
    type: str
    side: str
    time: int
    updateTime: int
    stopPrice: Decimal = Decimal(0)
    isWorking: bool = True

    def after(self) -> dict[str, str]:
        """Return what asks for the orders that follow."""
        return {"orderId": str(self.orderId + 1)}


class TradeRow(msgspec.Struct):
    """A row of ``myTrades``."""

    symbol: str
    id: int
    orderId: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commissionAsset: str
    time: int
    isBuyer: bool

    def after(self) -> dict[str, str]:
        """Return what asks for the executions that follow."""
        return {"fromId": str(self.id + 1)}


def orders_of(rows: Iterable[OrderRow], steps: Mapping[str, Decimal]) -> list[BrokerOrder]:
    """Return one order per name: what a modify replaced is one with what replaced it. Raises ``MalformedRow``."""
    named: dict[str, list[OrderRow]] = {}
    for row in rows:
        named.setdefault(order_id(row.symbol, row.clientOrderId, row.orderId), []).append(row)
    return [_one(sorted(same, key=lambda row: row.orderId), steps) for same in named.values()]


def _one(rows: Sequence[OrderRow], steps: Mapping[str, Decimal]) -> BrokerOrder:
    """Return the latest of the orders of one name, with what those it replaced had filled."""
    *before, order = (order_of(row, steps[row.symbol]) for row in rows)
    earlier = sum(one.filled_quantity for one in before)
    if not earlier:
        return order
    filled = earlier + order.filled_quantity
    worth = sum((one.filled_quantity * one.average_price for one in (*before, order)), Decimal(0))
    quantity = earlier + order.quantity
    return replace(order, quantity=quantity, filled_quantity=filled, average_price=worth / filled)


def order_of(row: OrderRow, step: Decimal) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    require(row.symbol, "symbol")
    for name in ("price", "stopPrice", "cummulativeQuoteQty"):
        require_price(getattr(row, name), name)
    quantity, filled = units(row.origQty, step, "origQty"), units(row.executedQty, step, "executedQty")
    if not 0 <= filled <= quantity:
        raise MalformedRow(f"executedQty {row.executedQty} of origQty {row.origQty}")
    order_type = word(row.type, _TYPES, "type")
    return BrokerOrder(
        broker_order_id=order_id(row.symbol, row.clientOrderId, row.orderId),
        client_order_id=plain(row.clientOrderId),
        exchange=SPOT,
        symbol=row.symbol,
        side=word(row.side, SIDES, "side"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=_average(row.cummulativeQuoteQty, row.executedQty),
        status=_status(row, filled, order_type),
        order_type=order_type,
        price=row.price,
        trigger_price=row.stopPrice,
        product=Product.CNC,
        raw_status=plain(row.status),
        reason="",
        updated_at=at(row.updateTime),
    )


def fill_of(row: TradeRow, step: Decimal, names: Mapping[int, str]) -> BrokerFill:
    """Return the execution a row shows; ``names`` are the orders' by Binance's number. Raises ``MalformedRow``."""
    require_price(row.price, "price")
    return BrokerFill(
        broker_order_id=names.get(row.orderId) or by_number(row.symbol, row.orderId),
        exchange_trade_id=f"{row.symbol}:{row.id}",
        exchange=SPOT,
        symbol=row.symbol,
        side=Side.BUY if row.isBuyer else Side.SELL,
        quantity=units(row.qty, step, "qty"),
        price=row.price,
        filled_at=at(row.time),
    )


def cost_of(trades: Sequence[TradeRow], *, held: Decimal, base: str, within: Decimal) -> Decimal | None:
    """Return the average price of what is held; ``None`` where the executions do not add up to it, give or take
    ``within``."""
    quantity, worth = Decimal(0), Decimal(0)
    for trade in trades:
        fee = trade.commission if trade.commissionAsset == base else Decimal(0)
        if trade.isBuyer:
            quantity, worth = quantity + trade.qty - fee, worth + trade.qty * trade.price
            continue
        left = quantity - trade.qty - fee
        worth = worth * left / quantity if quantity > 0 and left > 0 else Decimal(0)
        quantity = left
    explained = quantity > 0 and abs(quantity - held) < within
    return (worth / quantity).quantize(_CENT_OF_A_CENT) if explained else None


def at(milliseconds: int) -> datetime:
    """Return a time of Binance's; raises ``MalformedRow``."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise MalformedRow(f"{milliseconds} is not a time") from None


def _status(row: OrderRow, filled: int, order_type: OrderType) -> OrderStatus:
    status = word(row.status, STATUSES, "status")
    if status is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIALLY_FILLED
    if status is OrderStatus.OPEN and order_type in _STOPS and not row.isWorking:
        return OrderStatus.TRIGGER_PENDING
    return status


def _average(worth: Decimal, amount: Decimal) -> Decimal:
    return (worth / amount).quantize(_CENT_OF_A_CENT) if amount > 0 else Decimal(0)


def units(amount: Decimal, step: Decimal, name: str) -> int:
    """Return an amount in whole units; raises ``MalformedRow`` for one that is none."""
    try:
        return units_in(amount, step)
    except ValueError as error:
        raise MalformedRow(f"{name} {error}") from None
