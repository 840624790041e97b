"""Order fields: strings from the wire into the exchange's words, refused as the OMS refuses them."""

import re
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from domain.orders import OrderType, Product, Side, Validity
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.noren.names import Names, unit
from simulator.faces.noren.wire import Fields, invalid, optional, refused_order, required, symbol_field
from simulator.market.types import Listing

PRODUCTS = {"C": Product.CNC, "M": Product.NRML, "I": Product.MIS}
SIDES = {"B": Side.BUY, "S": Side.SELL}
ORDER_TYPES = {
    "LMT": OrderType.LIMIT,
    "SL-LMT": OrderType.SL,
    "MKT": OrderType.MARKET,
    "SL-MKT": OrderType.SL_M,
}
VALIDITIES = {"DAY": Validity.DAY, "IOC": Validity.IOC, "EOS": Validity.DAY}
PROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})

_TAG = re.compile(r"[A-Za-z0-9]{0,20}")
_LARGEST = 10**9
Word = TypeVar("Word")


def new_order(fields: Fields, names: Names) -> NewOrder:
    """Read a PlaceOrder. Raises ``FaceError``; lot, tick and band are left to the exchange."""
    listing = find_listing(fields, names)
    order_type = _order_type(fields)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(fields, "trantype", SIDES),
        quantity=whole(fields, "qty", low=1) * unit(listing),
        product=word(fields, "prd", PRODUCTS),
        order_type=order_type,
        validity=word(fields, "ret", VALIDITIES),
        price=_price(fields),
        trigger_price=amount(fields, "trgprc") or Decimal(0),
        disclosed_quantity=(whole(fields, "dscqty", low=0) if optional(fields, "dscqty") else 0) * unit(listing),
        tag=_tag(fields),
    )


def order_edit(fields: Fields, listing: Listing) -> OrderEdit:
    """Read a ModifyOrder; absent fields stay as they are."""
    given = bool(optional(fields, "prctyp"))
    return OrderEdit(
        quantity=whole(fields, "qty", low=1) * unit(listing) if optional(fields, "qty") else None,
        price=amount(fields, "prc"),
        trigger_price=amount(fields, "trgprc"),
        order_type=_order_type(fields) if given else None,
        validity=word(fields, "ret", VALIDITIES) if optional(fields, "ret") else None,
    )


def find_listing(fields: Fields, names: Names) -> Listing:
    """Return the contract ``exch`` and ``tsym`` name."""
    listing = names.named(required(fields, "exch"), symbol_field(fields, "tsym"))
    if listing is None:
        raise invalid("Invalid Trading Symbol")
    return listing


def numbered_listing(fields: Fields, names: Names) -> Listing:
    """Return the contract ``exch`` and ``token`` name."""
    listing = names.numbered(required(fields, "exch"), required(fields, "token"))
    if listing is None:
        raise invalid("Invalid Token")
    return listing


def word(fields: Fields, name: str, words: dict[str, Word]) -> Word:
    """Return a field that has a fixed set of values."""
    value = required(fields, name)
    if value not in words:
        raise invalid(f"Invalid {name}")
    return words[value]


def whole(fields: Fields, name: str, *, low: int) -> int:
    """Return a whole number, which clients may write as ``65`` only."""
    text = required(fields, name)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= _LARGEST:
        raise invalid(f"Invalid {name}")
    return int(text)


def amount(fields: Fields, name: str) -> Decimal | None:
    """Return an amount of rupees; ``None`` where none is given."""
    text = optional(fields, name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise invalid(f"Invalid {name}") from None
    if not value.is_finite() or not 0 <= value <= _LARGEST:
        raise invalid(f"Invalid {name}")
    return value


def _order_type(fields: Fields) -> OrderType:
    order_type = word(fields, "prctyp", ORDER_TYPES)
    if order_type in PROTECTED:
        raise refused_order("Market orders are not allowed through API")
    return order_type


def _price(fields: Fields) -> Decimal:
    required(fields, "prc")
    return amount(fields, "prc") or Decimal(0)


def _tag(fields: Fields) -> str:
    tag = optional(fields, "remarks")
    if not _TAG.fullmatch(tag):
        raise invalid("Invalid remarks")
    return tag
