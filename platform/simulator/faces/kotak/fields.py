"""Order fields: ``jData`` into the exchange's words, refused as Kotak refuses them.

A market order is taken and priced within Kotak's own band around the last price.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from domain.instruments import Kind
from domain.orders import OrderType, Product, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.kotak.names import Names, is_segment, unit
from simulator.faces.kotak.wire import Fields, invalid, missing, refused
from simulator.market.types import Listing, MarketQuote

PRODUCTS = {"CNC": Product.CNC, "NRML": Product.NRML, "MIS": Product.MIS}
SIDES = {"B": Side.BUY, "S": Side.SELL}
ORDER_TYPES = {"L": OrderType.LIMIT, "MKT": OrderType.MARKET, "SL": OrderType.SL}
VALIDITIES = {"DAY": Validity.DAY, "IOC": Validity.IOC}
AFTER_MARKET = frozenset({"YES", "NO"})

_LARGEST = 10**9
_WHOLE = Decimal(100)
_TAG = re.compile(r"[A-Za-z0-9]{0,20}")
_BANDS: dict[bool, tuple[tuple[int, Decimal], ...]] = {
    False: ((100, Decimal(2)), (500, Decimal(1)), (_LARGEST, Decimal("0.5"))),
    True: ((5, Decimal(10)), (10, Decimal(5)), (100, Decimal(3)), (500, Decimal(2)), (_LARGEST, Decimal(1))),
}
"""Percent a market order may go beyond the last price, by prices up to; of options and of everything else."""

Word = TypeVar("Word")


def new_order(fields: Fields, listing: Listing, quote: MarketQuote) -> NewOrder:
    """Read an order to place. Raises ``FaceError``; lot, tick and band are left to the exchange."""
    word(fields, "am", {one: one for one in AFTER_MARKET})
    order_type = word(fields, "pt", ORDER_TYPES)
    return NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=word(fields, "tt", SIDES),
        quantity=count(fields, "qt") * unit(listing),
        product=word(fields, "pc", PRODUCTS),
        order_type=order_type,
        validity=word(fields, "rt", VALIDITIES),
        price=amount(fields, "pr"),
        trigger_price=amount(fields, "tp"),
        market_protection=_protection(order_type, listing, quote),
        tag=_tag(fields),
    )


def order_edit(fields: Fields, listing: Listing, quote: MarketQuote) -> OrderEdit:
    """Read a change, which says everything again."""
    order_type = word(fields, "pt", ORDER_TYPES)
    return OrderEdit(
        quantity=count(fields, "qt") * unit(listing),
        price=amount(fields, "pr"),
        trigger_price=amount(fields, "tp"),
        order_type=order_type,
        validity=word(fields, "vd", VALIDITIES),
        market_protection=_protection(order_type, listing, quote),
    )


def find_listing(fields: Fields, names: Names, *, segment: str = "es", symbol: str = "ts") -> Listing:
    """Return the contract an order names."""
    if not is_segment(required(fields, segment)):
        raise refused(1006, "Invalid Exchange")
    listing = names.traded(fields[segment], required(fields, symbol))
    if listing is None:
        raise refused(1007, "Invalid Symbol")
    return listing


def required(fields: Fields, name: str) -> str:
    """Return a field that must be there."""
    value = fields.get(name, "").strip()
    if not value:
        raise missing(name)
    return value


def word(fields: Fields, name: str, words: dict[str, Word]) -> Word:
    """Return a field that has a fixed set of values."""
    value = required(fields, name)
    if value not in words:
        raise invalid(f"{name} {value}")
    return words[value]


def count(fields: Fields, name: str) -> int:
    """Return a quantity, written as a string of digits."""
    text = required(fields, name)
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 0 < int(text) <= _LARGEST:
        raise refused(1009, "Invalid Quantity")
    return int(text)


def amount(fields: Fields, name: str) -> Decimal:
    """Return an amount of rupees."""
    try:
        value = Decimal(required(fields, name))
    except InvalidOperation:
        raise invalid(name) from None
    if not value.is_finite() or not 0 <= value <= _LARGEST:
        raise invalid(name)
    return value


def _protection(order_type: OrderType, listing: Listing, quote: MarketQuote) -> Decimal:
    """Return the percent of a market order's band; options of less than a rupee have 10 paise."""
    last = to_decimal(quote.last_price)
    if order_type is not OrderType.MARKET or last <= 0:
        return Decimal(0)
    if listing.kind is Kind.OPTION and last < 1:
        return min(Decimal("0.1") / last * _WHOLE, _WHOLE)
    return next(percent for below, percent in _BANDS[listing.kind is Kind.OPTION] if last <= below)


def _tag(fields: Fields) -> str:
    tag = fields.get("ig", "")
    if not _TAG.fullmatch(tag):
        raise invalid("ig")
    return tag
