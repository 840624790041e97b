"""What must happen at a time of the engine's clock, unless its trade has been replaced or disarmed by then."""

from collections.abc import Callable
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import count

from domain.risk.book import ArmedTrade

SPARE = 64
"""How many alarms are kept without looking which are still wanted."""


class Alarms:
    """A heap by time. ``is_current`` says whether a trade is still the one that is armed.

    A square-off is hours away, and every change of a trade sets it anew: alarms of what is gone are thrown away
    whenever the heap has doubled, not only at their time.
    """

    def __init__(self, is_current: Callable[[ArmedTrade], bool]) -> None:
        self._is_current = is_current
        self._heap: list[tuple[datetime, int, ArmedTrade, Callable[[], None]]] = []
        self._serial = count()
        self._clear_at = SPARE

    def set(self, at: datetime, trade: ArmedTrade, ring: Callable[[], None]) -> None:
        """Have ``ring`` called once the clock has reached ``at``."""
        heappush(self._heap, (at, next(self._serial), trade, ring))
        if len(self._heap) > self._clear_at:
            self._clear()

    def ring_due(self, now: datetime) -> None:
        """Ring everything that is due, in the order of its time, then of its setting."""
        while self._heap and self._heap[0][0] <= now:
            _, _, trade, ring = heappop(self._heap)
            if self._is_current(trade):
                ring()

    def _clear(self) -> None:
        self._heap = [alarm for alarm in self._heap if self._is_current(alarm[2])]
        heapify(self._heap)
        self._clear_at = 2 * len(self._heap) + SPARE
