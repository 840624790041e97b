"""Wall time as the database tells it, in a process that leads a loop.

What several machines write into one database must be in the order in which it happened, and how old something is must
not depend on who asks. So a leading process follows the database's clock, told with every renewal of its lease, and
counts on from there by its own monotonic clock: a machine whose clock is wrong, or is put right, makes no difference.
Any other process goes by its machine's clock.
"""

import time
from datetime import datetime, timedelta

from django.utils import timezone

_told: tuple[datetime, float] | None = None


def follow(at: datetime, *, monotonic: float) -> None:
    """Go by the database's clock, which read ``at`` when this process's monotonic clock read ``monotonic``."""
    global _told
    _told = (at, monotonic)


def forget() -> None:
    """Go by the machine's clock."""
    global _told
    _told = None


def now() -> datetime:
    """Return wall time, aware, in UTC."""
    told = _told
    return timezone.now() if told is None else told[0] + timedelta(seconds=time.monotonic() - told[1])
