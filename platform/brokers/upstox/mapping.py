"""Upstox's rows in our words. Pure.

Every field is validated as it is decoded; a malformed row is refused by name, never guessed.
Row fields: https://upstox.com/developer/api-documentation/get-order-book/, /get-trade-history/, /get-positions/,
/get-holdings/, /get-user-fund-margin/, /get-portfolio-stream-feed/.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded
from brokers.rows import MalformedRow, ist_time, listed, mapped, require, require_price
from brokers.statuses import status_of
from brokers.texts import plain
from brokers.upstox.names import exchange_of, our_product
from brokers.upstox.spec import SPEC
from domain.broker import Holding
from domain.clock import IST
from domain.orders import FINAL, BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderType, Side

_DAY_FIRST = "%d-%b-%Y %H:%M:%S"
_ZERO = Decimal(0)


class OrderRow(msgspec.Struct):
    """One row of the order book, of an order's history, or of the order socket."""

    order_id: str
    status: str
    exchange: str
    instrument_token: str
    transaction_type: Side
    order_type: OrderType
    product: str
    quantity: int
    filled_quantity: int
    average_price: Decimal
    price: Decimal
    trigger_price: Decimal
    tag: str | None = None
    status_message: str | None = None
    status_message_raw: str | None = None
    order_timestamp: str | None = None
    exchange_timestamp: str | None = None


class TradeRow(msgspec.Struct):
    """One row of the day's trades."""

    trade_id: str
    order_id: str
    exchange: str
    instrument_token: str
    transaction_type: Side
    quantity: int
    average_price: Decimal
    exchange_timestamp: str | None = None
    order_timestamp: str | None = None


class PositionRow(msgspec.Struct):
    """One row of the positions; ``average_price`` is missing in the documentation's own sample."""

    exchange: str
    instrument_token: str
    product: str
    quantity: int
    last_price: Decimal
    multiplier: Decimal
    average_price: Decimal | None = None
    buy_price: Decimal | None = None
    sell_price: Decimal | None = None


class HoldingRow(msgspec.Struct):
    """One row of the holdings."""

    exchange: str
    instrument_token: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    collateral_quantity: int = 0


class _Segment(msgspec.Struct):
    available_margin: Decimal
    used_margin: Decimal


class _Margins(msgspec.Struct):
    equity: _Segment
    commodity: _Segment | None = None


class _Update(msgspec.Struct):
    update_type: str


def orders_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf, *, what: str = "order book") -> list[BrokerOrder]:
    """Return the orders, or the states of one; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, OrderRow, lambda row: order_of(row, lot_size_of), broker=SPEC.slug, what=what)


def latest_of(states: Sequence[BrokerOrder]) -> list[BrokerOrder]:
    """Return each order once, as it stands: final where one of its states is, else as it was listed last."""
    latest: dict[str, BrokerOrder] = {}
    for state in states:
        known = latest.get(state.broker_order_id)
        if known is None or known.status not in FINAL or state.status in FINAL:
            latest[state.broker_order_id] = state
    return list(latest.values())


def fills_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, TradeRow, lambda row: fill_of(row, lot_size_of), broker=SPEC.slug, what="trade book")


def positions_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, PositionRow, lambda row: position_of(row, lot_size_of), broker=SPEC.slug, what="positions")


def holdings_of(data: bytes | msgspec.Raw) -> list[Holding]:
    """Return the holdings; raises ``BrokerUnavailable`` for anything but a list of whole rows."""
    return listed(data, HoldingRow, holding_of, broker=SPEC.slug, what="holdings")


def funds_of(data: bytes | msgspec.Raw) -> Funds:
    """Return the rupees of equity and commodity together; since July 2025 equity holds both and commodity is 0."""
    margins = decoded(data, _Margins, broker=SPEC.slug, what="funds")
    parts = [part for part in (margins.equity, margins.commodity) if part is not None]
    available = sum((part.available_margin for part in parts), _ZERO)
    used = sum((part.used_margin for part in parts), _ZERO)
    return Funds(available=available, used=used, total=available + used)


def socket_order(data: bytes, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    """Return the order of a pushed update, ``None`` for an update of something else.

    Raises ``BrokerUnavailable`` for a malformed one.
    """
    what = "order update"
    if decoded(data, _Update, broker=SPEC.slug, what=what).update_type != "order":
        return None
    row = decoded(data, OrderRow, broker=SPEC.slug, what=what)
    return mapped([row], lambda one: order_of(one, lot_size_of), broker=SPEC.slug, what=what)[0]


def order_of(row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("order_id", "exchange", "instrument_token", "product"):
        require(getattr(row, name), name)
    if not 0 <= row.filled_quantity <= row.quantity:
        raise MalformedRow(f"filled_quantity {row.filled_quantity} is not within quantity {row.quantity}")
    for name in ("average_price", "price", "trigger_price"):
        require_price(getattr(row, name), name)
    exchange = _exchange(row.exchange, row.instrument_token)
    units = units_per_count(SPEC, exchange, row.instrument_token, lot_size_of)
    return BrokerOrder(
        broker_order_id=row.order_id,
        client_order_id=plain(row.tag),
        exchange=exchange,
        symbol=row.instrument_token,
        side=row.transaction_type,
        quantity=row.quantity * units,
        filled_quantity=row.filled_quantity * units,
        average_price=row.average_price,
        status=status_of(row.status, row.order_type, filled=row.filled_quantity, quantity=row.quantity),
        order_type=row.order_type,
        price=row.price,
        trigger_price=row.trigger_price,
        product=our_product(row.product, exchange),
        raw_status=row.status,
        reason=_reason(row),
        updated_at=_updated_at(row),
    )


def fill_of(row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow``.

    Exchange trade numbers start again every day and on every exchange, so the id carries Upstox's order id.
    """
    for name in ("trade_id", "order_id", "exchange", "instrument_token"):
        require(getattr(row, name), name)
    if row.quantity <= 0:
        raise MalformedRow(f"quantity {row.quantity} is not positive")
    require_price(row.average_price, "average_price")
    exchange = _exchange(row.exchange, row.instrument_token)
    return BrokerFill(
        broker_order_id=row.order_id,
        exchange_trade_id=f"{row.order_id}:{row.trade_id}",
        exchange=exchange,
        symbol=row.instrument_token,
        side=row.transaction_type,
        quantity=row.quantity * units_per_count(SPEC, exchange, row.instrument_token, lot_size_of),
        price=row.average_price,
        filled_at=_trade_time(row.exchange_timestamp or row.order_timestamp or ""),
    )


