"""The futures exchange's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from brokers.binance.ids import FUTURES_MARK, by_number, order_id
from brokers.binance.rows import BookRow, FillRow, Market, counted, units
from brokers.binance.spec import FUTURES
from brokers.rows import require_price
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, OrderType, Product

ONE_WAY = "BOTH"
"""The only position side of an account that is not in hedge mode."""

_MARKET = Market(
    exchange=FUTURES,
    mark=FUTURES_MARK,
    product=Product.NRML,
    types={
        "LIMIT": OrderType.LIMIT,
        "MARKET": OrderType.MARKET,
        "STOP": OrderType.SL,
        "STOP_MARKET": OrderType.SL_M,
        "TAKE_PROFIT": OrderType.SL,
        "TAKE_PROFIT_MARKET": OrderType.SL_M,
        "TRAILING_STOP_MARKET": OrderType.SL_M,
        "LIQUIDATION": OrderType.MARKET,
    },
)


class OrderRow(BookRow, kw_only=True):
    """A row of ``openOrders`` and ``allOrders``."""

    avgPrice: Decimal


class TradeRow(FillRow, kw_only=True):
    """A row of ``userTrades``."""

    side: str


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
    """Return the order a row shows, in units; raises ``MalformedRow``.

    A stop that was triggered is shown as the limit or market order it became.
    """
    quantity, filled = counted(row, step, "avgPrice")
    return _MARKET.order(
        row,
        name=names.get(row.orderId) or by_number(f"{FUTURES_MARK}{row.symbol}", row.orderId),
        quantity=quantity,
        filled=filled,
        average_price=row.avgPrice if filled else Decimal(0),
        is_working=False,
    )


def fill_of(row: TradeRow, step: Decimal, names: Mapping[int, str]) -> BrokerFill:
    """Return the execution a row shows; ``names`` are the orders' by Binance's number. Raises ``MalformedRow``."""
    return _MARKET.fill(row, step, names, side=row.side)


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
