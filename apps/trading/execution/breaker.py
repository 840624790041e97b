"""One account's circuit breaker: after failures in a row its entries wait, while its exits go on trying.

Reads are the probe. They open it when they fail; when they succeed again, and a pause is over, one entry may try, and
only a broker that answers order calls, too, makes it forget. Nothing here knows of another account.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.broker import BrokerError, Outcome, RateLimited, Verdict

TRIP = 3
"""Failures in a row that open the breaker."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
LIMITED_PAUSE = 1.0
"""What a broker that says "too many" without saying how long is given."""

HALT_AFTER = 20.0
"""Seconds of an open breaker after which the account is halted."""

HEALTHY_READS = 3

_FAILURES = frozenset({Verdict.UNKNOWN, Verdict.RATE_LIMITED})
_ANSWERS = frozenset({Verdict.ACKNOWLEDGED, Verdict.REJECTED})


@dataclass(slots=True)
class Breaker:
    """Counts in memory only: a new leader begins with every account closed and finds out in a few reads."""

    clock: Callable[[], float] = lambda: time.monotonic()
    code: str = ""
    text: str = ""
    _failed_reads: int = 0
    _failed_orders: int = 0
    _good_reads: int = 0
    _closed_until: float = 0.0
    _limited_until: float = 0.0
    _pause: float = FIRST_PAUSE
    _open_since: float | None = None

    def may_enter(self) -> bool:
        """Whether an entry may be tried."""
        now = self.clock()
        return self._failed_reads < TRIP and now >= self._closed_until and now >= self._limited_until

    def is_healthy(self) -> bool:
        """Whether the broker has proved itself: several good reads, and no pause running."""
        return self._failed_reads == 0 and self._good_reads >= HEALTHY_READS and self.may_enter()

    def is_open(self) -> bool:
        """Whether it has opened and the broker has not proved itself since: its reads are probes."""
        return self._open_since is not None

    def is_down(self) -> bool:
        """Whether failures have lasted so long that the account is to be halted."""
        return self._open_since is not None and self.clock() - self._open_since >= HALT_AFTER

    def note_order(self, outcome: Outcome) -> None:
        """Take in the answer to an order call."""
        if outcome.verdict in _ANSWERS:
            self._failed_orders, self._pause = 0, FIRST_PAUSE
        elif outcome.verdict in _FAILURES:
            self._failed_orders += 1
            is_limited = outcome.verdict is Verdict.RATE_LIMITED
            self._note("RATE_LIMITED" if is_limited else "BROKER_DOWN", outcome.message)
            self._limit(is_limited, outcome.retry_after)
            if self._failed_orders >= TRIP:
                self._open()
                self._closed_until = self.clock() + self._pause
                self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def note_read(self) -> None:
        """Take in a read that worked."""
        self._failed_reads, self._good_reads = 0, self._good_reads + 1
        if self.is_healthy():
            self._open_since = None

    def note_failed_read(self, error: BrokerError) -> None:
        """Take in a read that failed."""
        self._good_reads, self._failed_reads = 0, self._failed_reads + 1
        is_limited = isinstance(error, RateLimited)
        self._note("RATE_LIMITED" if is_limited else "BROKER_DOWN", error.message)
        self._limit(is_limited, error.retry_after if isinstance(error, RateLimited) else None)
        if self._failed_reads >= TRIP:
            self._open()

    def _note(self, code: str, text: str) -> None:
        self.code, self.text = code, text

    def _limit(self, is_limited: bool, retry_after: float | None) -> None:
        if is_limited:
            self._limited_until = max(self._limited_until, self.clock() + (retry_after or LIMITED_PAUSE))

    def _open(self) -> None:
        self._good_reads = 0
        if self._open_since is None:
            self._open_since = self.clock()
