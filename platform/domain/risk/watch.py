"""One instrument as the engine watches it: its last prices, and the nearest two at which things can happen.

A form (``domain.risk.forms``) waits in the two heaps at the nearest price below and the nearest above that
could concern it, or, while it counts confirming ticks, in the ``hot`` list that every tick looks at. Entries
carry the stamp the form had when it was placed; a form placed anew has a new stamp, which makes its older
entries void.
"""

from collections import deque
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from domain.risk.rules import MAX_CONFIRM_TICKS
from domain.ticks import Tick

if TYPE_CHECKING:
    from domain.risk.forms import Form

FAR = 1 << 200
OUT_OF_REACH = 1 << 64  # no tick carries such a price
_ROOM = 64

_Entry = tuple[int, int, "Form"]


class Watch:
    """The market of one instrument; nothing can fire while ``low < price < high``."""

    __slots__ = (
        "_room",
        "above",
        "below",
        "forms",
        "high",
        "hot",
        "instrument_id",
        "last",
        "live",
        "low",
        "recent",
        "references",
    )

    def __init__(self, instrument_id: int, *, live: bool) -> None:
        self.instrument_id = instrument_id
        self.live = live
        self.last = Tick(instrument_id, 0)
        self.recent: deque[int] = deque(maxlen=MAX_CONFIRM_TICKS)
        self.low = -FAR
        self.high = FAR
        self.below: list[_Entry] = []  # (-level, stamp, form): due when the price is at or below the level
        self.above: list[_Entry] = []  # (level, stamp, form): due when the price is at or above the level
        self.hot: list[tuple[int, Form]] = []
        self.forms: dict[Form, None] = {}
        self.references = 0
        self._room = _ROOM

    def heat(self, form: "Form", stamp: int) -> None:
        """Show the form every tick."""
        self.hot.append((stamp, form))
        self.low, self.high = FAR, -FAR

    def wait_below(self, level: int, form: "Form", stamp: int) -> None:
        """Show the form the first tick at or below the level."""
        if level <= 0:
            return  # no price is there
        heappush(self.below, (-level, stamp, form))
        if level > self.low:
            self.low = level

    def wait_above(self, level: int, form: "Form", stamp: int) -> None:
        """Show the form the first tick at or above the level."""
        if level >= OUT_OF_REACH:
            return
        heappush(self.above, (level, stamp, form))
        if level < self.high:
            self.high = level

    def due(self, price: int) -> list["Form"]:
        """Take out and return, once each, the forms that this price concerns."""
        forms = [form for stamp, form in self.hot if form.stamp == stamp]
        self.hot.clear()
        for heap, key in ((self.below, -price), (self.above, price)):
            while heap and heap[0][0] <= key:
                _, stamp, form = heappop(heap)
                if form.stamp == stamp:
                    forms.append(form)
        return list(dict.fromkeys(forms)) if len(forms) > 1 else forms

    def refresh(self) -> None:
        """Recompute the band after forms came or went."""
        if not self.live:
            self.low, self.high = -FAR, FAR
        elif self.hot:
            self.low, self.high = FAR, -FAR
        else:
            self.low = -self._nearest(self.below)
            self.high = self._nearest(self.above)
        if len(self.below) + len(self.above) > self._room:
            self._sweep()

    @staticmethod
    def _nearest(heap: list[_Entry]) -> int:
        while heap and heap[0][2].stamp != heap[0][1]:
            heappop(heap)
        return heap[0][0] if heap else FAR

    def _sweep(self) -> None:
        """Drop void entries once they may outnumber the others: heaps stay in proportion to the rules."""
        for heap in (self.below, self.above):
            heap[:] = [entry for entry in heap if entry[2].stamp == entry[1]]
            heapify(heap)
        self._room = max(_ROOM, 2 * (len(self.below) + len(self.above)))


def is_repeat(tick: Tick, last: Tick) -> bool:
    """Whether the same packet came twice: one print must not confirm itself.

    For ticks of the same ``exchange_at``; ``received_at`` is ours and may differ.
    """
    return (
        tick.last_price == last.last_price
        and tick.volume == last.volume
        and tick.bid == last.bid
        and tick.ask == last.ask
        and tick.bid_quantity == last.bid_quantity
        and tick.ask_quantity == last.ask_quantity
        and tick.open_interest == last.open_interest
    )
