"""IBKR's rows in our words. Pure.

A contract is its number (conid), the one name every book has. What an account holds or orders outside NSE is no
business of ours and may count parts of a share: those rows are left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from brokers.ibkr.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, mapped, require, require_price, word
from brokers.texts import plain
from domain.broker import BrokerUnavailable
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, OrderStatus, OrderType, Product, Side

VENUE, RUPEES = "NSE", "INR"

_S = OrderStatus
_WORKING = {
    "PENDINGSUBMIT": _S.OPEN,
    "PRESUBMITTED": _S.OPEN,
    "SUBMITTED": _S.OPEN,
    "PENDINGCANCEL": _S.OPEN,
    "WARNSTATE": _S.OPEN,
}
_ELECTED = "SUBMITTED"
"""A stop that IBKR keeps is PreSubmitted until its trigger; at its destination it is Submitted."""

_FINAL = {"FILLED": _S.FILLED, "CANCELLED": _S.CANCELLED, "INACTIVE": _S.REJECTED}
_PENDING = frozenset({"PENDINGSUBMIT", "PRESUBMITTED", "SUBMITTED"})
_SIDES = {"BUY": Side.BUY, "B": Side.BUY, "BOT": Side.BUY, "SELL": Side.SELL, "S": Side.SELL, "SLD": Side.SELL}
_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "LMT": OrderType.LIMIT,
    "STOPLIMIT": OrderType.SL,
    "STPLMT": OrderType.SL,
    "STOP": OrderType.SL_M,
    "STP": OrderType.SL_M,
    "MARKET": OrderType.MARKET,
    "MKT": OrderType.MARKET,
}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})

Written = str | int | float | None
"""A number as IBKR writes it: bare, in quotes, or empty."""


class OrderRow(msgspec.Struct):
    """One row of ``/iserver/account/orders`` or of the order socket."""

    orderId: int | str
    conid: int | str
    status: str
    side: str
    totalSize: Decimal
    filledQuantity: Decimal
    secType: str
    orderType: str | None = None
    origOrderType: str | None = None
    order_ccp_status: str | None = None
    order_ref: str | None = None
    listingExchange: str | None = None
    price: Written = None
    avgPrice: Written = None
    auxPrice: Written = None
    stop_price: Written = None
    order_cancellation_by_system_reason: str | None = None
    lastExecutionTime_r: int | None = None


class OrderBook(msgspec.Struct):
    """``/iserver/account/orders``; the first answer of a session is no snapshot, and empty."""

    orders: list[OrderRow]
    snapshot: bool = False


class TradeRow(msgspec.Struct):
    """One row of ``/iserver/account/trades``, which has our tag but not the order's id."""

    execution_id: str
    conid: int | str
    side: str
    size: Decimal
    price: Written
    trade_time_r: int
    sec_type: str
    order_ref: str | None = None
    listing_exchange: str | None = None


class PositionRow(msgspec.Struct):
    """One row of ``/portfolio/{account}/positions/{page}``; the first ones of a session lack their names."""

    conid: int | str
    position: Decimal
    currency: str
    assetClass: str
    avgPrice: Decimal
    mktPrice: Decimal
    multiplier: Decimal | None = None


class _Amount(msgspec.Struct):
    amount: Decimal
    currency: str | None = None


class Summary(msgspec.Struct):
    """What of ``/portfolio/{account}/summary`` matters, in the account's own currency."""

    availablefunds: _Amount
    initmarginreq: _Amount


def orders_of(body: bytes) -> list[BrokerOrder]:
    """Return the order book; raises ``BrokerUnavailable`` for anything but a whole snapshot of whole rows."""
    what = "order book"
    book = decoded(body, OrderBook, broker=SPEC.slug, what=what)
    if not book.snapshot:
        raise BrokerUnavailable("PREFLIGHT", f"{SPEC.slug} {what}: it is being prepared, and shows nothing yet")
    ours = [row for row in book.orders if row.listingExchange in (None, VENUE)]
    return mapped(ours, order_of, broker=SPEC.slug, what=what)


def fills_of(body: bytes, order_ids: Mapping[str, str]) -> list[BrokerFill]:
    """Return the trade book, joined to orders by tag; one of an order the book does not show has the tag alone."""
    what = "trade book"
    rows = decoded(body, list[TradeRow], broker=SPEC.slug, what=what)
    ours = [row for row in rows if row.listing_exchange in (None, VENUE)]
    return mapped(ours, lambda row: fill_of(row, order_ids), broker=SPEC.slug, what=what)


def positions_of(body: bytes) -> tuple[list[BrokerPosition], int]:
    """Return the positions of a page, and how many rows it has in all."""
    what = "positions"
    rows = decoded(body, list[PositionRow], broker=SPEC.slug, what=what)
    return mapped([row for row in rows if row.currency == RUPEES], position_of, broker=SPEC.slug, what=what), len(rows)


