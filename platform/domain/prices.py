"""Prices on the hot path are integers; everywhere else they are Decimal.

A price integer counts hundred-millionths of the quote currency (``PRICE_SCALE`` to the rupee), fine enough for every
venue named in the catalogue (Kite sends paise, currencies four decimals, crypto up to eight).
"""

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

PRICE_SCALE = 100_000_000
_SCALE = Decimal(PRICE_SCALE)
PAISA = Decimal("0.01")
FINEST_PRICE = 1 / _SCALE
"""The last decimal kept of a price: contracts of finer ticks are not traded here."""

FINEST_MULTIPLIER = Decimal("0.000001")
"""The last decimal kept of a multiplier: contracts of finer quantity steps are not traded here."""


def to_scaled(price: Decimal) -> int:
    """Return the integer form of a price; digits past the eighth decimal are rounded half-up."""
    return int((price * _SCALE).to_integral_value(rounding=ROUND_HALF_UP))


def to_decimal(scaled: int) -> Decimal:
    """Return the rupee form of an integer price, without trailing zeros past two decimals."""
    return trimmed(Decimal(scaled) / _SCALE)


def trimmed(price: Decimal) -> Decimal:
    """Return a price without trailing zeros past two decimals; write it with ``f``, not ``str``: it may be tiny."""
    exact = price.quantize(PAISA)
    return exact if exact == price else price.normalize()


def decimals_of(tick_size: Decimal) -> int:
    """Return how many decimals prices of this tick are written with: two at least."""
    return max(2, -int(tick_size.normalize().as_tuple().exponent))


def round_to_tick(price: Decimal, tick_size: Decimal, *, up: bool) -> Decimal:
    """Return the nearest tradable price at or above (``up``) or at or below the given one."""
    steps = (price / tick_size).to_integral_value(rounding=ROUND_FLOOR)
    floor = steps * tick_size
    return floor if floor == price or not up else floor + tick_size


def to_paisa(amount: Decimal) -> Decimal:
    """Round an amount half-up to two decimals (of whatever currency); only ever done at output."""
    return amount.quantize(PAISA, rounding=ROUND_HALF_UP)
