"""Order parameters: text from the wire into the exchange's words, refused as the futures exchange refuses it."""

import re
from decimal import Decimal

from domain.orders import OrderType, Product, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.types import NewOrder
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import WHATEVER_IT_COSTS, find_listing, number, own_id, side_of
from simulator.faces.binance.futures.listings import (
    EXCHANGE,
    FURTHEST,
    HIGHEST_PRICE,
    LEAST_NOTIONAL,
    NEAREST,
    TYPES,
    VALIDITIES,
    decimals,
)
from simulator.faces.binance.futures.manner import Manner
from simulator.faces.binance.wire import BinanceError
from simulator.market.types import Listing, Market

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
_TRIGGERED = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
_SIDES = frozenset({"BOTH", "LONG", "SHORT"})
_ALGO = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."


def contract_of(asked: Asked, market: Market) -> Listing:
    """Return the contract a call names."""
    return find_listing(asked, market, EXCHANGE)


def new_order(asked: Asked, market: Market, *, is_hedged: bool) -> NewOrder:
    """Read a new order and hold it against its contract's filters; raises ``FaceError``."""
    listing, side = contract_of(asked, market), side_of(asked)
    _check_position_side(asked, is_hedged=is_hedged)
    manner = _manner(asked)
    is_market = manner.kind == "MARKET"
    order = NewOrder(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=side,
        quantity=quantity_of(asked, listing),
        product=Product.NRML,
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        validity=Validity.IOC if is_market or manner.lasts == "IOC" else Validity.DAY,
        price=Decimal(0) if is_market else price_of(asked, listing),
        market_protection=WHATEVER_IT_COSTS if is_market else Decimal(0),
        tag=_client_id(asked),
        variety=manner.variety,
    )
    check_filters(order, listing, market)
    return order


def quantity_of(asked: Asked, listing: Listing) -> int:
    """Return the quantity in units; raises ``FaceError``."""
    units = _measured(asked, "quantity", listing.multiplier) / listing.multiplier
    if units <= 0:
        raise BinanceError(-4003, "Quantity less than or equal to zero.")
    if units < listing.lot_size:
        raise BinanceError(-4004, "Quantity less than min quantity.")
    if units > (listing.freeze_quantity or 0):
        raise BinanceError(-4005, "Quantity greater than max quantity.")
    if units != units.to_integral_value():
        raise BinanceError(-4023, "Qty not increased by step size.")
    return int(units)


def price_of(asked: Asked, listing: Listing) -> Decimal:
    """Return the price; raises ``FaceError``."""
    price = _measured(asked, "price", listing.tick_size)
    if price <= 0:
        raise BinanceError(-4001, "Price less than or equal to zero.")
    if price > HIGHEST_PRICE:
        raise BinanceError(-4002, "Price greater than max price.")
    if price % listing.tick_size:
        raise BinanceError(-4014, "Price not increased by tick size.")
    return price


def check_filters(order: NewOrder, listing: Listing, market: Market) -> None:
    """Hold an order against the mark price and the smallest notional; raises ``FaceError``."""
    mark = to_decimal(market.quote(listing.token).last_price)
    if order.price and order.side is Side.BUY and order.price > mark * FURTHEST:
        raise BinanceError(-4016, f"Limit price can't be higher than {mark * FURTHEST}.")
    if order.price and order.side is Side.SELL and order.price < mark * NEAREST:
        raise BinanceError(-4024, f"Limit price can't be lower than {mark * NEAREST}.")
    worth = (order.price or mark) * order.quantity * listing.multiplier
    if worth < LEAST_NOTIONAL and "reduceOnly" not in order.variety:
        least = f"Order's notional must be no smaller than {LEAST_NOTIONAL} (unless you choose reduce only)."
        raise BinanceError(-4164, least)


def _measured(asked: Asked, name: str, step: Decimal) -> Decimal:
    """Return a number of no more decimals than its step has; raises ``FaceError``."""
    value = number(asked, name)
    if decimals(value) > decimals(step):
        raise BinanceError(-1111, "Precision is over the maximum defined for this asset.")
    return value


def _manner(asked: Asked) -> Manner:
    kind, reduces = asked.text("type"), asked.params.get("reduceOnly", "false").lower()
    if kind in _TRIGGERED:
        raise BinanceError(-4120, _ALGO)
    if kind not in TYPES:
        raise BinanceError(-1116, "Invalid orderType.")
    if reduces not in ("true", "false"):
        raise BinanceError(-4062, "Invalid or improper reduceOnly value.")
    return Manner(kind, _lasts(asked) if kind == "LIMIT" else "GTC", reduces == "true")


def _lasts(asked: Asked) -> str:
    text = asked.text("timeInForce")
    if text in ("FOK", "GTD"):
        raise BinanceError(-1014, "Unsupported order combination.")
    if text not in VALIDITIES:
        raise BinanceError(-1115, "Invalid timeInForce.")
    return text


def _client_id(asked: Asked) -> str:
    text = asked.params.get("newClientOrderId") or own_id()
    if not _CLIENT_ID.fullmatch(text):
        raise BinanceError(-4015, "Client order id is not valid.")
    return text


def _check_position_side(asked: Asked, *, is_hedged: bool) -> None:
    side = asked.params.get("positionSide") or "BOTH"
    if side not in _SIDES:
        raise BinanceError(-4060, "Invalid position side.")
    if is_hedged or side != "BOTH":
        raise BinanceError(-4061, "Order's position side does not match user's setting.")
