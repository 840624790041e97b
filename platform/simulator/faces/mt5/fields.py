"""An ``MqlTradeRequest`` as an order of the exchange, or the return code it is refused with."""

from decimal import Decimal, InvalidOperation
from typing import Any

from domain.orders import OrderType, Product, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.types import NewOrder, OrderEdit
from simulator.faces.mt5 import wire
from simulator.faces.mt5.symbols import BY_NAME, EXCHANGE, listing_of, units_of
from simulator.faces.mt5.wire import TradeError
from simulator.market.contracts import Cfd
from simulator.market.types import Market, MarketQuote

DEAL, PENDING, MODIFY, REMOVE = 1, 5, 7, 8
GTC = 0
LONGEST_COMMENT = 31
TYPES = {
    0: (Side.BUY, OrderType.MARKET),
    1: (Side.SELL, OrderType.MARKET),
    2: (Side.BUY, OrderType.LIMIT),
    3: (Side.SELL, OrderType.LIMIT),
    4: (Side.BUY, OrderType.SL_M),
    5: (Side.SELL, OrderType.SL_M),
}
"""Without the stop-limit orders: what follows a stop is a market order here."""

_AUTOMATIC = Decimal(-1)
Fields = dict[str, Any]


def number(fields: Fields, name: str) -> Decimal:
    """Return a number, 0 where there is none; raises ``TradeError`` for what is no number."""
    try:
        value = Decimal(str(fields.get(name, 0)))
    except InvalidOperation:
        raise TradeError(wire.INVALID, f"Invalid request: {name}") from None
    if not value.is_finite():
        raise TradeError(wire.INVALID, f"Invalid request: {name}")
    return value


def whole(fields: Fields, name: str) -> int:
    """Return a whole number, 0 where there is none; raises ``TradeError``."""
    value = number(fields, name)
    if value != int(value):
        raise TradeError(wire.INVALID, f"Invalid request: {name}")
    return int(value)


def comment_of(fields: Fields) -> str:
    """Return the comment, cut where the server cuts it."""
    return str(fields.get("comment", ""))[:LONGEST_COMMENT]


def new_order(fields: Fields, market: Market) -> NewOrder:
    """Return the order to place; raises ``TradeError``."""
    cfd, side, kind = _known(fields)
    listing = listing_of(market, cfd.family.underlying)
    if listing is None:
        raise TradeError(wire.INVALID, "Invalid request: symbol")
    quote, is_deal = market.quote(listing.token), whole(fields, "action") == DEAL
    if is_deal != (kind is OrderType.MARKET):
        raise TradeError(wire.INVALID, "Invalid request: type")
    if whole(fields, "type_time") != GTC:
        raise TradeError(wire.INVALID_EXPIRATION, "Invalid expiration")
    priced = _deal(fields, side, quote, cfd) if is_deal else _pending(fields, side, kind, quote, cfd)
    return NewOrder(
        exchange=EXCHANGE,
        symbol=listing.symbol,
        side=side,
        quantity=_units(fields, cfd),
        product=Product.NRML,
        tag=comment_of(fields),
        variety=f"{whole(fields, 'magic')}/{whole(fields, 'position')}",
        **priced,
    )


def edit_of(fields: Fields, *, is_stop: bool, cfd: Cfd, quote: MarketQuote, side: Side) -> OrderEdit:
    """Return a pending order's new price; raises ``TradeError``."""
    kind = OrderType.SL_M if is_stop else OrderType.LIMIT
    priced = _pending(fields, side, kind, quote, cfd)
    return OrderEdit(price=priced.get("price"), trigger_price=priced.get("trigger_price"))


def _known(fields: Fields) -> tuple[Cfd, Side, OrderType]:
    cfd, known = BY_NAME.get(str(fields.get("symbol", ""))), TYPES.get(whole(fields, "type"))
    if cfd is None or known is None:
        raise TradeError(wire.INVALID, "Invalid request: symbol or type")
    return cfd, *known


def _units(fields: Fields, cfd: Cfd) -> int:
    units = units_of(number(fields, "volume"), cfd)
    if units <= 0:
        raise TradeError(wire.INVALID_VOLUME, "Invalid volume")
    return units


def _deal(fields: Fields, side: Side, quote: MarketQuote, cfd: Cfd) -> dict[str, Any]:
    """Instant execution: at the market, if that is within the deviation of the price asked for."""
    if whole(fields, "type_filling") != 1:
        raise TradeError(wire.INVALID_FILL, "Unsupported filling mode")
    asked = _price(fields, "price", cfd)
    worst = asked + side.sign * whole(fields, "deviation") * cfd.family.future_tick
    market = to_decimal(quote.ask if side is Side.BUY else quote.bid)
    if (market - worst) * side.sign > 0:
        raise TradeError(wire.REQUOTE, "Requote")
    worst = max(worst, cfd.family.future_tick)
    return {"order_type": OrderType.LIMIT, "price": worst, "validity": Validity.IOC}


def _pending(fields: Fields, side: Side, kind: OrderType, quote: MarketQuote, cfd: Cfd) -> dict[str, Any]:
    """A limit lies on the far side of the market, a stop beyond it; anything else is no pending order."""
    price, market = _price(fields, "price", cfd), to_decimal(quote.ask if side is Side.BUY else quote.bid)
    away = (market - price) * side.sign
    if (away <= 0) if kind is OrderType.LIMIT else (away >= 0):
        raise TradeError(wire.INVALID_PRICE, "Invalid price")
    if kind is OrderType.LIMIT:
        return {"order_type": kind, "price": price}
    return {"order_type": kind, "trigger_price": price, "market_protection": _AUTOMATIC}


def _price(fields: Fields, name: str, cfd: Cfd) -> Decimal:
    price = number(fields, name)
    if price <= 0 or price % cfd.family.future_tick:
        raise TradeError(wire.INVALID_PRICE, "Invalid price")
    return price