def order_of(row: OrderRow) -> BrokerOrder:
    """Return the order a row shows; raises ``MalformedRow``."""
    quantity, filled = _whole(row.totalSize, "totalSize"), _whole(row.filledQuantity, "filledQuantity")
    if not 0 <= filled <= quantity:
        raise MalformedRow(f"filledQuantity {filled} is not within totalSize {quantity}")
    order_type = _type_of(row)
    return BrokerOrder(
        broker_order_id=_number(row.orderId, "orderId"),
        client_order_id=plain(row.order_ref),
        exchange=exchange_of(row.secType),
        symbol=_number(row.conid, "conid"),
        side=word(row.side.upper(), _SIDES, "side"),
        quantity=quantity,
        filled_quantity=filled,
        average_price=_decimal(row.avgPrice, "avgPrice"),
        status=status_of(row, order_type, filled=filled),
        order_type=order_type,
        price=_decimal(row.price, "price"),
        trigger_price=_decimal(row.auxPrice or row.stop_price, "auxPrice"),
        product=_product_of(row.secType),
        raw_status=row.status,
        reason=plain(row.order_cancellation_by_system_reason),
        updated_at=_moment(row.lastExecutionTime_r) if row.lastExecutionTime_r else None,
    )


def status_of(row: OrderRow, order_type: OrderType, *, filled: int) -> OrderStatus:
    """Return the normalised status; raises ``MalformedRow`` for one IBKR does not document.

    What the system refused ends as Cancelled with a reason, or Inactive; Inactive is also what an order is called
    before it is sent on, which its other status tells.
    """
    raw = _squeezed(row.status)
    if raw == "INACTIVE" and _squeezed(row.order_ccp_status) in _PENDING:
        raw = "PENDINGSUBMIT"
    if raw in _FINAL:
        return _final(row, _FINAL[raw], filled=filled)
    status = word(raw, _WORKING, "status")
    if filled:
        return OrderStatus.PARTIALLY_FILLED
    waits = order_type in _STOPS and raw != _ELECTED
    return OrderStatus.TRIGGER_PENDING if waits else status


def fill_of(row: TradeRow, order_ids: Mapping[str, str]) -> BrokerFill:
    """Return the fill a row shows; raises ``MalformedRow``."""
    require(row.execution_id, "execution_id")
    quantity = _whole(row.size, "size")
    if quantity <= 0:
        raise MalformedRow(f"size {quantity} is not positive")
    return BrokerFill(
        broker_order_id=order_ids.get(plain(row.order_ref), ""),
        exchange_trade_id=row.execution_id,
        exchange=exchange_of(row.sec_type),
        symbol=_number(row.conid, "conid"),
        side=word(row.side.upper(), _SIDES, "side"),
        quantity=quantity,
        price=_decimal(row.price, "price"),
        filled_at=_moment(row.trade_time_r),
        client_order_id=plain(row.order_ref),
    )


def position_of(row: PositionRow) -> BrokerPosition:
    """Return the position a row shows: signed units; IBKR writes a multiplier of 1 as 0 too."""
    for name in ("avgPrice", "mktPrice"):
        require_price(getattr(row, name), name)
    return BrokerPosition(
        exchange=exchange_of(row.assetClass),
        symbol=_number(row.conid, "conid"),
        product=_product_of(row.assetClass),
        quantity=_whole(row.position, "position"),
        average_price=row.avgPrice,
        last_price=row.mktPrice,
        multiplier=row.multiplier or Decimal(1),
    )


def socket_order(row: Mapping[str, object]) -> BrokerOrder | None:
    """Return the order of a pushed row; ``None`` for one outside NSE. Raises ``BrokerUnavailable`` for a broken one."""
    what = "order update"
    try:
        told = msgspec.convert(row, OrderRow)
    except msgspec.ValidationError as error:
        raise malformed(SPEC.slug, what, error) from error
    if told.listingExchange not in (None, VENUE):
        return None
    return mapped([told], order_of, broker=SPEC.slug, what=what)[0]


def exchange_of(security: str) -> str:
    """Return our exchange of a kind of security listed on NSE."""
    require(security, "secType")
    return "NSE" if security == "STK" else "NFO"


def _product_of(security: str) -> str:
    """IBKR has no products: shares are delivered, derivatives carried."""
    return (Product.CNC if security == "STK" else Product.NRML).value


def _final(row: OrderRow, status: OrderStatus, *, filled: int) -> OrderStatus:
    if status is OrderStatus.FILLED and filled != row.totalSize:
        raise MalformedRow(f"Filled with filledQuantity {filled} of {row.totalSize}")
    if status is OrderStatus.REJECTED or row.order_cancellation_by_system_reason:
        return OrderStatus.CANCELLED if filled else OrderStatus.REJECTED
    return status


def _type_of(row: OrderRow) -> OrderType:
    """Types we never send (a trailing stop somebody placed by hand) are shown as what their price makes of them."""
    known = (_TYPES.get(_squeezed(text)) for text in (row.orderType, row.origOrderType))
    return next((one for one in known if one), OrderType.LIMIT if row.price else OrderType.MARKET)


def _squeezed(text: str | None) -> str:
    """Return a word of IBKR's without case, blanks and underscores, which differ from place to place."""
    return (text or "").upper().replace(" ", "").replace("_", "")


def _number(value: int | str, name: str) -> str:
    text = str(value)
    require(text, name)
    return text


def _whole(value: Decimal, name: str) -> int:
    if not value.is_finite() or value != value.to_integral_value():
        raise MalformedRow(f"{name} {value} is not whole")
    return int(value)


def _decimal(value: Written, name: str) -> Decimal:
    if value in (None, ""):
        return Decimal(0)
    try:
        number = Decimal(str(value).replace(",", ""))
    except InvalidOperation:
        raise MalformedRow(f"{name} {value!r} is not a number") from None
    require_price(number, name)
    return number


def _moment(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise MalformedRow(f"{milliseconds} is not a time") from None
