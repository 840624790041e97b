"""How many calls one account may make at its broker: ours stay below what the SPEC allows, and exits keep a share.

Pure: monotonic seconds are passed in. After a takeover the order calls our rows tell of are counted again.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from domain.broker import RateLimits

ORDERS_PER_SECOND = 8
EXIT_RESERVE = 2
EXIT_RESERVE_PER_MINUTE = 10
EXIT_RESERVE_PER_HALF_HOUR = 100
EXIT_RESERVE_PER_DAY = 500
READ_CALLS = 4
"""The most one read of the books takes: orders, trades, positions and funds."""

SECOND, MINUTE, HALF_HOUR = 1.0, 60.0, 1800.0
DAY = 15 * 3600.0
"""The longest trading day, from 09:00 to MCX's close: what went out in an evening may still count the next morning."""

DAY_AGAIN = 0.1
"""Which part of the entries' share of a day must be free before they start again."""

EXIT_LOOKS = 20
"""Reads of the half hour that are kept for exits that wait to be sized."""


@dataclass(slots=True)
class Window:
    """The calls of the last ``seconds``: at most ``most``, of which entries leave ``kept`` to exits."""

    seconds: float
    most: int
    kept: int
    _at: deque[float] = field(default_factory=deque)

    def note(self, now: float) -> None:
        """A call goes out."""
        self._at.append(now)

    def used(self, now: float) -> int:
        """Return how many calls it holds."""
        while self._at and self._at[0] <= now - self.seconds:
            self._at.popleft()
        return len(self._at)

    def left(self, now: float) -> int:
        """Return how many more calls may go."""
        return self.most - self.used(now)

    def free_at(self, now: float, calls: int) -> float:
        """Return when so many calls more may go."""
        excess = self.used(now) + calls - self.most
        return now if excess <= 0 else self._at[min(excess, len(self._at)) - 1] + self.seconds


@dataclass(slots=True)
class Together:
    """Calls of every kind in the last second, for a broker that counts them together and allows ``limit``.

    A read is several calls: those it has not made yet are held for it. Entries leave room for a read and for exits,
    reads leave room for exits, and exits take what there is.
    """

    limit: int
    _calls: Window = field(init=False)
    _orders: Window = field(init=False)
    _held: int = 0

    def __post_init__(self) -> None:
        most = self.limit * 95 // 100
        self._calls, self._orders = Window(SECOND, most, 0), Window(SECOND, most, 0)

    def note_order(self, now: float) -> None:
        """An order call goes out."""
        self._calls.note(now)
        self._orders.note(now)

    def note_read(self, now: float) -> None:
        """A call of a read goes out."""
        self._calls.note(now)
        self._held = max(0, self._held - 1)

    def begin_read(self) -> None:
        """A read begins."""
        self._held = READ_CALLS

    def end_read(self) -> None:
        """The read has made its calls, however many."""
        self._held = 0

    def may_call(self, now: float) -> bool:
        """Whether one more order call may go."""
        return self._calls.left(now) > self._held

    def may_enter(self, now: float) -> bool:
        """Whether one more order call leaves room for a read and for exits."""
        orders = self._orders.used(now)
        reads = self._calls.used(now) - orders + self._held
        return self._calls.most - orders - max(reads, READ_CALLS) > EXIT_RESERVE

    def free_at(self, now: float, *, urgent: bool) -> float:
        """Return when a read may begin; one that an exit waits for leaves room for that exit alone."""
        return self._calls.free_at(now, READ_CALLS + (1 if urgent else EXIT_RESERVE))


