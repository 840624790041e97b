"""Wall time as the database tells it, in a process that leads a loop.

What several machines write into one database must be in the order in which it happened, and how old something is must
not depend on who asks. So a leading process follows the database's clock, told with every renewal of its lease, and
counts on from there by its own monotonic clock: a machine whose clock is wrong, or is put right, makes no difference.
Any other process goes by its machine's clock.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

QUESTIONS = 5
DRIFT = 1e-4
"""By how much two clocks part in a second, at the worst."""


@dataclass(frozen=True, slots=True)
class Told:
    """The database's time when this process's monotonic clock read so much, right ``within`` so many seconds."""

    at: datetime
    monotonic: float
    within: float

    def reading(self, monotonic: float) -> datetime:
        """Return the time at another reading of the monotonic clock."""
        return self.at + timedelta(seconds=monotonic - self.monotonic)

    def doubt(self, monotonic: float) -> float:
        """Return by how many seconds that may be wrong."""
        return self.within + DRIFT * abs(monotonic - self.monotonic)


_told: Told | None = None


def ask() -> Told:
    """Ask the database for its time, a few times over; the quickest answer is the surest."""
    return min((_asked() for _ in range(QUESTIONS)), key=lambda told: told.within)


def _asked() -> Told:
    with connection.cursor() as cursor:
        asked_at = time.monotonic()
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone() or (timezone.now(),)
        answered_at = time.monotonic()
    return Told(at, (asked_at + answered_at) / 2, (answered_at - asked_at) / 2)


def follow(told: Told) -> None:
    """Go by what the database told, unless what it told before is surer and does not contradict it."""
    global _told
    known, doubt = _told, _told.doubt(told.monotonic) if _told else 0.0
    if known is None or told.within <= doubt or _apart(known, told) > told.within + doubt:
        _told = told


def _apart(known: Told, told: Told) -> float:
    return abs((known.reading(told.monotonic) - told.at).total_seconds())


def forget() -> None:
    """Go by the machine's clock."""
    global _told
    _told = None


def now() -> datetime:
    """Return wall time, aware, in UTC."""
    told = _told
    return timezone.now() if told is None else told.reading(time.monotonic())
