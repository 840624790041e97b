"""Alice Blue's rows in our words. Pure. A malformed row is refused by name, never guessed.

https://ant.aliceblueonline.com/productdocumentation/orders%20Management/ and /portfolio/.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from brokers import statuses
from brokers.aliceblue.orders import ORDER_TYPES
from brokers.aliceblue.rows import (
    HoldingRow,
    LimitsRow,
    OrderRow,
    PositionRow,
    TradeRow,
    first_time,
    symbol_of,
)
from brokers.aliceblue.spec import CARRY_CODES, SPEC
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, listed, require, require_price, units_of, word
from brokers.statuses import FINAL, spoken
from brokers.texts import plain
from domain.broker import Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus, OrderType, Product, Side

BROKER = SPEC.slug

_FINAL = {**FINAL, "canceled": OrderStatus.CANCELLED}
_RANKS = ("pending", "trigger pending", "new", "open", "replaced")
"""The statuses of orders that work, by how far an order that shows one has come."""

_TYPES = {code: word for word, code in ORDER_TYPES.items()} | {"MARKET": OrderType.MARKET, "SLM": OrderType.SL_M}
_SIDES = {side.value: side for side in Side}
_NO_TAG = "--"
"""What the trade book's sample shows for an order without one."""

PRODUCTS = {
    **dict.fromkeys(("INTRADAY", "MIS"), Product.MIS.value),
    **dict.fromkeys(("LONGTERM", "DELIVERY", "CNC"), Product.CNC.value),
    **dict.fromkeys(CARRY_CODES, Product.NRML.value),
}
"""Our word of a product, which each list of Alice Blue's calls by another name."""


def orders_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf, *, what: str = "order book") -> list[BrokerOrder]:
    """Return the rows of an order list as they stand; raises ``BrokerUnavailable``."""
    return listed(data, OrderRow, lambda row: order_of(row, lot_size_of), broker=BROKER, what=what)


def fills_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book as it stands; raises ``BrokerUnavailable``."""
    return listed(data, TradeRow, lambda row: fill_of(row, lot_size_of), broker=BROKER, what="trade book")


def positions_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable``."""
    return listed(data, PositionRow, lambda row: position_of(row, lot_size_of), broker=BROKER, what="positions")


def holdings_of(data: bytes | msgspec.Raw) -> list[Holding]:
    """Return the delivered securities; raises ``BrokerUnavailable``."""
    return listed(data, HoldingRow, _holding, broker=BROKER, what="holdings")


def funds_of(data: bytes | msgspec.Raw) -> Funds:
    """Return the rupees of all segments; collateral is left out, because it does not pay for options."""
    rows = decoded(data, list[LimitsRow], broker=BROKER, what="limits")
    if len(rows) != 1:
        raise malformed(BROKER, "limits", f"{len(rows)} rows")
    row = rows[0]
    amounts = (row.opening_cash_limit, row.intraday_payin, row.blocked_for_payout, row.utilized_margin)
    if not all(amount.is_finite() for amount in amounts):
        raise malformed(BROKER, "limits", "an amount is not a number")
    total = row.opening_cash_limit + row.intraday_payin - row.blocked_for_payout
    return Funds(available=total - row.utilized_margin, used=row.utilized_margin, total=total)


def oldest_first(states: Sequence[BrokerOrder]) -> list[BrokerOrder]:
    """Return the states of one order oldest first, whichever way round they came."""
    backwards = bool(states) and _progress(states[0]) > _progress(states[-1])
    return list(reversed(states)) if backwards else list(states)


