"""Order bodies: JSON from the wire into the exchange's words, refused as Upstox refuses them.

https://upstox.com/developer/api-documentation/v3/place-order/
"""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from domain.instruments import Exchange as Venue
from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.upstox.names import Names, unit
from simulator.faces.upstox.wire import Body, invalid_input, invalid_key
from simulator.market.types import Listing

MOST_PROTECTION = 25

_TAG = re.compile(r"[\x21-\x7e]{0,40}")
_LARGEST = 10**9
_CASH = frozenset({Venue.NSE, Venue.BSE})
_PROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})
_AUTOMATIC = Decimal(-1)
_Words = TypeVar("_Words", bound=StrEnum)


def new_order(body: Body, names: Names) -> NewOrder:
    """Read a place body. Raises ``FaceError``; what the exchange checks (lot, tick, band) is left to it."""
    listing = find_listing(body, "instrument_token", names)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(body, "transaction_type", Side, "UDAPI1057"),
        quantity=whole(body, "quantity") * unit(listing),
        product=product(body, listing),
        order_type=word(body, "order_type", OrderType, "UDAPI1056"),
        validity=word(body, "validity", Validity, "UDAPI1055"),
        price=_amount(body, "price") or Decimal(0),
        trigger_price=_amount(body, "trigger_price") or Decimal(0),
        market_protection=_protection(body) or _AUTOMATIC,
        disclosed_quantity=int(_amount(body, "disclosed_quantity") or 0) * unit(listing),
        tag=_tag(body),
    )


def order_edit(body: Body, *, listing: Listing) -> OrderEdit:
    """Read a modify body; a quantity that is not there stays as it is."""
    return OrderEdit(
        quantity=whole(body, "quantity") * unit(listing) if body.get("quantity") is not None else None,
        price=_amount(body, "price"),
        trigger_price=_amount(body, "trigger_price"),
        order_type=word(body, "order_type", OrderType, "UDAPI1056"),
        validity=word(body, "validity", Validity, "UDAPI1055"),
        market_protection=_protection(body),
    )


def check_market(body: Body) -> None:
    """Refuse what no order may be since April 2026: without a limit and without a protection."""
    kind = body.get("order_type")
    if kind in _PROTECTED and _protection(body) == 0:
        raise invalid_input("Market orders are not allowed. Try placing a limit order.", "UDAPI1158")


def find_listing(body: Body, name: str, names: Names) -> Listing:
    """Return the contract a field names; MCX is closed to API orders."""
    key = body.get(name)
    if not isinstance(key, str) or not key:
        raise invalid_input("The instrument key is required", "UDAPI1026")
    listing = names.keyed(key)
    if listing is None:
        raise invalid_key()
    if listing.exchange is Venue.MCX:
        raise invalid_input("MCX orders via API are temporarily disabled", "UDAPI1161", status=423)
    return listing


def product(body: Body, listing: Listing, name: str = "product") -> Product:
    """Return the product: ``D`` is delivery in cash and carried forward elsewhere."""
    given = body.get(name)
    if given == "I":
        return Product.MIS
    if given == "D":
        return Product.CNC if listing.exchange in _CASH else Product.NRML
    raise invalid_input("The 'product' is invalid", "UDAPI1054")


def whole(body: Body, name: str) -> int:
    """Return a number above zero."""
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise invalid_input(f"The '{name}' is invalid")
    if not value:
        raise invalid_input("The quantity cannot be zero", "UDAPI1052")
    return value


def word(body: Body, name: str, words: type[_Words], code: str) -> _Words:
    """Return a field that has a fixed set of values."""
    try:
        return words(str(body.get(name)))
    except ValueError:
        raise invalid_input(f"The '{name}' is invalid", code) from None


def _amount(body: Body, name: str) -> Decimal | None:
    value = body.get(name)
    return None if value is None else _number(value, name, low=0, high=_LARGEST)


def _protection(body: Body) -> Decimal | None:
    value = body.get("market_protection")
    if value is None:
        return None
    percent = _number(value, "market_protection", low=-1, high=_LARGEST)
    if percent > MOST_PROTECTION:
        raise invalid_input("Market protection cannot be greater than 25%", "UDAPI1159")
    return percent


def _number(value: Any, name: str, *, low: int, high: int) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_input(f"The '{name}' is invalid")
    number = Decimal(str(value))
    if not number.is_finite() or not low <= number <= high:
        raise invalid_input(f"The '{name}' is invalid")
    return number


def _tag(body: Body) -> str:
    tag = body.get("tag") or ""
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise invalid_input("The tag cannot be longer than 40 characters", "UDAPI1119")
    return tag