def position_of(row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units, and the multiplier of one unit."""
    for name in ("exchange", "instrument_token", "product"):
        require(getattr(row, name), name)
    average = _average(row)
    for name, value in (("average_price", average), ("last_price", row.last_price), ("multiplier", row.multiplier)):
        require_price(value, name)
    exchange = _exchange(row.exchange, row.instrument_token)
    units = units_per_count(SPEC, exchange, row.instrument_token, lot_size_of)
    return BrokerPosition(
        exchange=exchange,
        symbol=row.instrument_token,
        product=our_product(row.product, exchange),
        quantity=row.quantity * units,
        average_price=average,
        last_price=row.last_price,
        multiplier=row.multiplier / units,
    )


def holding_of(row: HoldingRow) -> Holding:
    """Return the holding a row shows; raises ``MalformedRow``."""
    for name in ("exchange", "instrument_token"):
        require(getattr(row, name), name)
    for name in ("average_price", "last_price"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=_exchange(row.exchange, row.instrument_token),
        symbol=row.instrument_token,
        quantity=row.quantity,
        pledged=row.collateral_quantity,
        average_price=row.average_price,
        last_price=row.last_price,
    )


def _reason(row: OrderRow) -> str:
    """What is told to a client, and what the risk system said: "You need to add Rs. 100" is a want of margin."""
    told = [plain(text) for text in (row.status_message, row.status_message_raw) if text]
    return plain(" | ".join(dict.fromkeys(told)))


def _exchange(shown: str, key: str) -> str:
    """The key says where a contract is listed; the documentation's trades show numbers without an exchange in them."""
    return exchange_of(key) or shown


def _average(row: PositionRow) -> Decimal:
    if row.average_price is not None:
        return row.average_price
    side = row.buy_price if row.quantity > 0 else row.sell_price
    if row.quantity and side is None:
        raise MalformedRow("average_price is missing, and so is the price of the side that is held")
    return side if row.quantity and side is not None else _ZERO


def _updated_at(row: OrderRow) -> datetime | None:
    text = row.exchange_timestamp or row.order_timestamp
    return ist_time(text, "order_timestamp") if text else None


def _trade_time(text: str) -> datetime:
    """Trades are stamped day first in the documentation's sample, year first like orders elsewhere."""
    if not text[:4].isdigit():
        try:
            return datetime.strptime(text, _DAY_FIRST).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            raise MalformedRow(f"exchange_timestamp {text!r} is not a time") from None
    return ist_time(text, "exchange_timestamp")
