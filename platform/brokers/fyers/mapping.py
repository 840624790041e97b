"""Fyers' rows in our words: a malformed one is refused by name, never guessed. Pure.

Row fields: https://myapi.fyers.in/docsv3 (Transaction Info, User, General Socket).
"""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.fyers.answers import BROKER
from brokers.fyers.spec import SPEC
from brokers.fyers.words import ORDER_TYPES, PRODUCTS, SIDES, TAG_OURS, UNTAGGED, VENUES
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, mapped, require, require_price, word
from brokers.texts import plain
from domain.broker import Holding
from domain.clock import IST
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus, OrderType

_CANCELLED, _FILLED, _TRANSIT, _REJECTED, _PENDING, _EXPIRED = 1, 2, 4, 5, 6, 7
_FINAL = {
    _CANCELLED: OrderStatus.CANCELLED,
    _FILLED: OrderStatus.FILLED,
    _REJECTED: OrderStatus.REJECTED,
    _EXPIRED: OrderStatus.EXPIRED,
}
_WORKING = frozenset({_TRANSIT, _PENDING})
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_SIDES = {number: side for side, number in SIDES.items()}
_TYPES = {number: order_type for order_type, number in ORDER_TYPES.items()}
_PRODUCTS = {name: product.value for product, name in PRODUCTS.items()}
_TIMES = ("%d-%b-%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S")
_ZERO = Decimal(0)
_UTILISED, _AVAILABLE = 2, 10


class OrderRow(msgspec.Struct, rename="camel"):
    """One row of ``GET /orders``; numbers of it come as text from some of Fyers' systems."""

    id: str
    symbol: str
    segment: int
    side: int
    type: int
    status: int
    product_type: str
    qty: int
    filled_qty: int = 0
    traded_price: Decimal = _ZERO
    limit_price: Decimal = _ZERO
    stop_price: Decimal = _ZERO
    order_tag: str | None = None
    message: str | None = None
    order_date_time: str | None = None


class _TradeRow(msgspec.Struct, rename="camel"):
    trade_number: str
    order_number: str
    symbol: str
    segment: int
    side: int
    traded_qty: int
    trade_price: Decimal
    order_date_time: str


class _PositionRow(msgspec.Struct, rename="camel"):
    symbol: str
    segment: int
    product_type: str
    side: int
    qty: int
    net_qty: int
    net_avg: Decimal
    ltp: Decimal
    multiplier: Decimal = msgspec.field(name="qtyMulti_com")


class _HoldingRow(msgspec.Struct, rename="camel"):
    symbol: str
    segment: int
    remaining_quantity: int
    cost_price: Decimal
    ltp: Decimal
    collateral_quantity: int = 0


class _Fund(msgspec.Struct, rename="camel"):
    id: int
    equity_amount: Decimal
    commodity_amount: Decimal


class _Orders(msgspec.Struct, rename="camel"):
    order_book: list[OrderRow]


class _Trades(msgspec.Struct, rename="camel"):
    trade_book: list[_TradeRow]


class _Positions(msgspec.Struct, rename="camel"):
    net_positions: list[_PositionRow]


class _Holdings(msgspec.Struct, rename="camel"):
    holdings: list[_HoldingRow]


class _Funds(msgspec.Struct):
    fund_limit: list[_Fund]


