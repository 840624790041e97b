"""Order forms: strings from the wire into the exchange's words, refused as Kite refuses them."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.calls import FaceError
from simulator.faces.zerodha.mapping import unit
from simulator.faces.zerodha.wire import input_error
from simulator.market.types import Listing, Market

VARIETIES = frozenset({"regular", "amo", "co", "iceberg", "auction"})
PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})

_TAG = re.compile(r"[A-Za-z0-9]{1,20}")
_LARGEST = 10**9
Words = TypeVar("Words", bound=StrEnum)
Form = Mapping[str, str]


def new_order(form: Form, *, variety: str, market: Market) -> NewOrder:
    """Read a place form. Raises ``FaceError``; what the exchange checks (lot, tick, band) is left to it."""
    check_variety(variety)
    listing = find_listing(form, market)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=_word(form, "transaction_type", Side),
        quantity=_whole(form, "quantity", low=1) * unit(listing),
        product=_word(form, "product", Product),
        order_type=_word(form, "order_type", OrderType),
        validity=_word(form, "validity", Validity, default=Validity.DAY),
        price=_amount(form, "price") or Decimal(0),
        trigger_price=_amount(form, "trigger_price") or Decimal(0),
        market_protection=_protection(form) or Decimal(0),
        disclosed_quantity=_optional_whole(form, "disclosed_quantity", unit(listing)) or 0,
        tag=_tag(form),
        variety=variety,
    )


def order_edit(form: Form, *, listing: Listing) -> OrderEdit:
    """Read a modify form; absent fields stay as they are."""
    return OrderEdit(
        quantity=_optional_whole(form, "quantity", unit(listing)),
        price=_amount(form, "price"),
        trigger_price=_amount(form, "trigger_price"),
        order_type=_word(form, "order_type", OrderType) if form.get("order_type") else None,
        validity=_word(form, "validity", Validity) if form.get("validity") else None,
        disclosed_quantity=_optional_whole(form, "disclosed_quantity", unit(listing)),
        market_protection=_protection(form),
    )


def check_variety(variety: str) -> None:
    """Refuse a variety Kite does not know."""
    if variety not in VARIETIES:
        raise input_error("Invalid `variety`.")


def find_listing(form: Form, market: Market) -> Listing:
    """Return the contract a form names."""
    listing = market.find(required(form, "exchange"), required(form, "tradingsymbol"))
    if listing is None:
        raise input_error("The instrument you are placing an order for has either expired or does not exist.")
    return listing


def required(form: Form, name: str) -> str:
    """Return a field that must be there."""
    value = form.get(name, "").strip()
    if not value:
        raise input_error(f"Missing or empty field `{name}`")
    return value


def side(form: Form) -> Side:
    """Return ``transaction_type``."""
    return _word(form, "transaction_type", Side)


def product(form: Form, name: str) -> Product:
    """Return a product field."""
    return _word(form, name, Product)


def quantity(form: Form, listing: Listing) -> int:
    """Return ``quantity`` in units."""
    return _whole(form, "quantity", low=1) * unit(listing)


def _word(form: Form, name: str, words: type[Words], *, default: Words | None = None) -> Words:
    if default is not None and not form.get(name):
        return default
    try:
        return words(required(form, name))
    except ValueError:
        raise _invalid(name) from None


def _whole(form: Form, name: str, *, low: int) -> int:
    text = required(form, name)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= _LARGEST:
        raise _invalid(name)
    return int(text)


def _optional_whole(form: Form, name: str, per: int) -> int | None:
    return _whole(form, name, low=0) * per if form.get(name) else None


def _amount(form: Form, name: str) -> Decimal | None:
    if not form.get(name):
        return None
    value = _decimal(form, name)
    if not 0 <= value <= _LARGEST:
        raise _invalid(name)
    return value


def _protection(form: Form) -> Decimal | None:
    if not form.get("market_protection"):
        return None
    value = _decimal(form, "market_protection")
    if value != -1 and not 0 <= value <= 100:
        raise _invalid("market_protection")
    return value


def _decimal(form: Form, name: str) -> Decimal:
    try:
        value = Decimal(form[name])
    except InvalidOperation:
        raise _invalid(name) from None
    if not value.is_finite():
        raise _invalid(name)
    return value


def _tag(form: Form) -> str:
    tag = form.get("tag", "")
    if tag and not _TAG.fullmatch(tag):
        raise input_error("Invalid `tag`. It should be alphanumeric and at most 20 characters long.")
    return tag


def _invalid(name: str) -> FaceError:
    return input_error(f"Invalid `{name}`.")
