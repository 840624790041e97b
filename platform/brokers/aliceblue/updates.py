"""Order updates, which Alice Blue pushes in its OMS's own words, in ours. Pure.

https://ant.aliceblueonline.com/productdocumentation/Webhooks/. Webhooks carry the same but prove nothing of who sent
them, so none are taken.
"""

from decimal import Decimal

import msgspec

from brokers.aliceblue.mapping import product_of, status_of, tag_of
from brokers.aliceblue.rows import first_time
from brokers.aliceblue.spec import SPEC
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded
from brokers.rows import MalformedRow, mapped, require, require_price, word
from brokers.texts import plain
from domain.orders import BrokerOrder, OrderType, Product, Side

_SIDES = {"B": Side.BUY, "S": Side.SELL}
_TYPES = {
    **dict.fromkeys(("LMT", "L"), OrderType.LIMIT),
    **dict.fromkeys(("MKT",), OrderType.MARKET),
    **dict.fromkeys(("SL-LMT", "SL"), OrderType.SL),
    **dict.fromkeys(("SL-MKT", "SL-M"), OrderType.SL_M),
}
_PRODUCTS = {"I": Product.MIS.value, "C": Product.CNC.value, "M": Product.NRML.value}
_WHAT = "order update"


class _Update(msgspec.Struct):
    """Numbers come as strings, empty ones as ""; the product as ``prd`` (a word) or ``pcode`` (a letter)."""

    norenordno: str
    status: str
    exch: str
    tsym: str
    trantype: str
    prctyp: str
    qty: str
    prc: str = ""
    trgprc: str = ""
    avgprc: str = ""
    fillshares: str = ""
    prd: str = ""
    pcode: str = ""
    remarks: str = ""
    rejreason: str = ""
    exch_tm: str = ""
    norentm: str = ""


def update_of(data: str, lot_size_of: LotSizeOf) -> BrokerOrder:
    """Return the order of a pushed update; raises ``BrokerUnavailable`` for a malformed one."""
    row = decoded(data.encode(), _Update, broker=SPEC.slug, what=_WHAT)
    return mapped([row], lambda one: _order(one, lot_size_of), broker=SPEC.slug, what=_WHAT)[0]


def _order(row: _Update, lot_size_of: LotSizeOf) -> BrokerOrder:
    for name in ("norenordno", "tsym", "exch"):
        require(getattr(row, name), name)
    quantity, filled = _whole(row.qty, "qty"), _whole(row.fillshares or "0", "fillshares")
    if quantity <= 0 or not 0 <= filled <= quantity:
        raise MalformedRow(f"fillshares {filled} is not within qty {quantity}")
    units = units_per_count(SPEC, row.exch, row.tsym, lot_size_of)
    order_type = word(row.prctyp, _TYPES, "prctyp")
    return BrokerOrder(
        broker_order_id=row.norenordno,
        client_order_id=tag_of(row.remarks),
        exchange=row.exch,
        symbol=row.tsym,
        side=word(row.trantype, _SIDES, "trantype"),
        quantity=quantity * units,
        filled_quantity=filled * units,
        average_price=_price(row.avgprc, "avgprc"),
        status=status_of(row.status, order_type, quantity=quantity, filled=filled),
        order_type=order_type,
        price=_price(row.prc, "prc"),
        trigger_price=_price(row.trgprc, "trgprc"),
        product=product_of(row.prd) if row.prd else _PRODUCTS.get(row.pcode, plain(row.pcode)),
        raw_status=plain(row.status),
        reason=plain(row.rejreason),
        updated_at=first_time(row.exch_tm, row.norentm),
    )


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise MalformedRow(f"{name} {text!r} is not a count")
    return int(text)


def _price(text: str, name: str) -> Decimal:
    try:
        value = msgspec.convert(text or "0", Decimal)
    except msgspec.ValidationError:
        raise MalformedRow(f"{name} {text!r} is not a price") from None
    require_price(value, name)
    return value
