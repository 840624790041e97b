"""Beat: one fires, another waits, and the table names only what exists."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.db import connection, connections
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from config.beat import RETRY_SECONDS, BeatLock, SingleScheduler
from config.celery import app
from config.schedule import CELERY_BEAT_SCHEDULE
from workers.queues import QUEUES

pytestmark = pytest.mark.django_db(transaction=True)

_KILL_LOCK_HOLDERS = """
SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
"""


def _set_table(every: timedelta) -> None:
    app.conf.beat_schedule = {"job": {"task": "workers.jobs.sweep", "schedule": every}}


def _end(beat: SingleScheduler) -> None:
    """What a process's end does, without its last look at a database that is gone by then."""
    beat._finalize.cancel()
    beat._lock.release()


@pytest.fixture
def fired(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was sent, instead of sending it."""
    names: list[str] = []
    monkeypatch.setattr(SingleScheduler, "apply_entry", lambda self, entry, producer=None: names.append(entry.name))
    return names


@pytest.fixture
def make_beat() -> Iterator[Any]:
    """Makes schedulers over a table of one job that is always due."""
    _set_table(timedelta(0))
    made: list[SingleScheduler] = []

    def make() -> SingleScheduler:
        made.append(SingleScheduler(app=app))
        return made[-1]

    yield make
    for beat in made:
        _end(beat)
    app.conf.beat_schedule = CELERY_BEAT_SCHEDULE


def test_only_one_of_two_beats_fires(make_beat: Any, fired: list[str]) -> None:
    first, second = make_beat(), make_beat()
    first.tick()
    first.tick()
    assert fired
    count = len(fired)
    for _ in range(5):
        assert second.tick() == RETRY_SECONDS
    assert len(fired) == count


def test_the_waiting_one_takes_over_when_the_first_ends(make_beat: Any, fired: list[str]) -> None:
    first, second = make_beat(), make_beat()
    first.tick()
    second.tick()
    first.close()
    fired.clear()
    second.tick()
    second.tick()
    assert fired
    assert first.tick() == RETRY_SECONDS


def test_the_waiting_one_takes_over_when_the_firsts_connection_is_killed(make_beat: Any, fired: list[str]) -> None:
    first, second = make_beat(), make_beat()
    first.tick()
    with connection.cursor() as cursor:
        cursor.execute(_KILL_LOCK_HOLDERS)
    assert first._lock.holds() is False  # it learns of it before it fires again
    assert second._lock.holds() is True
    assert first.tick() == RETRY_SECONDS


def test_a_successor_goes_by_the_stored_times(make_beat: Any, fired: list[str]) -> None:
    _set_table(timedelta(hours=1))
    first, second = make_beat(), make_beat()
    second.tick()
    PeriodicTask.objects.filter(name="job").update(last_run_at=timezone.now() - timedelta(hours=2))
    PeriodicTasks.update_changed()
    first._lock.release()
    second._lock.release()
    for _ in range(5):
        first.tick()
    assert fired.count("job") == 1
    first.close()
    for _ in range(5):
        second.tick()
    assert fired.count("job") == 1  # the first beat's run was written down, and read


def test_the_lock_is_kept_from_other_threads_and_given_back() -> None:
    lock, other, seen = BeatLock(), BeatLock(), []
    assert lock.holds()
    assert lock.holds()

    def ask() -> None:
        seen.append(other.holds())
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(20)
    assert seen == [False]
    lock.release()
    assert other.holds()
    other.release()


def test_a_slot_missed_by_more_than_a_minute_never_fires() -> None:
    schedule = crontab(minute="10", hour="15", app=app)
    now = schedule.now().replace(hour=8, minute=0, second=0)
    schedule.nowfun = lambda: now
    yesterday_noon = now - timedelta(hours=20)
    assert not schedule.is_due(yesterday_noon).is_due
    just_then = now.replace(hour=15, minute=10, second=30)
    schedule.nowfun = lambda: just_then
    assert schedule.is_due(just_then - timedelta(hours=1)).is_due


@pytest.mark.parametrize("name", CELERY_BEAT_SCHEDULE)
def test_every_job_exists_has_a_worker_and_expires(name: str) -> None:
    entry = CELERY_BEAT_SCHEDULE[name]
    app.loader.import_default_modules()
    assert entry["task"] in app.tasks
    queue = entry["options"]["queue"]
    assert queue in {one.name for one in QUEUES}
    assert entry["task"].startswith(f"workers.{queue}.")
    assert entry["options"]["expire_seconds"] > 0


def test_the_table_is_stored_in_indias_time() -> None:
    beat = SingleScheduler(app=app)
    try:
        stored = PeriodicTask.objects.select_related("crontab", "interval").filter(name__in=CELERY_BEAT_SCHEDULE)
        assert stored.count() == len(CELERY_BEAT_SCHEDULE)
        assert {str(row.crontab.timezone) for row in stored if row.crontab} == {"Asia/Kolkata"}
        assert all(row.expire_seconds and row.queue for row in stored)
    finally:
        _end(beat)
