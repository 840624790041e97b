"""Call limits: how many calls of a kind one client may make in a window."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class LimitSwitch:
    """Whether the brokers' call limits are in force; one for all faces."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``calls`` in ``seconds``: of each calendar second, minute or day, or (``sliding``) of the time just past.

    ``name`` is what a broker's refusal calls it.
    """

    calls: int
    seconds: int
    name: str = ""
    sliding: bool = False


@dataclass(frozen=True, slots=True)
class Excess:
    """A call too many; ``calls`` counts it."""

    bucket: str
    calls: int
    window: Window


class CallLimits:
    """Counts one face's calls per client and bucket, and refuses nothing while the switch is off.

    ``counts_refused``: a refused call counts too, so that whoever goes on asking goes on being refused.
    """

    def __init__(
        self, windows: Mapping[str, Sequence[Window]], *, switch: LimitSwitch, counts_refused: bool = False
    ) -> None:
        self._windows = windows
        self._switch = switch
        self._counts_refused = counts_refused
        self._tallies: dict[tuple[str, str], list[_Tally]] = {}

    def take(self, *, who: str, bucket: str, now: float, calls: int = 1) -> Excess | None:
        """Count a call at wall time ``now`` (epoch seconds); returns what it exceeds, ``None`` where it may.

        ``calls`` is how many it counts for, where a broker weighs them.
        """
        if not self._switch.enabled:
            return None
        tallies = self._of(who, bucket)
        for tally in tallies:
            counted = tally.count(now) + calls
            if counted > tally.window.calls:
                self._count(tallies[: tallies.index(tally) + 1], now, calls, refused=True)
                return Excess(bucket, counted, tally.window)
        self._count(tallies, now, calls, refused=False)
        return None

    def used(self, *, who: str, bucket: str, now: float) -> list[int]:
        """Return how much of each of a bucket's windows is used."""
        return [tally.count(now) for tally in self._of(who, bucket)]

    def one_too_many(self) -> Excess:
        """Return the refusal that a fault makes of any call."""
        bucket, windows = next(iter(self._windows.items()))
        return Excess(bucket, windows[0].calls + 1, windows[0])

    def _count(self, tallies: "Sequence[_Tally]", now: float, calls: int, *, refused: bool) -> None:
        if self._counts_refused or not refused:
            for tally in tallies:
                tally.add(now, calls)

    def _of(self, who: str, bucket: str) -> "list[_Tally]":
        if (who, bucket) not in self._tallies:
            self._tallies[who, bucket] = [_tally(window) for window in self._windows[bucket]]
        return self._tallies[who, bucket]


class _Tally(ABC):
    """The calls of one client in one window."""

    def __init__(self, window: Window) -> None:
        self.window = window

    @abstractmethod
    def count(self, now: float) -> int:
        """Return how many calls the window holds."""

    @abstractmethod
    def add(self, now: float, calls: int) -> None:
        """Put a call into the window, as so many."""


class _Calendar(_Tally):
    _slot, _calls = 0, 0

    def count(self, now: float) -> int:
        return self._calls if self._slot == int(now // self.window.seconds) else 0

    def add(self, now: float, calls: int) -> None:
        self._calls = self.count(now) + calls
        self._slot = int(now // self.window.seconds)


class _Sliding(_Tally):
    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._times: deque[float] = deque()

    def count(self, now: float) -> int:
        while self._times and self._times[0] <= now - self.window.seconds:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float, calls: int) -> None:
        self._times.extend([now] * calls)


def _tally(window: Window) -> _Tally:
    return _Sliding(window) if window.sliding else _Calendar(window)
