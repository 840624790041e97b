"""Order fields: from the wire into the exchange's words, refused as the platform refuses them."""

import re
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.mastertrust.names import Names, unit
from simulator.faces.mastertrust.wire import Fields, invalid, no_amount, required
from simulator.market.types import Listing

SIDES = {one.value: one for one in Side}
PRODUCTS = {one.value: one for one in Product}
VALIDITIES = {one.value: one for one in Validity}
ORDER_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "SL": OrderType.SL,
    "SLM": OrderType.SL_M,
}

_TAG = re.compile(r"[0-9]{1,18}")
_LARGEST = 10**9
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
Word = TypeVar("Word")


def new_order(fields: Fields, names: Names) -> NewOrder:
    """Read a new order. Raises ``FaceError``; lot, tick and band are left to the exchange."""
    listing, order_type = find_listing(fields, names), word(fields, "order_type", ORDER_TYPES)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(fields, "order_side", SIDES),
        quantity=whole(fields, "quantity", low=1) * unit(listing),
        product=word(fields, "product", PRODUCTS),
        order_type=order_type,
        validity=word(fields, "validity", VALIDITIES),
        price=_price(fields, order_type),
        trigger_price=amount(fields, "trigger_price"),
        market_protection=amount(fields, "market_protection_percentage"),
        disclosed_quantity=_optional(fields, "disclosed_quantity") * unit(listing),
        tag=tag(fields),
    )


def order_edit(fields: Fields, listing: Listing) -> OrderEdit:
    """Read a modification, which repeats all of the order; its side and contract cannot be changed."""
    order_type = word(fields, "order_type", ORDER_TYPES)
    return OrderEdit(
        quantity=whole(fields, "quantity", low=1) * unit(listing),
        price=_price(fields, order_type),
        trigger_price=amount(fields, "trigger_price"),
        order_type=order_type,
        validity=word(fields, "validity", VALIDITIES),
        disclosed_quantity=_optional(fields, "disclosed_quantity") * unit(listing),
    )


def find_listing(fields: Fields, names: Names) -> Listing:
    """Return the contract ``exchange`` and ``instrument_token`` name."""
    listing = names.numbered(required(fields, "exchange"), required(fields, "instrument_token"))
    if listing is None:
        raise invalid("instrument_token")
    return listing


def word(fields: Fields, name: str, words: dict[str, Word]) -> Word:
    """Return a field that has a fixed set of values."""
    value = required(fields, name)
    if value not in words:
        raise invalid(name)
    return words[value]


def whole(fields: Fields, name: str, *, low: int) -> int:
    """Return a whole number."""
    text = required(fields, name)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= _LARGEST:
        raise no_amount(name)
    return int(text)


def amount(fields: Fields, name: str) -> Decimal:
    """Return an amount; 0 where none is given."""
    try:
        value = Decimal(fields.get(name, "").strip() or "0")
    except InvalidOperation:
        raise no_amount(name) from None
    if not value.is_finite() or not 0 <= value <= _LARGEST:
        raise no_amount(name)
    return value


def tag(fields: Fields) -> str:
    """Return our number of the order as the platform keeps it: a number, so noughts before it are lost."""
    text = fields.get("user_order_id", "").strip()
    if text and not _TAG.fullmatch(text):
        raise invalid("user_order_id")
    return str(int(text)) if text else ""


def _price(fields: Fields, order_type: OrderType) -> Decimal:
    required(fields, "price")
    return amount(fields, "price") if order_type in _PRICED else Decimal(0)


def _optional(fields: Fields, name: str) -> int:
    return whole(fields, name, low=0) if fields.get(name) else 0
