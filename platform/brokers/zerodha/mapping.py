"""Kite's rows in our words. Pure: used by the wire modules and, for postbacks, by the web process.

Every field is validated as it is decoded; a malformed row is refused by name, never guessed.
Row fields: https://kite.trade/docs/connect/v3/orders/, /portfolio/, /postbacks/.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, ist_time, listed, mapped, require, require_price
from brokers.statuses import WORKING, status_of
from brokers.texts import plain
from brokers.zerodha.spec import SPEC
from domain.broker import Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderType, Side

_WORKING = WORKING | {"update"}
"""Postbacks alone say so of an order that was modified or partly filled."""


class OrderRow(msgspec.Struct):
    """One row of ``GET /orders``, of the order socket, or of a postback."""

    order_id: str
    status: str
    exchange: str
    tradingsymbol: str
    transaction_type: Side
    order_type: OrderType
    product: str
    quantity: int
    filled_quantity: int
    average_price: Decimal
    price: Decimal
    trigger_price: Decimal
    tag: str | None = None
    tags: list[str] | None = None
    status_message: str | None = None
    order_timestamp: str | None = None
    exchange_update_timestamp: str | None = None


class TradeRow(msgspec.Struct):
    """One row of ``GET /trades``."""

    trade_id: str
    order_id: str
    exchange: str
    tradingsymbol: str
    transaction_type: Side
    quantity: int
    average_price: Decimal
    fill_timestamp: str | None = None
    exchange_timestamp: str | None = None


class PositionRow(msgspec.Struct):
    """One row of the ``net`` list of ``GET /portfolio/positions``."""

    tradingsymbol: str
    exchange: str
    product: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    multiplier: Decimal


class HoldingRow(msgspec.Struct):
    """One row of ``GET /portfolio/holdings``; ``quantity`` is the net one, what settles tomorrow included."""

    tradingsymbol: str
    exchange: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    collateral_quantity: int = 0


class _Positions(msgspec.Struct):
    net: list[PositionRow]


class _Utilised(msgspec.Struct):
    debits: Decimal


class _Segment(msgspec.Struct):
    enabled: bool
    net: Decimal | None = None
    utilised: _Utilised | None = None


class _Margins(msgspec.Struct):
    equity: _Segment | None = None
    commodity: _Segment | None = None


class _Postback(msgspec.Struct):
    order_id: str
    order_timestamp: str
    checksum: str


def orders_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerOrder]:
    """Return the order book; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, OrderRow, lambda row: order_of(row, lot_size_of), broker=SPEC.slug, what="order book")


def fills_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, TradeRow, lambda row: fill_of(row, lot_size_of), broker=SPEC.slug, what="trade book")


def positions_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable`` for anything but whole rows."""
    what = "positions"
    rows = decoded(data, _Positions, broker=SPEC.slug, what=what).net
    return mapped(rows, lambda row: position_of(row, lot_size_of), broker=SPEC.slug, what=what)


def holdings_of(data: bytes | msgspec.Raw) -> list[Holding]:
    """Return the holdings; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, HoldingRow, holding_of, broker=SPEC.slug, what="holdings")


def funds_of(data: bytes | msgspec.Raw) -> Funds:
    """Return the rupees of the enabled segments (equity and commodity) together."""
    margins = decoded(data, _Margins, broker=SPEC.slug, what="margins")
    segments = [part for part in (margins.equity, margins.commodity) if part is not None and part.enabled]
    if not segments:
        raise malformed(SPEC.slug, "margins", "no segment is enabled")
    parts = [_segment_funds(part) for part in segments]
    available, used = (sum(column, Decimal(0)) for column in zip(*parts, strict=True))
    return Funds(available=available, used=used, total=available + used)


