"""Where a trailing stop stands for the best value reached.

All in the value of a form (``domain.risk.forms``): a leg's price with the sign of its quantity, so that up is
good for long and short alike, or a P&L.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.risk.rules import PPM, PnlTrail, PriceTrail


class Trail(Protocol):
    """A rule that turns the best value into a stop."""

    def floor(self, best: int) -> int | None:
        """Return the stop for the best value, ``None`` while there is none."""
        ...

    def step(self, best: int) -> int | None:
        """Return the next better value at which the stop may move, ``None`` when it never will."""
        ...


@dataclass(frozen=True, slots=True)
class FollowPrice:
    """``PriceTrail`` of one leg, in signed prices."""

    rules: PriceTrail
    sign: int
    entry: int

    def floor(self, best: int) -> int | None:
        """Return the tighter of the following stop and the stop at cost."""
        stops = []
        if self.rules.follows and best >= self._activation:
            stops.append(best - self.rules.distance - abs(best) * self.rules.distance_ppm // PPM)
        if self._cost_at is not None and best >= self._cost_at:
            stops.append(self.entry)
        return max(stops, default=None)

    def step(self, best: int) -> int | None:
        """Return the nearest of activation (or the next step after it) and the move to cost."""
        ahead = []
        if self.rules.follows:
            ahead.append(best + self.rules.step if best >= self._activation else self._activation)
        if self._cost_at is not None and best < self._cost_at:
            ahead.append(self._cost_at)
        return min(ahead, default=None)

    @property
    def _activation(self) -> int:
        return self.entry if self.rules.activate_at is None else self.sign * self.rules.activate_at

    @property
    def _cost_at(self) -> int | None:
        return None if self.rules.cost_at is None else self.sign * self.rules.cost_at


@dataclass(frozen=True, slots=True)
class LockPnl:
    """``PnlTrail`` of a trade; ``unit`` is the form's value of one scaled rupee."""

    rules: PnlTrail
    unit: int

    def floor(self, best: int) -> int | None:
        """Return the kept profit."""
        if best < self.rules.at * self.unit:
            return None
        return (self.rules.lock + self._raises(best) * self.rules.by) * self.unit

    def step(self, best: int) -> int | None:
        """Return the profit that locks, or raises the lock next."""
        if best < self.rules.at * self.unit:
            return self.rules.at * self.unit
        if not self.rules.every:
            return None
        return (self.rules.at + (self._raises(best) + 1) * self.rules.every) * self.unit

    def _raises(self, best: int) -> int:
        if not self.rules.every:
            return 0
        return (best - self.rules.at * self.unit) // (self.rules.every * self.unit)
