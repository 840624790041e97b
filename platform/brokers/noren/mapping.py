"""Noren's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.lots import LotSizeOf
from brokers.noren.orders import ORDER_TYPES, PRODUCTS, SIDES
from brokers.noren.rows import OrderRow, PositionRow, TradeRow, first_time
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, listed, require, require_price, units_of, word
from brokers.statuses import FINAL, status_of
from brokers.texts import plain
from domain.broker import BrokerSpec, Holding
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus, OrderType

_FINAL = {**FINAL, "canceled": OrderStatus.CANCELLED, "reject": OrderStatus.REJECTED}
_WORKING = frozenset({"pending", "open", "new", "replaced", "trigger pending"})
_TYPES = {code: word for word, code in ORDER_TYPES.items()} | {"MKT": OrderType.MARKET, "SL-MKT": OrderType.SL_M}
_SIDES = {code: word for word, code in SIDES.items()}
_PRODUCTS = {code: word.value for word, code in PRODUCTS.items()}

_Row = TypeVar("_Row")
_Mapped = TypeVar("_Mapped")


class _HoldingName(msgspec.Struct):
    exch: str
    tsym: str


class _HoldingRow(msgspec.Struct):
    exch_tsym: list[_HoldingName]
    upldprc: Decimal
    holdqty: int = 0
    btstqty: int = 0
    brkcolqty: int = 0
    unplgdqty: int = 0
    benqty: int = 0
    npoadqty: int = 0
    dpqty: int = 0
    usedqty: int = 0
    colqty: int = 0


class _Limits(msgspec.Struct):
    cash: Decimal
    marginused: Decimal = Decimal(0)
    payin: Decimal = Decimal(0)
    payout: Decimal = Decimal(0)


def orders_of(spec: BrokerSpec, data: bytes, lot_size_of: LotSizeOf, *, what: str = "order book") -> list[BrokerOrder]:
    """Return the rows of an order list as they stand; raises ``BrokerUnavailable``."""
    return _rows(spec, data, OrderRow, lambda row: order_of(spec, row, lot_size_of), what=what)


def fills_of(spec: BrokerSpec, data: bytes, lot_size_of: LotSizeOf) -> list[BrokerFill]:
    """Return the trade book; raises ``BrokerUnavailable``."""
    return _rows(spec, data, TradeRow, lambda row: fill_of(spec, row, lot_size_of), what="trade book")


def positions_of(spec: BrokerSpec, data: bytes, lot_size_of: LotSizeOf) -> list[BrokerPosition]:
    """Return the net positions; raises ``BrokerUnavailable``."""
    return _rows(spec, data, PositionRow, lambda row: position_of(spec, row, lot_size_of), what="positions")


def holdings_of(spec: BrokerSpec, data: bytes) -> list[Holding]:
    """Return the delivered securities; Noren shows no last price with them."""
    return _rows(spec, data, _HoldingRow, _holding, what="holdings")


def funds_of(spec: BrokerSpec, data: bytes) -> Funds:
    """Return the rupees of all segments; collateral is left out, because it does not pay for options."""
    limits = decoded(data, _Limits, broker=spec.slug, what="limits", strict=False)
    amounts = (limits.cash, limits.payin, limits.payout, limits.marginused)
    if not all(amount.is_finite() for amount in amounts):
        raise malformed(spec.slug, "limits", "an amount is not a number")
    total = limits.cash + limits.payin - limits.payout
    return Funds(available=total - limits.marginused, used=limits.marginused, total=total)


def order_of(spec: BrokerSpec, row: OrderRow, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    for name in ("norenordno", "tsym", "exch", "prd"):
        require(getattr(row, name), name)
    for name in ("avgprc", "prc", "trgprc"):
        require_price(getattr(row, name), name)
    filled = _filled(row)
    units = units_of(spec, row.exch, row.tsym, row.ls, row.qty, filled, lot_size_of=lot_size_of)
    order_type = word(row.prctyp, _TYPES, "prctyp")
    return BrokerOrder(
        broker_order_id=row.norenordno,
        client_order_id=plain(row.remarks),
        exchange=row.exch,
        symbol=row.tsym,
        side=word(row.trantype, _SIDES, "trantype"),
        quantity=row.qty * units,
        filled_quantity=filled * units,
        average_price=row.avgprc,
        status=_status(row, filled, order_type),
        order_type=order_type,
        price=row.prc,
        trigger_price=row.trgprc,
        product=_PRODUCTS.get(row.prd, plain(row.prd)),
        raw_status=plain(row.status),
        reason=plain(row.rejreason),
        updated_at=first_time(row.norentm),
    )


def fill_of(spec: BrokerSpec, row: TradeRow, lot_size_of: LotSizeOf) -> BrokerFill:
    """Return the fill a row shows, in units; raises ``MalformedRow``.

    Exchange trade numbers start again every day and on every exchange, so the id carries the order's number.
    """
    for name in ("norenordno", "flid", "exch", "tsym"):
        require(getattr(row, name), name)
    if row.flqty <= 0:
        raise MalformedRow(f"flqty {row.flqty} is not positive")
    require_price(row.flprc, "flprc")
    return BrokerFill(
        broker_order_id=row.norenordno,
        exchange_trade_id=f"{row.norenordno}:{row.flid}",
        exchange=row.exch,
        symbol=row.tsym,
        side=word(row.trantype, _SIDES, "trantype"),
        quantity=row.flqty * units_of(spec, row.exch, row.tsym, row.ls, row.flqty, lot_size_of=lot_size_of),
        price=row.flprc,
        filled_at=_fill_time(row),
    )


def position_of(spec: BrokerSpec, row: PositionRow, lot_size_of: LotSizeOf) -> BrokerPosition:
    """Return the position a row shows: signed units. ``prcftr`` is what one counted quantity gains."""
    product = row.prd or row.prarr
    for name, text in (("exch", row.exch), ("tsym", row.tsym), ("prd", product)):
        require(text, name)
    for name in ("netavgprc", "lp", "prcftr"):
        require_price(getattr(row, name), name)
    units = units_of(spec, row.exch, row.tsym, row.ls, row.netqty, lot_size_of=lot_size_of)
    return BrokerPosition(
        exchange=row.exch,
        symbol=row.tsym,
        product=_PRODUCTS.get(product, plain(product)),
        quantity=row.netqty * units,
        average_price=row.netavgprc,
        last_price=row.lp,
        multiplier=row.prcftr / units,
    )


def socket_order(spec: BrokerSpec, data: bytes, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a pushed update; raises ``BrokerUnavailable`` for a malformed one."""
    book = b"[" + data + b"]"
    return _rows(spec, book, OrderRow, lambda row: order_of(spec, row, lot_size_of), what="order update")[0]


