"""A form: a linear value of instruments' prices, and the marks on it at which something happens.

One class serves every price rule. A leg's value is its price with the sign of its quantity (so that down is
bad for long and short alike), a trade's and a map's are their P&L: ``constant + sum(weight * price)``.

*Next-level bands.* With a slack of ``value - mark`` above the nearest mark below, no tick can reach that mark
before one of the ``n`` instruments has moved against the form by ``slack / (n * |weight|)``; likewise for the
nearest mark above. The form waits at those prices and is not looked at in between. When one is reached the
value is computed, and the bands are set anew around the present prices. With one instrument the band is the
mark itself.

*Confirmation* by ``ticks`` = k: a mark is confirmed when the value has been at or beyond it for k consecutive
ticks of its instruments, and would be with the least favourable of the last k prices of each. For one
instrument that is k consecutive ticks; for several it keeps a lone bad print in one from being confirmed by
the next tick of another.

Counting starts again when an instrument stops being LIVE, when the trade is updated, and after a latch is
released.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Protocol

from domain.orders import ExitReason
from domain.risk.rules import PPM, RANK, Confirm, EntryEvent
from domain.risk.trails import Trail
from domain.risk.watch import FAR, Watch

if TYPE_CHECKING:
    from domain.risk.book import Scope, Slot

_stamps = count(1)


class Owner(Protocol):
    """Who a form speaks for."""

    @property
    def scope(self) -> "Scope":
        """Breaks ties: leg before trade before map."""
        ...

    def slots(self) -> Iterator["Slot"]:
        """Yield the legs it speaks for."""
        ...


class Mark:
    """A counted level: ``value`` is ``level`` pushed out by the buffer. ``reason`` None only tightens."""

    __slots__ = ("count", "level", "reason", "up", "value")

    def __init__(self, reason: ExitReason | EntryEvent | None, level: int, *, up: bool, buffer_ppm: int = 0) -> None:
        self.reason = reason
        self.up = up
        self.count = 0
        self.move(level, buffer_ppm)

    def move(self, level: int, buffer_ppm: int) -> None:
        """Stand at another level and count from zero."""
        out = abs(level) * buffer_ppm // PPM
        self.level = level
        self.value = level + out if self.up else level - out
        self.count = 0

    def reached(self, value: int) -> bool:
        """Whether the value is at or beyond the mark."""
        return value >= self.value if self.up else value <= self.value


@dataclass(slots=True)
class Trailing:
    """The moving part of a form: the best confirmed value, and the mark that would improve on it."""

    rule: Trail
    best: int
    floor: int | None = None
    ahead: Mark | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a form's value, reached from below (``up``) or from above."""

    reason: ExitReason | EntryEvent
    value: int
    up: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What a form is built of. ``levels`` come in falling urgency; ``best`` is where a trail starts.

    ``unit`` is the value of one scaled rupee.
    """

    watches: tuple[Watch, ...]
    weights: tuple[int, ...]
    constant: int
    confirm: Confirm
    unit: int = 1
    levels: tuple[Level, ...] = ()
    trail: Trail | None = None
    best: int = 0


class Form:
    """A linear value with its marks, placed in the watches of its instruments."""

    __slots__ = (
        "awake",
        "buffer_ppm",
        "constant",
        "hot",
        "marks",
        "owner",
        "stamp",
        "ticks",
        "trailing",
        "unit",
        "watches",
        "weights",
    )

    def __init__(self, terms: Terms, owner: Owner) -> None:
        self.owner = owner
        self.unit = terms.unit
        self.watches = terms.watches
        self.weights = terms.weights
        self.constant = terms.constant
        self.ticks = terms.confirm.ticks
        self.buffer_ppm = terms.confirm.buffer_ppm
        self.stamp = 0
        self.awake = True
        self.hot = False
        self.marks = [
            Mark(level.reason, level.value, up=level.up, buffer_ppm=self.buffer_ppm) for level in terms.levels
        ]
        self.trailing = Trailing(terms.trail, terms.best) if terms.trail else None
        self._trail_to(terms.best)
        for watch in self.watches:
            watch.forms[self] = None

    # -- being placed ----------------------------------------------------------------------------------------

    def place(self) -> None:
        """Wait wherever the next thing can happen; void what was waiting before."""
        self.stamp = next(_stamps)
        self.hot = False
        if self.is_ready():
            self._wait(self.value(), *self._nearest())
        elif all(watch.live for watch in self.watches):  # otherwise set_state places it again
            for watch in self.watches:
                if not watch.recent:
                    watch.heat(self, self.stamp)

    def _nearest(self) -> tuple[int, int]:
        """Return the highest mark below the value and the lowest above it."""
        down, up = -FAR, FAR
        for mark in self.marks:
            if mark.up:
                up = min(up, mark.value)
            else:
                down = max(down, mark.value)
        ahead = self.trailing and self.trailing.ahead
        return down, min(up, ahead.value) if ahead else up

    def _wait(self, value: int, down: int, up: int) -> None:
        if not down < value < up:
            self._heat_all()
            return
        share = len(self.watches)
        for watch, weight in zip(self.watches, self.weights, strict=True):
            price = watch.recent[-1]
            each = share * abs(weight)
            fall, rise = (down, up) if weight > 0 else (up, down)
            watch.wait_below(price - abs(value - fall) // each, self, self.stamp)
            watch.wait_above(price + abs(value - rise) // each, self, self.stamp)

    def _heat_all(self) -> None:
        self.stamp = next(_stamps)
        self.hot = True
        for watch in self.watches:
            watch.heat(self, self.stamp)

    def sleep(self) -> None:
        """Stop watching until woken."""
        self.awake = False
        self.stamp = 0

    def wake(self) -> None:
        """Watch again, counting from zero; an awake form is left alone."""
        if not self.awake:
            self.awake = True
            self.restart()

    def restart(self) -> None:
        """Count from zero and wait anew; a sleeping form is left alone."""
        if self.awake:
            for mark in self._all_marks():
                mark.count = 0
            self.place()

    def drop(self) -> None:
        """Leave the watches for good."""
        self.sleep()
        for watch in self.watches:
            watch.forms.pop(self, None)

    @property
    def is_dropped(self) -> bool:
        """Whether it has left its watches."""
        return self not in self.watches[0].forms

    # -- being looked at -------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether every instrument is LIVE and has ticked."""
        return all(watch.live and watch.recent for watch in self.watches)

    def value(self) -> int:
        """Return the value at the last prices."""
        prices = zip(self.watches, self.weights, strict=True)
        return self.constant + sum(weight * watch.recent[-1] for watch, weight in prices)

    def look(self) -> tuple[Mark | None, bool]:
        """Judge a tick of an instrument: the most urgent confirmed mark, and whether the trail tightened."""
        if not self.is_ready():
            return None, False
        value = self.value()
        fired = None
        for mark in self.marks:  # in falling urgency
            if self._counts(mark, value) and fired is None:
                fired = mark
        if fired is not None:
            return fired, False
        return None, self._tighten(value)

    def settle(self, watch: Watch) -> None:
        """Wait on after a tick of ``watch`` that fired nothing."""
        if not self._is_counting():
            self.place()
        elif self.hot:
            watch.heat(self, self.stamp)
        else:
            self._heat_all()

    def _is_counting(self) -> bool:
        for mark in self.marks:
            if mark.count:
                return True
        return self.trailing is not None and self.trailing.ahead is not None and self.trailing.ahead.count > 0

    def show(self, value: int) -> int:
        """Return a value as people see it: scaled rupees rounded down."""
        return value // self.unit

    def find(self, reason: ExitReason | EntryEvent) -> Mark | None:
        """Return the mark that fires for this reason."""
        return next((mark for mark in self.marks if mark.reason == reason), None)

    def _counts(self, mark: Mark, value: int) -> bool:
        """Count the tick for or against the mark; return whether the mark is confirmed."""
        if not (value >= mark.value if mark.up else value <= mark.value):
            mark.count = 0
            return False
        mark.count += 1
        if mark.count < self.ticks:
            return False
        return len(self.watches) == 1 or mark.reached(self._cautious(up=mark.up))

    def _cautious(self, *, up: bool) -> int:
        """Return the value at the least extreme of each instrument's last ``ticks`` prices."""
        value = self.constant
        for watch, weight in zip(self.watches, self.weights, strict=True):
            window = list(watch.recent)[-self.ticks :]
            value += weight * (min(window) if up == (weight > 0) else max(window))
        return value

    def _all_marks(self) -> list[Mark]:
        ahead = self.trailing and self.trailing.ahead
        return [*self.marks, ahead] if ahead else self.marks

    # -- trailing --------------------------------------------------------------------------------------------

    def _tighten(self, value: int) -> bool:
        ahead = self.trailing and self.trailing.ahead
        if not ahead or not self._counts(ahead, value):
            return False
        self._trail_to(self._cautious(up=True))
        return True

    def _trail_to(self, best: int) -> None:
        """Take note of the best value: move the stop up (never down) and look for the next improvement."""
        trailing = self.trailing
        if trailing is None:
            return
        trailing.best = max(best, trailing.best)
        self._raise_floor(trailing, trailing.rule.floor(trailing.best))
        ahead = trailing.rule.step(trailing.best)
        trailing.ahead = None if ahead is None else Mark(None, ahead, up=True)

    def _raise_floor(self, trailing: Trailing, floor: int | None) -> None:
        if floor is None or (trailing.floor is not None and floor <= trailing.floor):
            return
        trailing.floor = floor
        mark = self.find(ExitReason.TRAIL)
        if mark is not None:
            mark.move(floor, self.buffer_ppm)
            return
        self.marks.append(Mark(ExitReason.TRAIL, floor, up=False, buffer_ppm=self.buffer_ppm))
        self.marks.sort(key=_rank)


class PriceForm(Form):
    """The form of a leg or an entry: one instrument's price, weight +1 or -1. The same answers for less work."""

    __slots__ = ()

    def is_ready(self) -> bool:
        """Whether the instrument is LIVE and has ticked."""
        watch = self.watches[0]
        return watch.live and bool(watch.recent)

    def value(self) -> int:
        """Return the signed price."""
        return self.weights[0] * self.watches[0].recent[-1]

    def show(self, value: int) -> int:
        """Return the price without its sign."""
        return abs(value)

    def _wait(self, value: int, down: int, up: int) -> None:
        watch, stamp = self.watches[0], self.stamp
        if not down < value < up:
            self._heat_all()
        elif self.weights[0] > 0:
            watch.wait_below(down, self, stamp)
            watch.wait_above(up, self, stamp)
        else:
            watch.wait_below(-up, self, stamp)
            watch.wait_above(-down, self, stamp)


def _rank(mark: Mark) -> int:
    return RANK[mark.reason] if mark.reason is not None else len(RANK)
