"""What an entry will block of an account's funds, roughly: enough to leave out who surely cannot pay.

Buyers of options pay the premium. Sellers of options and both sides of futures are asked for span and exposure, for an
index about 9.3 % + 2 % of the notional (NSE minimum scan range and exposure margin; brokers show 11 to 13 %). Hedged
legs need less than their sum: this overstates them, and the broker's own answer decides in the end. A coin is paid for
whole; a perpetual needs at least the margin of the highest leverage there is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.instruments import Kind
from domain.orders import Side

SHORT_RATE = Decimal("0.12")
HIGHEST_LEVERAGE = 125


@dataclass(frozen=True, slots=True)
class MarginLeg:
    """One leg as margin sees it. ``price`` is what it is expected to trade at, ``strike`` 0 for all but options."""

    kind: Kind
    side: Side
    quantity: int
    price: Decimal
    strike: Decimal
    multiplier: Decimal


def estimate(legs: Iterable[MarginLeg]) -> Decimal:
    """Return the money the legs will block together, not rounded; they must be of one currency."""
    return sum((_leg(leg) for leg in legs), Decimal(0))


def _leg(leg: MarginLeg) -> Decimal:
    units = leg.quantity * leg.multiplier
    premium = leg.price * units
    if leg.kind is Kind.OPTION:
        return premium if leg.side is Side.BUY else SHORT_RATE * leg.strike * units + premium
    if leg.kind is Kind.PERPETUAL:
        return premium / HIGHEST_LEVERAGE
    return SHORT_RATE * premium if leg.kind is Kind.FUTURE else premium
