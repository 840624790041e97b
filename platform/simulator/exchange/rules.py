"""What an order must satisfy: the checks before acceptance raise ``Refusal``, those after it give a reject.

Zerodha's rules of 2026 are the model: MARKET and SL-M need a market protection and become priced orders,
MCX has no IOC.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.instruments import Exchange, Kind
from domain.orders import OrderType, Product, Side, Validity
from domain.prices import round_to_tick, to_decimal
from domain.venues import venue_of
from simulator.exchange.types import NewOrder, Reason, Refusal
from simulator.market.types import Listing, MarketQuote

STOPS = frozenset({OrderType.SL, OrderType.SL_M})
PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
UNPROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})
AUTOMATIC = Decimal(-1)
_AUTOMATIC_PERCENT = {
    Kind.OPTION: Decimal(5),
    Kind.FUTURE: Decimal(1),
    Kind.EQUITY: Decimal(1),
    Kind.SPOT: Decimal(1),
    Kind.PERPETUAL: Decimal(1),
}
_DERIVATIVE_PRODUCTS = frozenset({Product.MIS, Product.NRML})
_PRODUCTS = {
    Kind.EQUITY: frozenset({Product.MIS, Product.CNC}),
    Kind.SPOT: frozenset({Product.CNC}),
    Kind.PERPETUAL: frozenset({Product.NRML}),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The working price and type of an order, market protection applied."""

    order_type: OrderType
    price: Decimal
    trigger_price: Decimal


def check_new(order: NewOrder, listing: Listing, *, tag_length: int) -> None:
    """Raise ``Refusal`` for an order no market state could make valid."""
    _check_contract(order, listing)
    _check_quantity(order, listing)
    _check_prices(order, listing)
    if order.validity is Validity.IOC and listing.exchange is Exchange.MCX:
        raise Refusal(Reason.VALIDITY, "IOC orders are not allowed on MCX.")
    if not venue_of(listing.exchange).never_closes:  # Binance has rules of its own, which its face keeps
        _check_tag(order, tag_length)


def _check_tag(order: NewOrder, tag_length: int) -> None:
    if order.tag and not (order.tag.isascii() and order.tag.isalnum() and len(order.tag) <= tag_length):
        raise Refusal(Reason.TAG, f"Invalid `tag`: at most {tag_length} letters and digits.")


def check_trigger(order: NewOrder, last_price: Decimal) -> None:
    """Raise ``Refusal`` for a stop on the wrong side of the market: it would trigger at once."""
    if order.order_type not in STOPS or last_price <= 0:
        return
    if order.side is Side.BUY and order.trigger_price < last_price:
        raise Refusal(Reason.TRIGGER, "Trigger price for stoploss buy orders cannot be below the last traded price.")
    if order.side is Side.SELL and order.trigger_price > last_price:
        raise Refusal(Reason.TRIGGER, "Trigger price for stoploss sell orders cannot be above the last traded price.")


def terms_of(order: NewOrder, listing: Listing, quote: MarketQuote) -> Terms:
    """Return the working terms: a protected MARKET becomes a LIMIT, a protected SL-M an SL.

    Raises ``Refusal`` for a MARKET order in something that has no price yet.
    """
    if order.order_type not in UNPROTECTED:
        return Terms(order.order_type, order.price, order.trigger_price)
    stop = order.order_type is OrderType.SL_M
    reference = order.trigger_price if stop else to_decimal(quote.last_price)
    if reference <= 0:
        raise Refusal(Reason.PRICE, f"No last price for {listing.symbol} yet.")
    price = _protected(order, listing, reference)
    if not stop:
        price = _within(price, quote)
    return Terms(OrderType.SL if stop else OrderType.LIMIT, price, order.trigger_price if stop else Decimal(0))


def band_reject(price: Decimal, quote: MarketQuote) -> str | None:
    """Return the message of a price outside the day's bands, or ``None``."""
    low, high = to_decimal(quote.lower_band), to_decimal(quote.upper_band)
    if price <= 0 or high <= 0 or low <= price <= high:
        return None
    return f"RMS:Rule: Check circuit limit including square off order exceeds: {price} not in {low} - {high}"


def _check_contract(order: NewOrder, listing: Listing) -> None:
    if listing.kind is Kind.INDEX:
        raise Refusal(Reason.NOT_TRADABLE, f"{listing.symbol} is an index and cannot be traded.")
    allowed = _PRODUCTS.get(listing.kind, _DERIVATIVE_PRODUCTS)
    if order.product not in allowed:
        raise Refusal(Reason.PRODUCT, f"Product {order.product} is not allowed for {listing.symbol}.")


def _check_quantity(order: NewOrder, listing: Listing) -> None:
    if order.quantity <= 0:
        raise Refusal(Reason.QUANTITY, "Quantity should be greater than zero.")
    if order.quantity % listing.lot_size:
        raise Refusal(Reason.LOT, f"Quantity should be a multiple of {listing.lot_size}.")
    if listing.freeze_quantity is not None and order.quantity > listing.freeze_quantity:
        raise Refusal(
            Reason.FREEZE,
            f"Quantity exceeds the freeze quantity {listing.freeze_quantity} of {listing.symbol}.",
        )


def _check_prices(order: NewOrder, listing: Listing) -> None:
    if order.order_type in UNPROTECTED and not _is_protection(order.market_protection):
        raise Refusal(
            Reason.MARKET_PROTECTION,
            f"{order.order_type} orders without market protection are not allowed.",
        )
    if order.order_type in PRICED:
        _check_price(order.price, listing, Reason.PRICE, "Price")
    if order.order_type in STOPS:
        _check_price(order.trigger_price, listing, Reason.TRIGGER, "Trigger price")
    if order.order_type is OrderType.SL and (order.price - order.trigger_price) * order.side.sign < 0:
        word = "above" if order.side is Side.BUY else "below"
        raise Refusal(Reason.TRIGGER, f"The limit of a stoploss order must be {word} or at its trigger price.")


def _check_price(price: Decimal, listing: Listing, missing: Reason, name: str) -> None:
    if not price.is_finite() or price <= 0:
        raise Refusal(missing, f"{name} should be greater than zero.")
    if price % listing.tick_size:
        raise Refusal(Reason.TICK, f"{name} {price} is not a multiple of the tick size {listing.tick_size}.")


def _is_protection(percent: Decimal) -> bool:
    return percent == AUTOMATIC or 0 < percent <= 100


def _protected(order: NewOrder, listing: Listing, reference: Decimal) -> Decimal:
    automatic = order.market_protection == AUTOMATIC
    percent = _AUTOMATIC_PERCENT[listing.kind] if automatic else order.market_protection
    buying = order.side is Side.BUY
    price = reference * (1 + order.side.sign * percent / 100)
    rounded = round_to_tick(price, listing.tick_size, up=buying)
    return max(rounded, listing.tick_size)


def _within(price: Decimal, quote: MarketQuote) -> Decimal:
    low, high = to_decimal(quote.lower_band), to_decimal(quote.upper_band)
    return min(max(price, low), high) if high > 0 else price
