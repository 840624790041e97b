"""Order fields: JSON from the wire into the exchange's words, refused as Fyers refuses them."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.rules import AUTOMATIC
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.fyers.names import Names, unit
from simulator.faces.fyers.wire import Row, bad_input
from simulator.market.types import Listing

SIDES = {1: Side.BUY, -1: Side.SELL}
ORDER_TYPES = {1: OrderType.LIMIT, 2: OrderType.MARKET, 3: OrderType.SL_M, 4: OrderType.SL}
PRODUCTS = {"CNC": Product.CNC, "INTRADAY": Product.MIS, "MARGIN": Product.NRML}
VALIDITIES = {"DAY": Validity.DAY, "IOC": Validity.IOC}

_TAG = re.compile(r"[A-Za-z0-9]{1,30}")
_UNTAGGED = "Untagged"
_LARGEST = 10**9
_TRUTHS = {True: True, False: False, "True": True, "False": False, "true": True, "false": False}
Word = TypeVar("Word")


def new_order(form: Row, names: Names, *, client: str) -> NewOrder:
    """Read a place request. Raises ``FaceError``; what the exchange checks (lot, tick, band) is left to it."""
    listing = find_listing(form, names)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(form, "side", SIDES, "Please provide a valid order side of either buy or sell"),
        quantity=whole(form, "qty", low=1) * unit(listing),
        product=word(form, "productType", PRODUCTS, "Please provide a valid product type for the order"),
        order_type=word(form, "type", ORDER_TYPES, "Please provide a valid order type"),
        validity=word(form, "validity", VALIDITIES, "Please provide a valid order validity"),
        price=amount(form, "limitPrice") or Decimal(0),
        trigger_price=amount(form, "stopPrice") or Decimal(0),
        market_protection=AUTOMATIC,
        disclosed_quantity=(whole(form, "disclosedQty", low=0) if form.get("disclosedQty") else 0) * unit(listing),
        tag=_tag(form, client),
        variety="amo" if _is_offline(form) else "regular",
    )


def order_edit(form: Row, listing: Listing) -> OrderEdit:
    """Read a modify request; absent fields stay as they are, but for the type, which must be there."""
    return OrderEdit(
        quantity=whole(form, "qty", low=1) * unit(listing) if form.get("qty") is not None else None,
        price=amount(form, "limitPrice"),
        trigger_price=amount(form, "stopPrice"),
        order_type=word(form, "type", ORDER_TYPES, "Please provide a valid order type"),
        market_protection=AUTOMATIC,
    )


def find_listing(form: Mapping[str, Any], names: Names) -> Listing:
    """Return the contract a request names."""
    listing = names.named("", str(form.get("symbol", "")))
    if listing is None:
        raise bad_input("The input symbol is invalid.")
    return listing


def word(form: Row, name: str, words: Mapping[Any, Word], message: str) -> Word:
    """Return a field that has a fixed set of values."""
    value = form.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or value not in words:
        raise bad_input(message)
    return words[value]


def whole(form: Row, name: str, *, low: int) -> int:
    """Return a whole number."""
    value = form.get(name)
    if type(value) is not int or not low <= value <= _LARGEST:
        raise bad_input("Please provide a valid order quantity")
    return value


def amount(form: Row, name: str) -> Decimal | None:
    """Return an amount of rupees; ``None`` where none is given."""
    given = form.get(name)
    if given is None:
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        raise bad_input(f"Please provide a valid {name}") from None
    if not value.is_finite() or not 0 <= value <= _LARGEST:
        raise bad_input(f"Please provide a valid {name}")
    return value


def _is_offline(form: Row) -> bool:
    given = form.get("offlineOrder")
    if not isinstance(given, bool | str) or given not in _TRUTHS:
        raise bad_input("Please provide a valid order offline flag")
    return _TRUTHS[given]


def _tag(form: Row, client: str) -> str:
    tag = str(form.get("orderTag") or "")
    if tag and (not _TAG.fullmatch(tag) or tag in (_UNTAGGED, client)):
        raise bad_input("Please provide a valid order tag")
    return tag
