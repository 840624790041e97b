"""Order fields: JSON from the wire into the exchange's words, refused with the codes of the error table.

Clients write numbers as numbers or as strings, and leave out what they have nothing for, or send "" or null.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.aliceblue.wire import refusal
from simulator.faces.noren.names import Names, unit
from simulator.market.types import Listing

Fields = Mapping[str, Any]

EXCHANGES = frozenset({"NSE", "BSE", "NFO", "BFO", "MCX", "CDS", "BCD", "NCO", "BCO"})
SIDES = {side.value: side for side in Side}
PRODUCTS = {"INTRADAY": Product.MIS, "LONGTERM": Product.CNC, "NORMAL": Product.NRML, "NRML": Product.NRML}
ORDER_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "SL": OrderType.SL,
    "SLM": OrderType.SL_M,
}
VALIDITIES = {validity.value: validity for validity in Validity}
PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
STOPS = frozenset({OrderType.SL, OrderType.SL_M})

_COMPLEXITIES = {"REGULAR": "regular"}
_TAG = re.compile(r"[A-Za-z0-9]*")
_LONGEST_TAG, _LONGEST_ALGO_ID = 50, 12
_LARGEST = 10**9
_Word = TypeVar("_Word")


def new_order(fields: Fields, names: Names) -> NewOrder:
    """Read one order of a placeorder. Raises ``FaceError``; lot, tick and band are left to the exchange."""
    listing = find_listing(fields, names)
    order_type = word(fields, "orderType", ORDER_TYPES, missing="EC934", wrong="EC930")
    if len(text(fields, "algoId")) > _LONGEST_ALGO_ID:
        raise refusal("EC972")
    word(fields, "orderComplexity", _COMPLEXITIES, missing="EC942", wrong="EC091")
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(fields, "transactionType", SIDES, missing="EC907", wrong="EC929"),
        quantity=quantity(fields) * unit(listing),
        product=word(fields, "product", PRODUCTS, missing="EC906", wrong="EC092"),
        order_type=order_type,
        validity=word(fields, "validity", VALIDITIES, missing="EC944", wrong="EC932"),
        price=_needed(fields, "price", order_type in PRICED, missing="EC950", wrong="EC957"),
        trigger_price=_needed(fields, "slTriggerPrice", order_type in STOPS, missing="EC951", wrong="EC959"),
        market_protection=amount(fields, "marketProtectionPercent", wrong="EC988") or Decimal(0),
        tag=_tag(fields),
    )


def order_edit(fields: Fields, listing: Listing) -> OrderEdit:
    """Read a modify; absent fields stay as they are, and so does a trigger of 0."""
    return OrderEdit(
        quantity=quantity(fields) * unit(listing) if text(fields, "quantity") else None,
        price=amount(fields, "price", wrong="EC957"),
        trigger_price=amount(fields, "slTriggerPrice", wrong="EC959"),
        order_type=ORDER_TYPES.get(text(fields, "orderType")),
        validity=VALIDITIES.get(text(fields, "validity")),
    )


def find_listing(fields: Fields, names: Names) -> Listing:
    """Return the contract ``exchange`` and ``instrumentId`` name."""
    exchange, number = text(fields, "exchange"), text(fields, "instrumentId")
    for value, missing in ((exchange, "EC900"), (number, "EC941")):
        if not value:
            raise refusal(missing)
    if exchange not in EXCHANGES:
        raise refusal("EC901")
    if not (number.isascii() and number.isdigit()):
        raise refusal("EC946")
    listing = names.numbered(exchange, number)
    if listing is None:
        raise refusal("EC947")
    return listing


def word(fields: Fields, name: str, words: Mapping[str, _Word], *, missing: str, wrong: str) -> _Word:
    """Return a field that has a fixed set of values, in whatever case the samples write them."""
    value = text(fields, name).upper()
    if not value:
        raise refusal(missing)
    if value not in words:
        raise refusal(wrong)
    return words[value]


def quantity(fields: Fields) -> int:
    """Return the counted quantity."""
    value = text(fields, "quantity")
    if not value:
        raise refusal("EC903")
    if not re.fullmatch(r"[0-9]{1,10}", value) or not 0 < int(value) <= _LARGEST:
        raise refusal("EC949")
    return int(value)


def amount(fields: Fields, name: str, *, wrong: str) -> Decimal | None:
    """Return an amount of rupees; ``None`` where none is given."""
    value = text(fields, name)
    if not value:
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise refusal(wrong) from None
    if not number.is_finite() or not 0 <= number <= _LARGEST:
        raise refusal(wrong)
    return number


def text(fields: Fields, name: str) -> str:
    """Return a field as text, "" for none."""
    value = fields.get(name)
    return "" if value is None else str(value).strip()


def _needed(fields: Fields, name: str, is_needed: bool, *, missing: str, wrong: str) -> Decimal:
    value = amount(fields, name, wrong=wrong)
    if is_needed and value is None:
        raise refusal(missing)
    return value or Decimal(0)


def _tag(fields: Fields) -> str:
    tag = text(fields, "orderTag")
    if len(tag) > _LONGEST_TAG:
        raise refusal("EC971")
    if not (tag.isascii() and _TAG.fullmatch(tag)):
        raise refusal("EC984")
    return tag
