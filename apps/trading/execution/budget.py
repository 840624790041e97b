"""How many calls one account may make at its broker: ours stay below what the SPEC allows, and exits keep a share.

Pure: monotonic seconds are passed in. It starts empty after every takeover, like everything a lane remembers.
"""

from collections import deque
from dataclasses import dataclass, field

from domain.broker import RateLimits

ORDERS_PER_SECOND = 8
EXIT_RESERVE = 2
EXIT_RESERVE_PER_MINUTE = 10
READ_CALLS = 4
"""The most one read of the books takes: orders, trades, positions and funds."""

MINUTE = 60.0


@dataclass(slots=True)
class OrderBudget:
    """Order calls of the last minute, of any kind."""

    limits: RateLimits
    sent: deque[float] = field(default_factory=deque)

    def note(self, now: float) -> None:
        """A call goes out."""
        while self.sent and self.sent[0] <= now - MINUTE:
            self.sent.popleft()
        self.sent.append(now)

    def may_call(self, now: float) -> bool:
        """Whether one more call stays below our caps."""
        return self._left_in_second(now) > 0 and self._left_in_minute(now) > 0

    def may_enter(self, now: float) -> bool:
        """Whether one more call leaves the exits' shares untouched."""
        reserve = min(EXIT_RESERVE, self._per_second - 1)
        return self._left_in_second(now) > reserve and self.spares_exits(now)

    def spares_exits(self, now: float) -> bool:
        """Whether one more call leaves the exits' share of the minute untouched."""
        return self._left_in_minute(now) > self._minute_reserve

    @property
    def _per_second(self) -> int:
        return min(ORDERS_PER_SECOND, self.limits.orders)

    @property
    def _minute_reserve(self) -> int:
        return min(EXIT_RESERVE_PER_MINUTE, (self.limits.orders_per_minute or 0) // 4)

    def _left_in_second(self, now: float) -> int:
        return self._per_second - self._sent_within(1.0, now)

    def _left_in_minute(self, now: float) -> float:
        if self.limits.orders_per_minute is None:
            return float("inf")
        return self.limits.orders_per_minute * 95 // 100 - self._sent_within(MINUTE, now)

    def _sent_within(self, seconds: float, now: float) -> int:
        return sum(at > now - seconds for at in self.sent)


@dataclass(slots=True)
class ReadBudget:
    """Reads in any minute stay within four fifths of the limit: an eighth of that at once, the rest evenly.

    Ordinary reads leave enough for one read of the books at any time, for an exit that waits to be sized. Where the
    books themselves must be read far apart, such an exit has the positions alone.
    """

    limits: RateLimits
    _books_at: float | None = None
    _used: float = 0.0  # of what may be read at once
    _used_at: float = 0.0

    def note(self, now: float) -> None:
        """A call goes out."""
        if self.limits.reads_per_minute is not None:
            self._used, self._used_at = self._used_now(now) + 1, now

    def note_books(self, now: float) -> None:
        """The order book is read, and the trade book after it."""
        self._books_at = now

    def books_free_at(self) -> float:
        """Return when the order book may be read next; the beginning of time where the broker does not mind."""
        if not self.limits.books_seconds or self._books_at is None:
            return 0.0
        return self._books_at + self.limits.books_seconds

    def free_at(self, now: float, *, urgent: bool = False) -> float:
        """Return when the books may be read next; the beginning of time where the broker sets no limit."""
        if self.limits.reads_per_minute is None:
            return 0.0
        wanted = READ_CALLS if urgent else 2 * READ_CALLS
        too_many = self._used_now(now) - (self._at_once - wanted)
        return now + max(0.0, too_many / self._per_second)

    def _used_now(self, now: float) -> float:
        return max(0.0, self._used - (now - self._used_at) * self._per_second)

    @property
    def _cap(self) -> float:
        return (self.limits.reads_per_minute or 0) * 0.8

    @property
    def _at_once(self) -> float:
        return max(2.0 * READ_CALLS, self._cap / 8)

    @property
    def _per_second(self) -> float:
        return max(self._cap - self._at_once, 1.0) / MINUTE
