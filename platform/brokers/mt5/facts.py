"""What a symbol's numbers mean for us. Pure.

One unit is the symbol's volume step, so every volume is a whole number of units and the multiplier is what one step
gains when the price rises by 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from brokers.mt5.protocol import Symbol
from brokers.mt5.spec import SPEC

EXCHANGE = "MT5"
FULL = 4
"""The trade mode in which both sides may be opened."""

HEDGING = 2
"""The margin mode in which every order without a ticket opens a position of its own."""

MAGIC = 569_077_884
"""Marks what we sent, orders, deals and positions alike."""


class Untradable(ValueError):
    """A symbol whose numbers we cannot trade by; the text says which."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A symbol in our terms: ``step`` lots are one unit, ``lot_size`` units the smallest order."""

    name: str
    step: Decimal
    lot_size: int
    largest: int
    tick_size: Decimal
    multiplier: Decimal
    filling: int

    def units(self, volume: Decimal) -> int:
        """Return a volume in units; raises ``Untradable`` for part of a step."""
        count, rest = divmod(volume, self.step)
        if rest:
            raise Untradable(f"{self.name}: {volume} lots are no whole number of steps of {self.step}")
        return int(count)

    def volume(self, units: int) -> Decimal:
        """Return units in lots."""
        return units * self.step


def facts_of(symbol: Symbol) -> Facts:
    """Return a symbol's facts; raises ``Untradable``."""
    positive = (symbol.volume_step, symbol.volume_min, symbol.volume_max, symbol.trade_tick_size)
    if not all(number.is_finite() and number > 0 for number in (*positive, symbol.trade_tick_value, symbol.point)):
        raise Untradable(f"{symbol.name}: a volume, step or tick is not above zero")
    if symbol.volume_min % symbol.volume_step:
        raise Untradable(f"{symbol.name}: the smallest volume is no whole number of steps")
    if symbol.currency_profit != SPEC.currency:
        raise Untradable(f"{symbol.name}: its profit is in {symbol.currency_profit}, not in {SPEC.currency}")
    return Facts(
        name=symbol.name,
        step=symbol.volume_step,
        lot_size=int(symbol.volume_min / symbol.volume_step),
        largest=int(symbol.volume_max / symbol.volume_step),
        tick_size=symbol.trade_tick_size,
        multiplier=symbol.trade_tick_value / symbol.trade_tick_size * symbol.volume_step,
        filling=_filling(symbol.filling_mode),
    )


def facts_by_name(symbols: Iterable[Symbol]) -> Mapping[str, Facts]:
    """Return the facts of every symbol that has usable ones; of two of one name neither."""
    found: dict[str, Facts] = {}
    doubled: set[str] = set()
    for symbol in symbols:
        try:
            facts = facts_of(symbol)
        except Untradable:
            continue
        doubled |= {symbol.name} & found.keys()
        found[symbol.name] = facts
    return {name: facts for name, facts in found.items() if name not in doubled}


def _filling(mode: int) -> int:
    """Return how a deal is filled: what is there at once, or nothing where only that is allowed."""
    if mode & 2:
        return 1
    return 0 if mode & 1 else 2