def order_of(row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("order_id", "tradingsymbol", "exchange", "product"):
        require(getattr(row, name), name)
    if not 0 <= row.filled_quantity <= row.quantity:
        raise MalformedRow(f"filled_quantity {row.filled_quantity} is not within quantity {row.quantity}")
    for name in ("average_price", "price", "trigger_price"):
        require_price(getattr(row, name), name)
    units = _units(row.exchange, row.tradingsymbol, lot_size_of)
    return BrokerOrder(
        broker_order_id=row.order_id,
        client_order_id=_our_tag(row),
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        side=row.transaction_type,
        quantity=row.quantity * units,
        filled_quantity=row.filled_quantity * units,
        average_price=row.average_price,
        status=status_of(
            row.status, row.order_type, filled=row.filled_quantity, quantity=row.quantity, working=_WORKING
        ),
        order_type=row.order_type,
        price=row.price,
        trigger_price=row.trigger_price,
        product=row.product,
        raw_status=row.status,
        reason=plain(row.status_message),
        updated_at=_updated_at(row),
    )


def fill_of(row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow``.

    Exchange trade numbers start again every day and on every exchange, so the id carries Kite's order id.
    """
    for name in ("trade_id", "order_id", "exchange", "tradingsymbol"):
        require(getattr(row, name), name)
    if row.quantity <= 0:
        raise MalformedRow(f"quantity {row.quantity} is not positive")
    require_price(row.average_price, "average_price")
    return BrokerFill(
        broker_order_id=row.order_id,
        exchange_trade_id=f"{row.order_id}:{row.trade_id}",
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        side=row.transaction_type,
        quantity=row.quantity * _units(row.exchange, row.tradingsymbol, lot_size_of),
        price=row.average_price,
        filled_at=ist_time(row.fill_timestamp or row.exchange_timestamp or "", "fill_timestamp"),
    )


def position_of(row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units, and the multiplier of one unit.

    Kite's multiplier is of one lot where it counts lots.
    """
    for name in ("tradingsymbol", "exchange", "product"):
        require(getattr(row, name), name)
    for name in ("average_price", "last_price", "multiplier"):
        require_price(getattr(row, name), name)
    units = _units(row.exchange, row.tradingsymbol, lot_size_of)
    return BrokerPosition(
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        product=row.product,
        quantity=row.quantity * units,
        average_price=row.average_price,
        last_price=row.last_price,
        multiplier=row.multiplier / units,
    )


def holding_of(row: HoldingRow) -> Holding:
    """Return the holding a row shows; raises ``MalformedRow``."""
    for name in ("tradingsymbol", "exchange"):
        require(getattr(row, name), name)
    for name in ("average_price", "last_price"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        quantity=row.quantity + row.collateral_quantity,
        pledged=row.collateral_quantity,
        average_price=row.average_price,
        last_price=row.last_price,
    )


def socket_order(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a pushed update; raises ``BrokerUnavailable`` for a malformed one."""
    row = decoded(data, OrderRow, broker=SPEC.slug, what="order update")
    return mapped([row], lambda one: order_of(one, lot_size_of), broker=SPEC.slug, what="order update")[0]


def postback_order(body: bytes, headers: Mapping[str, str], *, secret: str, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a postback whose checksum holds; raises ``ValueError`` for anything else.

    checksum = hex sha256(order_id + order_timestamp + api_secret). It covers neither status nor quantities: a
    postback is a hint to look at the order book, never truth.
    """
    del headers  # Kite signs in the body
    if not secret:
        raise ValueError("the account has no api_secret to verify a postback with")
    try:
        claim = msgspec.json.decode(body, type=_Postback)
        row = msgspec.json.decode(body, type=OrderRow)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"not a Kite postback: {error}") from None
    expected = hashlib.sha256(f"{claim.order_id}{claim.order_timestamp}{secret}".encode()).hexdigest()
    if not hmac.compare_digest(expected.encode(), claim.checksum.encode()):
        raise ValueError("the postback's checksum does not hold")
    try:
        return order_of(row, lot_size_of)
    except LookupError as error:
        raise ValueError(str(error)) from None


def _our_tag(row: OrderRow) -> str:
    """Kite adds tags of its own ("mktp", "autoslice:..."): prefer one that has the shape of ours."""
    shown = [text for text in (row.tag, *(row.tags or ())) if text]
    ours = (text for text in shown if len(text) == SPEC.tag_length and text.isalnum())
    return next(ours, plain(row.tag))


def _updated_at(row: OrderRow) -> datetime | None:
    text = row.exchange_update_timestamp or row.order_timestamp
    return ist_time(text, "order_timestamp") if text else None


def _segment_funds(part: _Segment) -> tuple[Decimal, Decimal]:
    if part.net is None or part.utilised is None:
        raise malformed(SPEC.slug, "margins", "an enabled segment lacks net or utilised.debits")
    return part.net, part.utilised.debits


def _units(exchange: str, symbol: str, lot_size_of: LotSizeOf) -> int:
    return units_per_count(SPEC, exchange, symbol, lot_size_of)
