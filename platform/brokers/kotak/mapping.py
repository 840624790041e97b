"""Kotak's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.kotak.names import EXCHANGES, PRODUCT_WORDS, SIDE_WORDS, TYPE_WORDS
from brokers.kotak.rows import HoldingRow, Limits, OrderRow, PositionRow, TradeRow, first_time, moment, said
from brokers.kotak.spec import SPEC
from brokers.lots import LotSizeOf
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, listed, require, require_price, units_of, word
from brokers.statuses import FINAL, status_of
from brokers.texts import plain
from domain.broker import Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus

_FINAL = {**FINAL, "traded": OrderStatus.FILLED}
_ZERO = Decimal(0)

_Row = TypeVar("_Row")
_Mapped = TypeVar("_Mapped")


def orders_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf, *, what: str = "order book") -> list[BrokerOrder]:
    """Return the rows of an order list as they stand; raises ``BrokerUnavailable``."""
    return _rows(data, OrderRow, lambda row: order_of(row, lot_size_of), what=what)


def fills_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable``."""
    return _rows(data, TradeRow, lambda row: fill_of(row, lot_size_of), what="trade book")


def positions_of(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable``."""
    return _rows(data, PositionRow, lambda row: position_of(row, lot_size_of), what="positions")


def holdings_of(data: bytes | msgspec.Raw) -> list[Holding]:
    """Return the delivered securities; raises ``BrokerUnavailable``."""
    return _rows(data, HoldingRow, _holding, what="holdings")


def pushed_order(data: bytes | msgspec.Raw, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a pushed update; raises ``BrokerUnavailable`` for a malformed one.

    The documented ones show neither the symbol nor the prices asked: those are then the security's name and 0.
    """
    rows = b"[" + bytes(data) + b"]"
    return _rows(rows, OrderRow, lambda row: order_of(row, lot_size_of, is_pushed=True), what="order update")[0]


def funds_of(data: bytes) -> Funds:
    """Return the rupees of all segments together; raises ``BrokerUnavailable``."""
    limits = decoded(data, Limits, broker=SPEC.slug, what="limits", strict=False)
    if not (limits.net.is_finite() and limits.used.is_finite()):
        raise malformed(SPEC.slug, "limits", "an amount is not a number")
    return Funds(available=limits.net, used=limits.used, total=limits.net + limits.used)


def order_of(row: OrderRow, lot_size_of: LotSizeOf, *, is_pushed: bool = False) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow`` or ``LookupError``."""
    symbol = row.symbol or (row.security if is_pushed else "")
    for name, text in (("nOrdNo", row.order_id), ("trdSym", symbol), ("prod", row.product)):
        require(text, name)
    price, trigger = (_asked(value, name, is_pushed) for value, name in _prices(row))
    require_price(row.average_price, "avgPrc")
    if row.quantity <= 0 or not 0 <= row.filled <= row.quantity:
        raise MalformedRow(f"fldQty {row.filled} is not within qty {row.quantity}")
    exchange = word(row.segment, EXCHANGES, "exSeg")
    units = _units(exchange, symbol, row.lot, row.quantity, row.filled, lot_size_of=lot_size_of)
    order_type = word(row.order_type, TYPE_WORDS, "prcTp")
    return BrokerOrder(
        broker_order_id=row.order_id,
        client_order_id=plain(said(row.tag)),
        exchange=exchange,
        symbol=symbol,
        side=word(row.side, SIDE_WORDS, "trnsTp"),
        quantity=row.quantity * units,
        filled_quantity=row.filled * units,
        average_price=row.average_price,
        status=status_of(row.status, order_type, filled=row.filled, quantity=row.quantity, final=_FINAL),
        order_type=order_type,
        price=price,
        trigger_price=trigger,
        product=PRODUCT_WORDS.get(row.product, plain(row.product)),
        raw_status=plain(row.status),
        reason=plain(said(row.reason)),
        updated_at=first_time(row.changed_at, row.updated_at, row.ordered_at),
    )


def fill_of(row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow`` or ``LookupError``.

    Exchange trade numbers start again every day and on every exchange, so the id carries Kotak's order number.
    """
    for name, text in (("nOrdNo", row.order_id), ("flId", row.fill_id), ("trdSym", row.symbol)):
        require(text, name)
    if row.quantity <= 0:
        raise MalformedRow(f"fldQty {row.quantity} is not positive")
    require_price(row.price, "avgPrc")
    exchange = word(row.segment, EXCHANGES, "exSeg")
    return BrokerFill(
        broker_order_id=row.order_id,
        exchange_trade_id=f"{row.order_id}:{row.fill_id}",
        exchange=exchange,
        symbol=row.symbol,
        side=word(row.side, SIDE_WORDS, "trnsTp"),
        quantity=row.quantity * _units(exchange, row.symbol, row.lot, row.quantity, lot_size_of=lot_size_of),
        price=row.price,
        filled_at=moment(f"{row.day} {row.hour}"),
    )


def position_of(row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units; raises ``MalformedRow`` or ``LookupError``.

    ``multiplier * genNum/genDen * prcNum/prcDen`` is what one counted quantity gains when the price rises by 1.
    """
    for name, text in (("trdSym", row.symbol), ("prod", row.product)):
        require(text, name)
    for name in ("bought_for", "sold_for", "carried_long_for", "carried_short_for", "last_price", "multiplier"):
        require_price(getattr(row, name), name)
    exchange, net, per_count = word(row.segment, EXCHANGES, "exSeg"), _net(row), _per_count(row)
    units = _units(exchange, row.symbol, row.lot, net, lot_size_of=lot_size_of)
    return BrokerPosition(
        exchange=exchange,
        symbol=row.symbol,
        product=PRODUCT_WORDS.get(row.product, plain(row.product)),
        quantity=net * units,
        average_price=_average(row, net, per_count),
        last_price=row.last_price,
        multiplier=per_count / units,
    )


def _prices(row: OrderRow) -> Sequence[tuple[Decimal | None, str]]:
    return ((row.price, "prc"), (row.trigger_price, "trgPrc"))


def _asked(value: Decimal | None, name: str, is_pushed: bool) -> Decimal:
    if value is None and not is_pushed:
        raise MalformedRow(f"{name} is missing")
    require_price(value or _ZERO, name)
    return value or _ZERO


def _net(row: PositionRow) -> int:
    """Return the net count; where the carried part is not shown, only with ``qty`` to confirm it."""
    net = row.bought - row.sold + (row.carried_long or 0) - (row.carried_short or 0)
    is_whole = row.carried_long is not None and row.carried_short is not None
    if row.net not in (None, net) or not (is_whole or row.net == net):
        raise MalformedRow(f"qty {row.net} does not confirm a net of {net}")
    return net


def _per_count(row: PositionRow) -> Decimal:
    parts = (row.price_numerator, row.price_denominator, row.general_numerator, row.general_denominator)
    if not all(part.is_finite() and part > 0 for part in (*parts, row.multiplier)):
        raise MalformedRow("multiplier, prcNum, prcDen, genNum or genDen is not positive")
    price, general = parts[0] / parts[1], parts[2] / parts[3]
    return row.multiplier * price * general


def _average(row: PositionRow, net: int, per_count: Decimal) -> Decimal:
    """Return what the side that is open has cost on average: today's and the carried part together."""
    if net == 0:
        return _ZERO
    if net > 0:
        spent, count = row.bought_for + row.carried_long_for, row.bought + (row.carried_long or 0)
    else:
        spent, count = row.sold_for + row.carried_short_for, row.sold + (row.carried_short or 0)
    return spent / (count * per_count)


def _holding(row: HoldingRow) -> Holding:
    require(row.symbol, "displaySymbol")
    for name in ("average_price", "last_price"):
        require_price(getattr(row, name), name)
    return Holding(
        exchange=word(row.segment, EXCHANGES, "exchangeSegment"),
        symbol=row.symbol,
        quantity=row.quantity,
        pledged=0,
        average_price=row.average_price,
        last_price=row.last_price,
    )


def _units(exchange: str, symbol: str, lot: Decimal, *counts: int, lot_size_of: LotSizeOf) -> int:
    return units_of(SPEC, exchange, symbol, lot, *counts, lot_size_of=lot_size_of)


def _rows(
    data: bytes | msgspec.Raw, kind: type[_Row], convert: Callable[[_Row], _Mapped], *, what: str
) -> list[_Mapped]:
    return listed(data, kind, convert, broker=SPEC.slug, what=what, strict=False)
