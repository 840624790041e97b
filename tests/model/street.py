"""The record of what truly happened at the brokers, in the words of the invariants, and what is still to come there."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from domain.invariants.broker_side import BookFill, BookOrder, BrokerBook, WireRequest


@dataclass
class Street:
    """Everything that truly happened at the brokers, in order."""

    now: Callable[[], datetime]
    wire: list[WireRequest] = field(default_factory=list)
    orders: dict[str, BookOrder] = field(default_factory=dict)
    fills: list[BookFill] = field(default_factory=list)
    _lines: "count[int]" = field(default_factory=lambda: count(1))
    _later: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)

    def line(self) -> int:
        """Return the next line of the ledger."""
        return next(self._lines)

    @property
    def book(self) -> BrokerBook:
        """What the brokers hold, as the invariants read it."""
        return BrokerBook(tuple(self.orders.values()), tuple(self.fills))

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen in a while."""
        heapq.heappush(self._later, (self.now() + timedelta(seconds=seconds), self.line(), what))

    def next_due(self) -> datetime | None:
        """When the next thing happens."""
        return self._later[0][0] if self._later else None

    def run_due(self) -> None:
        """Do everything whose time has come."""
        while self._later and self._later[0][0] <= self.now():
            heapq.heappop(self._later)[2]()
