"""Order parameters: text from the wire into the exchange's words, refused as Binance refuses it."""

import re
import secrets
import string
from dataclasses import dataclass
from decimal import Decimal

from domain.orders import OrderType, Product, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.types import NewOrder
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.listings import FURTHEST, HIGHEST_PRICE, LEAST_NOTIONAL, NEAREST
from simulator.faces.binance.wire import BinanceError, bad_symbol, filtered, illegal
from simulator.market.types import Listing, Market

_NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
_LETTERS = string.ascii_letters + string.digits
_PLACES = -8
"""The last decimal of a number that Binance reads."""

TYPES = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.SL_M,
    "STOP_LOSS_LIMIT": OrderType.SL,
}
_TIMED = frozenset({"LIMIT", "STOP_LOSS_LIMIT"})
_PRICED = frozenset({"LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT"})
_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_VALIDITIES = {"GTC": Validity.DAY, "IOC": Validity.IOC}
WHATEVER_IT_COSTS = Decimal(100)
"""The market protection of what has none."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A new order, read but for what the market says of it."""

    listing: Listing
    order: NewOrder


def find_listing(asked: Asked, market: Market, exchange: str = "BINANCE") -> Listing:
    """Return the symbol a call names."""
    listing = market.find(exchange, asked.text("symbol"))
    if listing is None:
        raise bad_symbol()
    return listing


def wish(asked: Asked, market: Market) -> Wish:
    """Read a new order and hold it against its pair's filters; raises ``FaceError``."""
    listing = find_listing(asked, market)
    kind = asked.text("type")
    if kind not in TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    price = amount(asked, "price") if kind in _PRICED else Decimal(0)
    trigger = amount(asked, "stopPrice") if kind in _STOPS else Decimal(0)
    order = NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=side_of(asked),
        quantity=_units(amount(asked, "quantity"), listing),
        product=Product.CNC,
        order_type=TYPES[kind],
        validity=_validity(asked, kind),
        price=price,
        trigger_price=trigger,
        market_protection=Decimal(0) if kind in _PRICED else WHATEVER_IT_COSTS,
        tag=client_id(asked, "newClientOrderId"),
        variety=kind,
    )
    _check_filters(order, listing, market)
    return Wish(listing, order)


def client_id(asked: Asked, name: str) -> str:
    """Return the client order id given, or one of Binance's own making."""
    text = asked.params.get(name) or own_id()
    if not re.fullmatch(_CLIENT_ID[1:-1], text):
        raise illegal(name, _CLIENT_ID)
    return text


def own_id() -> str:
    """Return a client order id of Binance's own making."""
    return "".join(secrets.choice(_LETTERS) for _ in range(22))


def amount(asked: Asked, name: str) -> Decimal:
    """Return a number of no more decimals than Binance reads; raises ``FaceError``."""
    value = number(asked, name)
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < _PLACES:
        raise BinanceError(-1111, f"Parameter '{name}' has too much precision.")
    return value


def number(asked: Asked, name: str) -> Decimal:
    """Return a number that must be there; raises ``FaceError``."""
    text = asked.text(name)
    if not re.fullmatch(_NUMBER[1:-1], text):
        raise illegal(name, _NUMBER)
    return Decimal(text)


def units_of(text: str, listing: Listing) -> str:
    """Return a quantity in units, as text; "" where it is none."""
    if not re.fullmatch(_NUMBER[1:-1], text):
        return ""
    units = Decimal(text) / listing.multiplier
    return str(int(units)) if units == units.to_integral_value() else ""


def side_of(asked: Asked) -> Side:
    """Return the side; raises ``FaceError``."""
    text = asked.text("side")
    if text not in list(Side):
        raise BinanceError(-1117, "Invalid side.")
    return Side(text)


def _validity(asked: Asked, kind: str) -> Validity:
    if kind not in _TIMED:
        return Validity.IOC if kind == "MARKET" else Validity.DAY
    text = asked.text("timeInForce")
    if text == "FOK":
        raise BinanceError(-1014, "Unsupported order combination.")
    if text not in _VALIDITIES:
        raise BinanceError(-1115, "Invalid timeInForce.")
    return _VALIDITIES[text]


def _units(quantity: Decimal, listing: Listing) -> int:
    units = quantity / listing.multiplier
    most = listing.freeze_quantity or 0
    if units != units.to_integral_value() or not listing.lot_size <= units <= most:
        raise filtered("LOT_SIZE")
    return int(units)


def _check_filters(order: NewOrder, listing: Listing, market: Market) -> None:
    for price in (order.price, order.trigger_price):
        if price % listing.tick_size or price > HIGHEST_PRICE:
            raise filtered("PRICE_FILTER")
    last = to_decimal(market.quote(listing.token).last_price)
    price = order.price or order.trigger_price or last
    if not price:
        raise filtered("PRICE_FILTER")
    if not last * NEAREST <= price <= last * FURTHEST:
        raise filtered("PERCENT_PRICE_BY_SIDE")
    if price * order.quantity * listing.multiplier < LEAST_NOTIONAL:
        raise filtered("NOTIONAL")
