"""Profit as a straight line of prices, in integers: what the page shows and the socket pushes are the same sum.

A line is ``base + Σ weight · last_price`` in units of 1e-14 rupee (prices count 1e-8, multipliers 1e-6). It is exact,
and marking it again when a price moves costs one multiplication per leg.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.orders import Side
from domain.prices import PRICE_SCALE

MULTIPLIER_SCALE = 1_000_000
_PAISA_UNITS = PRICE_SCALE * MULTIPLIER_SCALE // 100
_ONE = Decimal(PRICE_SCALE)


@dataclass(frozen=True, slots=True)
class Line:
    """``weights`` are (instrument id, weight) of what is still held."""

    base: int
    weights: tuple[tuple[int, int], ...] = ()

    def paise(self, prices: Mapping[int, int]) -> int | None:
        """Return the profit in paise, rounded half away from zero; ``None`` while a price is missing."""
        total = self.total(prices)
        return None if total is None else to_paise(total)

    def total(self, prices: Mapping[int, int]) -> int | None:
        """Return the profit in the line's own units; ``None`` while a price is missing."""
        total = self.base
        for instrument_id, weight in self.weights:
            price = prices.get(instrument_id)
            if price is None:
                return None
            total += weight * price
        return total


def to_paise(total: int) -> int:
    """Return a line's total in paise, rounded half away from zero."""
    whole = (abs(total) + _PAISA_UNITS // 2) // _PAISA_UNITS
    return whole if total >= 0 else -whole


def leg_line(
    *,
    instrument_id: int,
    side: Side,
    entry_quantity: int,
    entry_value: Decimal,
    exit_quantity: int,
    exit_value: Decimal,
    multiplier: Decimal,
    reference: Decimal | None = None,
) -> Line:
    """Return the gross profit of one leg, realised and open together.

    Values are sums of price times units. ``reference`` replaces the average entry: yesterday's close, for the part of
    the profit that is today's.
    """
    factor = side.sign * int(multiplier * MULTIPLIER_SCALE)
    paid = entry_value if reference is None else reference * entry_quantity
    held = entry_quantity - exit_quantity
    base = factor * int((exit_value - paid) * _ONE)
    return Line(base=base, weights=((instrument_id, factor * held),) if held else ())


def money_line(amount: Decimal) -> Line:
    """Return a fixed amount of rupees as a line."""
    return Line(base=int(amount * _ONE) * MULTIPLIER_SCALE)


def add(lines: Iterable[Line]) -> Line:
    """Return the sum; weights of one instrument are merged."""
    base, weights = 0, dict[int, int]()
    for line in lines:
        base += line.base
        for instrument_id, weight in line.weights:
            weights[instrument_id] = weights.get(instrument_id, 0) + weight
    return Line(base=base, weights=tuple((key, weight) for key, weight in sorted(weights.items()) if weight))


def rupees(paise: int | None) -> Decimal | None:
    """Return paise as rupees with two decimals."""
    return None if paise is None else Decimal(paise).scaleb(-2)
