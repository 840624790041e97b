"""Kotak's rows as they are decoded: most numbers come as strings; "-", "--" and "NA" say nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from brokers.rows import MalformedRow
from domain.clock import IST

_FORMS = ("%d-%b-%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S")
_NOTHING = frozenset({"", "-", "--", "NA"})
_ZERO, _ONE = Decimal(0), Decimal(1)


class OrderRow(
    msgspec.Struct,
    rename={
        "order_id": "nOrdNo",
        "status": "ordSt",
        "segment": "exSeg",
        "symbol": "trdSym",
        "security": "sym",
        "side": "trnsTp",
        "order_type": "prcTp",
        "product": "prod",
        "quantity": "qty",
        "filled": "fldQty",
        "average_price": "avgPrc",
        "price": "prc",
        "trigger_price": "trgPrc",
        "tag": "GuiOrdId",
        "reason": "rejRsn",
        "lot": "lotSz",
        "changed_at": "flDtTm",
        "updated_at": "hsUpTm",
        "ordered_at": "ordDtTm",
    },
):
    """One row of the order book, of an order's history, or of the socket, which may leave out what has a default."""

    order_id: str
    status: str
    segment: str
    side: str
    order_type: str
    product: str
    quantity: int
    filled: int
    average_price: Decimal
    symbol: str = ""
    security: str = ""
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    tag: str | None = None
    reason: str | None = None
    lot: Decimal = _ONE
    changed_at: str = ""
    updated_at: str = ""
    ordered_at: str = ""


class TradeRow(
    msgspec.Struct,
    rename={
        "order_id": "nOrdNo",
        "fill_id": "flId",
        "segment": "exSeg",
        "symbol": "trdSym",
        "side": "trnsTp",
        "quantity": "fldQty",
        "price": "avgPrc",
        "lot": "lotSz",
        "day": "flDt",
        "hour": "flTm",
    },
):
    """One row of the trade book: an execution. The documented one has ``qty`` 0 and its quantity in ``fldQty``."""

    order_id: str
    fill_id: str
    segment: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    day: str
    hour: str
    lot: Decimal = _ONE


class PositionRow(
    msgspec.Struct,
    rename={
        "segment": "exSeg",
        "symbol": "trdSym",
        "product": "prod",
        "bought": "flBuyQty",
        "sold": "flSellQty",
        "carried_long": "cfBuyQty",
        "carried_short": "cfSellQty",
        "bought_for": "buyAmt",
        "sold_for": "sellAmt",
        "carried_long_for": "cfBuyAmt",
        "carried_short_for": "cfSellAmt",
        "net": "qty",
        "last_price": "ltp",
        "lot": "lotSz",
        "price_numerator": "prcNum",
        "price_denominator": "prcDen",
        "general_numerator": "genNum",
        "general_denominator": "genDen",
    },
):
    """One row of the positions: what was bought and sold today and carried into it, in counts and in rupees."""

    segment: str
    symbol: str
    product: str
    bought: int
    sold: int
    bought_for: Decimal
    sold_for: Decimal
    carried_long: int | None = None
    carried_short: int | None = None
    carried_long_for: Decimal = _ZERO
    carried_short_for: Decimal = _ZERO
    net: int | None = None
    last_price: Decimal = _ZERO
    lot: Decimal = _ONE
    multiplier: Decimal = _ONE
    price_numerator: Decimal = _ONE
    price_denominator: Decimal = _ONE
    general_numerator: Decimal = _ONE
    general_denominator: Decimal = _ONE


class HoldingRow(
    msgspec.Struct,
    rename={
        "segment": "exchangeSegment",
        "symbol": "displaySymbol",
        "average_price": "averagePrice",
        "last_price": "closingPrice",
        "sellable": "sellableQuantity",
    },
):
    """One row of the holdings; ``last_price`` is the last close."""

    segment: str
    symbol: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    sellable: int | None = None


class Limits(msgspec.Struct, rename={"net": "Net", "used": "MarginUsed"}):
    """An account's rupees."""

    net: Decimal
    used: Decimal


def said(text: str | None) -> str:
    """Return a text, "" for one that says nothing."""
    stripped = (text or "").strip()
    return "" if stripped in _NOTHING else stripped


def first_time(*texts: str) -> datetime | None:
    """Return the first IST time shown, in UTC; ``None`` for none. Raises ``MalformedRow`` for a text that is no time.

    Some are written with blanks in them: ``22-Jan-2025 14: 33: 01``.
    """
    shown = next(filter(None, map(said, texts)), "")
    return moment(shown) if shown else None


def moment(text: str) -> datetime:
    """Return an IST time in UTC; raises ``MalformedRow``."""
    plain = text.replace(": ", ":")
    for form in _FORMS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=IST).astimezone(UTC)
        except ValueError:
            continue
    raise MalformedRow(f"{text!r} is not a time")