def _status(row: OrderRow, filled: int, order_type: OrderType) -> OrderStatus:
    """A cancelled order that does not say what was filled of it must say that all of it was cancelled."""
    status = status_of(row.status, order_type, filled=filled, quantity=row.qty, final=_FINAL, working=_WORKING)
    if status is OrderStatus.CANCELLED and row.fillshares is None and row.cancelqty != row.qty:
        raise MalformedRow(f"CANCELED without fillshares, cancelqty {row.cancelqty} of {row.qty}")
    return status


def _filled(row: OrderRow) -> int:
    """Rows of unfilled orders leave ``fillshares`` out."""
    filled = row.fillshares or 0
    if row.qty <= 0 or not 0 <= filled <= row.qty:
        raise MalformedRow(f"fillshares {filled} is not within qty {row.qty}")
    return filled


def _fill_time(row: TradeRow) -> datetime:
    moment = first_time(row.fltm, row.exch_tm, row.norentm)
    if moment is None:
        raise MalformedRow("the fill has no time")
    return moment


def _holding(row: _HoldingRow) -> Holding:
    if not row.exch_tsym:
        raise MalformedRow("exch_tsym is empty")
    require_price(row.upldprc, "upldprc")
    held = row.btstqty + row.holdqty + row.brkcolqty + row.unplgdqty + row.benqty + max(row.npoadqty, row.dpqty)
    return Holding(
        exchange=row.exch_tsym[0].exch,
        symbol=row.exch_tsym[0].tsym,
        quantity=held - row.usedqty,
        pledged=row.colqty + row.brkcolqty,
        average_price=row.upldprc,
        last_price=Decimal(0),
    )


def _rows(
    spec: BrokerSpec, data: bytes, kind: type[_Row], convert: Callable[[_Row], _Mapped], *, what: str
) -> list[_Mapped]:
    return listed(data, kind, convert, broker=spec.slug, what=what, strict=False)