def orders_of(data: bytes, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return the order book; raises ``BrokerUnavailable`` for anything but whole rows."""
    what = "order book"
    rows = decoded(data, _Orders, broker=BROKER, what=what, strict=False).order_book
    return mapped(rows, lambda row: order_of(row, lot_size_of), broker=BROKER, what=what)


def fills_of(data: bytes, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable`` for anything but whole rows."""
    what = "trade book"
    rows = decoded(data, _Trades, broker=BROKER, what=what, strict=False).trade_book
    return mapped(rows, lambda row: _fill(row, lot_size_of), broker=BROKER, what=what)


def positions_of(data: bytes, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable`` for anything but whole rows."""
    what = "positions"
    rows = decoded(data, _Positions, broker=BROKER, what=what, strict=False).net_positions
    return mapped(rows, lambda row: _position(row, lot_size_of), broker=BROKER, what=what)


def holdings_of(data: bytes) -> list[Holding]:
    """Return the delivered securities; raises ``BrokerUnavailable`` for anything but whole rows."""
    what = "holdings"
    rows = decoded(data, _Holdings, broker=BROKER, what=what, strict=False).holdings
    return mapped(rows, _holding, broker=BROKER, what=what)


def funds_of(data: bytes) -> Funds:
    """Return the rupees of both ledgers, equity and commodity; raises ``BrokerUnavailable``."""
    what = "funds"
    lines = decoded(data, _Funds, broker=BROKER, what=what, strict=False).fund_limit
    sums = {line.id: line.equity_amount + line.commodity_amount for line in lines}
    used, available = sums.get(_UTILISED), sums.get(_AVAILABLE)
    if used is None or available is None or not (used.is_finite() and available.is_finite()):
        raise malformed(BROKER, what, "the utilized amount or the available balance is missing")
    return Funds(available=available, used=used, total=available + used)


def order_of(row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("id", "symbol", "product_type"):
        require(getattr(row, name), name)
    for name in ("traded_price", "limit_price", "stop_price"):
        require_price(getattr(row, name), name)
    if row.qty <= 0 or not 0 <= row.filled_qty <= row.qty:
        raise MalformedRow(f"filled_qty {row.filled_qty} is not within qty {row.qty}")
    exchange = venue_of(row.symbol, row.segment)
    units = units_per_count(SPEC, exchange, row.symbol, lot_size_of)
    order_type = word(row.type, _TYPES, "type")
    return BrokerOrder(
        broker_order_id=row.id,
        client_order_id=_our_tag(row.order_tag),
        exchange=exchange,
        symbol=row.symbol,
        side=word(row.side, _SIDES, "side"),
        quantity=row.qty * units,
        filled_quantity=row.filled_qty * units,
        average_price=row.traded_price,
        status=_status(row, order_type),
        order_type=order_type,
        price=row.limit_price,
        trigger_price=row.stop_price,
        product=_PRODUCTS.get(row.product_type, plain(row.product_type)),
        raw_status=str(row.status),
        reason=plain(row.message),
        updated_at=time_of(row.order_date_time) if row.order_date_time else None,
    )


def venue_of(symbol: str, segment: int) -> str:
    """Return our exchange of a symbol like ``NSE:NIFTY26NOVFUT``; raises ``MalformedRow``."""
    prefix, _, name = symbol.partition(":")
    if not name:
        raise MalformedRow(f"symbol {symbol!r} names no exchange")
    return word((prefix, segment), VENUES, "exchange and segment")


def time_of(text: str) -> datetime:
    """Return Fyers' Indian time, whose month is a name in some places and a number in others; ``MalformedRow``."""
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            continue
    raise MalformedRow(f"order_date_time {text!r} is not a time")


def _status(row: OrderRow, order_type: OrderType) -> OrderStatus:
    """A pending stop may wait for its trigger or rest: only a fill tells."""
    final = _FINAL.get(row.status)
    if final is OrderStatus.FILLED and row.filled_qty != row.qty:
        raise MalformedRow(f"status 2 with filled_qty {row.filled_qty} of {row.qty}")
    if final is not None:
        return final
    if row.status not in _WORKING:
        raise MalformedRow(f"status {row.status} is not known")
    if row.filled_qty:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGER_PENDING if order_type in _STOPS else OrderStatus.OPEN


def _our_tag(shown: str | None) -> str:
    tag = plain(shown)
    ours = tag.removeprefix(TAG_OURS) if tag.startswith(TAG_OURS) else ""
    return "" if ours == UNTAGGED else ours


def _fill(row: _TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Exchange trade numbers start again every day and on every exchange, so the id carries the order's."""
    for name in ("trade_number", "order_number", "symbol"):
        require(getattr(row, name), name)
    if row.traded_qty <= 0:
        raise MalformedRow(f"traded_qty {row.traded_qty} is not positive")
    require_price(row.trade_price, "trade_price")
    exchange = venue_of(row.symbol, row.segment)
    return BrokerFill(
        broker_order_id=row.order_number,
        exchange_trade_id=f"{row.order_number}:{row.trade_number}",
        exchange=exchange,
        symbol=row.symbol,
        side=word(row.side, _SIDES, "side"),
        quantity=row.traded_qty * units_per_count(SPEC, exchange, row.symbol, lot_size_of),
        price=row.trade_price,
        filled_at=time_of(row.order_date_time),
    )


def _position(row: _PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Three fields say how much is held; where they disagree, nobody knows."""
    for name in ("symbol", "product_type"):
        require(getattr(row, name), name)
    for name in ("net_avg", "ltp", "multiplier"):
        require_price(getattr(row, name), name)
    if row.net_qty != row.side * row.qty:
        raise MalformedRow(f"net_qty {row.net_qty} is not qty {row.qty} on side {row.side}")
    exchange = venue_of(row.symbol, row.segment)
    units = units_per_count(SPEC, exchange, row.symbol, lot_size_of)
    return BrokerPosition(
        exchange=exchange,
        symbol=row.symbol,
        product=_PRODUCTS.get(row.product_type, plain(row.product_type)),
        quantity=row.net_qty * units,
        average_price=row.net_avg,
        last_price=row.ltp,
        multiplier=row.multiplier / units,
    )


def _holding(row: _HoldingRow) -> Holding:
    require(row.symbol, "symbol")
    for name in ("cost_price", "ltp"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=venue_of(row.symbol, row.segment),
        symbol=row.symbol,
        quantity=row.remaining_quantity + row.collateral_quantity,
        pledged=row.collateral_quantity,
        average_price=row.cost_price,
        last_price=row.ltp,
    )
