"""What positions and orders tie up: premiums for what is bought, a share of the underlying for what may lose
without limit.

An estimate in the shape of SPAN, not SPAN: 9.3 % of an index (NSE's minimum price scan) plus 2 %
exposure, more for stocks and crude; a short option is relieved by what it is out of the money, down to a
floor.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.instruments import Exchange, Kind, Right
from domain.orders import Product, Side
from simulator.exchange.types import OrderMargin
from simulator.market.types import Listing

ZERO = Decimal(0)
NOTHING = OrderMargin(span=ZERO, exposure=ZERO, option_premium=ZERO, delivery=ZERO)
_INTRADAY_EQUITY = Decimal("0.20")
_FLOOR = Decimal("0.03")
_INDICES = frozenset({"NIFTY", "BANKNIFTY"})
_LEVERAGE = 20  # what Binance gives a new account


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of the notional."""

    span: Decimal
    exposure: Decimal


INDEX_RATES = Rates(Decimal("0.093"), Decimal("0.02"))
STOCK_RATES = Rates(Decimal("0.15"), Decimal("0.035"))
COMMODITY_RATES = Rates(Decimal("0.14"), Decimal("0.02"))


def margin_of(
    listing: Listing, *, side: Side, product: Product, quantity: int, price: Decimal, underlying: Decimal
) -> OrderMargin:
    """Return what opening ``quantity`` units at ``price`` ties up; ``underlying`` 0 falls back on strike or
    price.
    """
    units = quantity * listing.multiplier
    if units == 0:
        return NOTHING
    if listing.kind is Kind.EQUITY:
        return _equity(side, product, price * units)
    if listing.kind is Kind.OPTION and side is Side.BUY:
        return OrderMargin(span=ZERO, exposure=ZERO, option_premium=price * units, delivery=ZERO)
    if listing.kind is Kind.SPOT:
        return OrderMargin(ZERO, ZERO, ZERO, delivery=price * units if side is Side.BUY else ZERO)
    if listing.kind is Kind.PERPETUAL:
        return OrderMargin(span=price * units / _LEVERAGE, exposure=ZERO, option_premium=ZERO, delivery=ZERO)
    level = underlying or listing.strike or price
    rates = rates_of(listing)
    scanned = rates.span * (level if listing.kind is Kind.OPTION else price)
    if listing.kind is Kind.OPTION:
        scanned = max(scanned - out_of_the_money(listing, level), _FLOOR * level)
    return OrderMargin(
        span=scanned * units, exposure=rates.exposure * level * units, option_premium=ZERO, delivery=ZERO
    )


def rates_of(listing: Listing) -> Rates:
    """Return the rates of a derivative."""
    if listing.exchange is Exchange.MCX:
        return COMMODITY_RATES
    return INDEX_RATES if listing.underlying in _INDICES else STOCK_RATES


def out_of_the_money(listing: Listing, level: Decimal) -> Decimal:
    """Return how far an option is out of the money, in points."""
    strike = listing.strike or level
    return max(strike - level if listing.right is Right.CALL else level - strike, ZERO)


def _equity(side: Side, product: Product, value: Decimal) -> OrderMargin:
    if product is Product.MIS:
        return OrderMargin(span=_INTRADAY_EQUITY * value, exposure=ZERO, option_premium=ZERO, delivery=ZERO)
    return OrderMargin(span=ZERO, exposure=ZERO, option_premium=ZERO, delivery=value if side is Side.BUY else ZERO)
