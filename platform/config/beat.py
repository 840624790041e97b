"""Beat, once: a scheduler that fires nothing unless it holds a Postgres advisory lock on a connection of its own.

The lock lives as long as that connection, so a killed beat is followed by a waiting one within seconds, and two beats
never fire the same slot both. A successor starts from the stored times of the last runs; crontab slots missed by more
than ``beat_cron_starting_deadline`` are left out.
"""

import logging
import time
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import Error
from django_celery_beat.schedulers import DatabaseScheduler

from bus import failpoints
from workers.life import show_life

LOCK = "vayda beat"
RETRY_SECONDS = 2.0
LIFE_SECONDS = 10.0

log = logging.getLogger(__name__)


class BeatLock:
    """An advisory lock held by one connection, asked for without waiting."""

    def __init__(self, name: str = LOCK) -> None:
        self.term = 0  # how many times it was taken
        self._name = name
        self._connection: Any = None

    def holds(self) -> bool:
        """Whether the lock is ours now, taking it when it is free."""
        try:
            return self._is_alive() if self._connection is not None else self._take()
        except Error as error:
            log.warning("beat has no database", extra={"reason": str(error)})
            self.release()
            return False

    def release(self) -> None:
        """Give the lock up; also what a lost connection comes to."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _is_alive(self) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True

    def _take(self) -> bool:
        # Not a pooled or shared connection: one that nobody else closes, and that never reconnects by itself.
        connection = connections.create_connection(DEFAULT_DB_ALIAS)
        connection.settings_dict = {**connection.settings_dict, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [self._name])
            taken = bool(cursor.fetchone()[0])
        if not taken:
            connection.close()
            return False
        self._connection, self.term = connection, self.term + 1
        return True


class SingleScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Fires the table only while it holds the lock; otherwise it waits its turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = BeatLock()
        self._term = 0
        self._next_life = 0.0
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Fire what is due and return the seconds until the next look."""
        if not self._lock.holds():
            return RETRY_SECONDS
        if self._term != self._lock.term:
            self._take_over()
        self._show_life()
        return float(super().tick(*args, **kwargs))

    def reserve(self, entry: Any) -> Any:
        """Note a run where the heap is rebuilt from, too: a table that changed just then must not fire it twice."""
        following = super().reserve(entry)
        self._schedule[following.name] = following
        failpoints.reach("beat.reserved")
        return following

    def close(self) -> None:
        """Stop: write the last runs down, then let a successor in."""
        super().close()
        self._lock.release()

    def _take_over(self) -> None:
        """Read the times of the last runs anew: another beat has fired since ours were read."""
        self._term = self._lock.term
        self._dirty.clear()
        self._initial_read = True
        self._heap = None
        log.info("beat leads")

    def _show_life(self) -> None:
        if time.monotonic() < self._next_life:
            return
        self._next_life = time.monotonic() + LIFE_SECONDS
        try:
            show_life("beat")
        except Error as error:
            log.warning("beat has no database", extra={"reason": str(error)})