def order_of(row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("broker_order_id", "trading_symbol", "exchange", "product"):
        require(getattr(row, name), name)
    for name in ("average_traded_price", "price", "sl_trigger_price"):
        require_price(getattr(row, name), name)
    if row.quantity <= 0 or not 0 <= row.filled_quantity <= row.quantity:
        raise MalformedRow(f"filledQuantity {row.filled_quantity} is not within quantity {row.quantity}")
    symbol = symbol_of(row.trading_symbol, row.formatted_instrument_name)
    units = units_per_count(SPEC, row.exchange, symbol, lot_size_of)
    order_type = word(row.order_type.upper(), _TYPES, "orderType")
    return BrokerOrder(
        broker_order_id=row.broker_order_id,
        client_order_id=tag_of(row.order_tag),
        exchange=row.exchange,
        symbol=symbol,
        side=word(row.transaction_type.upper(), _SIDES, "transactionType"),
        quantity=row.quantity * units,
        filled_quantity=row.filled_quantity * units,
        average_price=row.average_traded_price,
        status=status_of(row.order_status, order_type, quantity=row.quantity, filled=row.filled_quantity),
        order_type=order_type,
        price=row.price,
        trigger_price=row.sl_trigger_price,
        product=product_of(row.product),
        raw_status=plain(row.order_status),
        reason=plain(row.rejection_reason),
        updated_at=first_time(row.exchange_update_time, row.broker_update_time, row.order_time),
    )


def status_of(text: str, order_type: OrderType, *, quantity: int, filled: int) -> OrderStatus:
    """Return the normalised status; raises ``MalformedRow`` for one that is not documented."""
    return statuses.status_of(
        text, order_type, filled=filled, quantity=quantity, final=_FINAL, working=frozenset(_RANKS)
    )


def fill_of(row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow``.

    Exchange trade numbers start again every day and on every exchange, so the id carries the order's number.
    """
    for name in ("broker_order_id", "exchange_trade_id", "exchange", "trading_symbol"):
        require(getattr(row, name), name)
    if row.filled_quantity <= 0:
        raise MalformedRow(f"filledQuantity {row.filled_quantity} is not positive")
    require_price(row.traded_price, "tradedPrice")
    filled_at = first_time(row.fill_timestamp, row.order_time)
    if filled_at is None:
        raise MalformedRow("the fill has no time")
    symbol = symbol_of(row.trading_symbol, row.formatted_instrument_name)
    return BrokerFill(
        broker_order_id=row.broker_order_id,
        exchange_trade_id=f"{row.broker_order_id}:{row.exchange_trade_id}",
        exchange=row.exchange,
        symbol=symbol,
        side=word(row.transaction_type.upper(), _SIDES, "transactionType"),
        quantity=row.filled_quantity * units_per_count(SPEC, row.exchange, symbol, lot_size_of),
        price=row.traded_price,
        filled_at=filled_at,
    )


def position_of(row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units. ``multiplier`` is what one counted quantity gains."""
    for name in ("exchange", "trading_symbol", "product"):
        require(getattr(row, name), name)
    for name in ("net_average_price", "multiplier"):
        require_price(getattr(row, name), name)
    units = units_of(SPEC, row.exchange, row.trading_symbol, row.lotsize, row.net_quantity, lot_size_of=lot_size_of)
    return BrokerPosition(
        exchange=row.exchange,
        symbol=row.trading_symbol,
        product=product_of(row.product),
        quantity=row.net_quantity * units,
        average_price=row.net_average_price,
        last_price=Decimal(0),
        multiplier=row.multiplier / units,
    )


def product_of(text: str) -> str:
    """Return our word for a product; one we do not trade stays as it is."""
    return PRODUCTS.get(text.strip().upper(), plain(text))


def tag_of(text: str | None) -> str:
    """Return an order's tag, "" for none."""
    return "" if text is None or text == _NO_TAG else plain(text)


def _holding(row: HoldingRow) -> Holding:
    exchange, symbol = ("NSE", row.nse_trading_symbol) if row.nse_trading_symbol else ("BSE", row.bse_trading_symbol)
    require(symbol or "", "nseTradingSymbol")
    for name in ("average_traded_price", "ltp"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=exchange,
        symbol=symbol or "",
        quantity=row.total_quantity or row.dp_quantity + row.t1_quantity,
        pledged=row.collateral_quantity,
        average_price=row.average_traded_price,
        last_price=row.ltp,
    )


def _progress(order: BrokerOrder) -> tuple[int, int, int]:
    raw = spoken(order.raw_status)
    seconds = int(order.updated_at.timestamp()) if order.updated_at else 0
    return seconds, order.filled_quantity, len(_RANKS) if raw in _FINAL else _RANKS.index(raw)
