"""Order tickets: JSON from the wire into the exchange's words, refused as IBKR refuses them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from domain.instruments import Kind
from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit
from simulator.faces.ibkr.names import Names, conid_of
from simulator.faces.ibkr.wire import Fields, order_refusal, refusal
from simulator.market.types import Listing

ORDER_TYPES = {
    "LMT": OrderType.LIMIT,
    "STOP_LIMIT": OrderType.SL,
    "STP_LIMIT": OrderType.SL,
    "MKT": OrderType.MARKET,
    "STP": OrderType.SL_M,
}
VALIDITIES = {"DAY": Validity.DAY, "IOC": Validity.IOC}
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
LONGEST_TAG = 64

_LARGEST = 10**9
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})
Word = TypeVar("Word", bound=StrEnum)


def new_order(ticket: Fields, names: Names) -> NewOrder:
    """Read a ticket. Raises ``FaceError``; what the exchange checks (lot, tick, band) is left to it."""
    listing = find_listing(ticket, names)
    order_type = word(ticket, "orderType", ORDER_TYPES)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(ticket, "side", SIDES),
        quantity=whole(ticket, "quantity"),
        product=product_of(listing),
        order_type=order_type,
        validity=word(ticket, "tif", VALIDITIES),
        price=amount(ticket, "price") if order_type in _PRICED else Decimal(0),
        trigger_price=amount(ticket, "auxPrice") if order_type in _TRIGGERED else Decimal(0),
        tag=tag(ticket),
    )


def order_edit(ticket: Fields, order: ClientOrder) -> OrderEdit:
    """Read a modification, which repeats the order: what may not change must be what it was. Raises ``FaceError``."""
    for name in ("conid", "side", "orderType", "tif", "quantity"):
        if ticket.get(name) in (None, ""):
            raise refusal(f"Bad Request: {name} of the order is missing")
    if str(ticket["conid"]) != str(conid_of(order.listing)) or word(ticket, "side", SIDES) is not order.side:
        raise refusal("Bad Request: contract and side of an order cannot be changed")
    order_type = word(ticket, "orderType", ORDER_TYPES)
    return OrderEdit(
        quantity=whole(ticket, "quantity"),
        price=amount(ticket, "price") if order_type in _PRICED else None,
        trigger_price=amount(ticket, "auxPrice") if order_type in _TRIGGERED else None,
        order_type=order_type,
        validity=word(ticket, "tif", VALIDITIES),
    )


def find_listing(ticket: Fields, names: Names) -> Listing:
    """Return the contract a ticket names, by ``conid`` or by ``conidex``."""
    conid = ticket.get("conid") or str(ticket.get("conidex", "")).partition("@")[0]
    listing = names.numbered(conid)
    if listing is None:
        raise order_refusal("No security definition has been found for the request")
    return listing


def product_of(listing: Listing) -> Product:
    """Return what IBKR does with a contract: shares are delivered, derivatives carried."""
    return Product.CNC if listing.kind is Kind.EQUITY else Product.NRML


def tag(ticket: Fields) -> str:
    """Return the client's own id of an order."""
    text = str(ticket.get("cOID") or "")
    if len(text) > LONGEST_TAG:
        raise order_refusal("invalid order attribute : cOID")
    return text


def word(ticket: Fields, name: str, words: Mapping[str, Word]) -> Word:
    """Return a field that must be one of some words; case counts."""
    found = words.get(str(ticket.get(name, "")))
    if found is None:
        raise order_refusal(f"invalid order attribute : {name}")
    return found


def whole(ticket: Fields, name: str) -> int:
    """Return a quantity, which clients write with a fraction of nought as well."""
    value = _number(ticket.get(name), name)
    if value != value.to_integral_value() or not 0 < value <= _LARGEST:
        raise order_refusal("invalid order quantity")
    return int(value)


def amount(ticket: Fields, name: str) -> Decimal:
    """Return a price that must be there."""
    value = _number(ticket.get(name), name)
    if not 0 < value <= _LARGEST:
        raise order_refusal("invalid order price fields")
    return value


def _number(value: Any, name: str) -> Decimal:
    if value is None or isinstance(value, bool):
        raise order_refusal(
            f"invalid order price fields : {name}" if "rice" in name else f"invalid order attribute : {name}"
        )
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise order_refusal(f"invalid order attribute : {name}") from None
    if not number.is_finite():
        raise order_refusal(f"invalid order attribute : {name}")
    return number