@dataclass(slots=True)
class OrderBudget:
    """Order calls of any kind."""

    limits: RateLimits
    together: Together | None = None
    _second: Window = field(init=False)
    _longer: tuple[Window, ...] = field(init=False)

    def __post_init__(self) -> None:
        per_second = min(ORDERS_PER_SECOND, self.limits.orders)
        self._second = Window(SECOND, per_second, min(EXIT_RESERVE, per_second - 1))
        spans = (
            (MINUTE, self.limits.orders_per_minute, EXIT_RESERVE_PER_MINUTE),
            (HALF_HOUR, self.limits.orders_per_half_hour, EXIT_RESERVE_PER_HALF_HOUR),
            (DAY, self.limits.orders_per_day, EXIT_RESERVE_PER_DAY),
        )
        self._longer = tuple(
            Window(seconds, limit * 95 // 100, min(kept, limit // 4)) for seconds, limit, kept in spans if limit
        )

    def note(self, now: float) -> None:
        """A call goes out."""
        for window in (self._second, *self._longer):
            window.note(now)
        if self.together is not None:
            self.together.note_order(now)

    @property
    def remembers(self) -> float:
        """How many seconds a call counts; 0 where the broker limits nothing longer than a second."""
        return max((window.seconds for window in self._longer), default=0.0)

    def recall(self, calls: Iterable[float]) -> None:
        """Count calls that went out before, oldest first."""
        for at in calls:
            for window in self._longer:
                window.note(at)

    def may_call(self, now: float) -> bool:
        """Whether one more call stays below our caps.

        A day's is for entries alone: an exit would wait until tomorrow, so it goes, and the broker's refusal is told.
        """
        waits = (window for window in (self._second, *self._longer) if window.seconds < DAY)
        return all(window.left(now) > 0 for window in waits) and (self.together is None or self.together.may_call(now))

    def may_enter(self, now: float) -> bool:
        """Whether one more call leaves the exits' shares untouched."""
        fits = self._second.left(now) > self._second.kept and self.spares_exits(now)
        return fits and (self.together is None or self.together.may_enter(now))

    def spares_exits(self, now: float) -> bool:
        """Whether one more call leaves the exits' share of the longer spans untouched."""
        return all(window.left(now) > window.kept for window in self._longer)

    def is_day_spent(self, now: float) -> bool:
        """Whether a day's limit has nothing left but the exits' share."""
        return any(window.left(now) <= window.kept for window in self._days())

    def has_day_left(self, now: float) -> bool:
        """Whether so much of a day's limit is free that entries may go on for a while."""
        return all(
            window.left(now) - window.kept >= max(1, (window.most - window.kept) * DAY_AGAIN) for window in self._days()
        )

    def _days(self) -> Iterator[Window]:
        return (window for window in self._longer if window.seconds >= DAY)


@dataclass(slots=True)
class Allowance:
    """Of ``limit`` in any ``seconds`` four fifths: an eighth of that at once, though no less than ``least``, the rest
    evenly."""

    limit: int
    seconds: float
    least: float
    _used: float = 0.0  # of what may go at once
    _used_at: float = 0.0

    def note(self, now: float) -> None:
        """One goes."""
        self._used, self._used_at = self._used_now(now) + 1, now

    def free_at(self, now: float, wanted: int) -> float:
        """Return when so many may go at once."""
        too_many = self._used_now(now) - (self._at_once - wanted)
        return now + max(0.0, too_many / self._rate)

    def _used_now(self, now: float) -> float:
        return max(0.0, self._used - (now - self._used_at) * self._rate)

    @property
    def _cap(self) -> float:
        return self.limit * 0.8

    @property
    def _at_once(self) -> float:
        return max(self.least, self._cap / 8)

    @property
    def _rate(self) -> float:
        return max(self._cap - self._at_once, 1.0) / self.seconds


@dataclass(slots=True)
class ReadBudget:
    """Reads, which stay well below the limits of the minute and of the half hour.

    Ordinary reads leave enough for one read of the books at any time, for an exit that waits to be sized. Where the
    books themselves must be read far apart, such an exit has the positions alone.
    """

    limits: RateLimits
    together: Together | None = None
    _minute: Allowance | None = field(init=False)
    _half_hour: Allowance | None = field(init=False)
    _books_at: float | None = None

    def __post_init__(self) -> None:
        minute, half_hour = self.limits.reads_per_minute, self.limits.book_reads_per_half_hour
        self._minute = Allowance(minute, MINUTE, 2.0 * READ_CALLS) if minute else None
        self._half_hour = Allowance(half_hour, HALF_HOUR, 2.0 * EXIT_LOOKS) if half_hour else None

    def begin(self) -> None:
        """A read begins."""
        if self.together is not None:
            self.together.begin_read()

    def end(self) -> None:
        """The read is over."""
        if self.together is not None:
            self.together.end_read()

    def note(self, now: float) -> None:
        """A call goes out."""
        if self._minute is not None:
            self._minute.note(now)
        if self.together is not None:
            self.together.note_read(now)

    def note_look(self, now: float) -> None:
        """The books are read, or some of them: none more than once."""
        if self._half_hour is not None:
            self._half_hour.note(now)

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
        minute = self._minute.free_at(now, READ_CALLS if urgent else 2 * READ_CALLS) if self._minute else 0.0
        half_hour = self._half_hour.free_at(now, 1 if urgent else EXIT_LOOKS) if self._half_hour else 0.0
        return max(minute, half_hour, self.together.free_at(now, urgent=urgent) if self.together else 0.0)


def budgets_of(limits: RateLimits) -> tuple[OrderBudget, ReadBudget]:
    """Return the budgets of one account at one broker."""
    together = None if limits.together is None else Together(limits.together)
    return OrderBudget(limits, together), ReadBudget(limits, together)
