"""The beat table: what runs when. Data only; times are India's.

Every job is safe to run twice and asks the calendar itself whether its hour has come, so a slot missed or fired twice
costs nothing. A message nobody took in time expires: a late start never fires yesterday's square-off.
"""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

_MINUTE = 60


def _job(task: str, schedule: crontab | timedelta, *, expires: int) -> dict[str, Any]:
    queue = task.split(".")[1]
    return {"task": task, "schedule": schedule, "options": {"queue": queue, "expire_seconds": expires}}


CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # before the open: who trades, and with what
    "calendar": _job("workers.jobs.seed_calendar", crontab(minute="7", hour="*"), expires=10 * _MINUTE),
    "login wave": _job("workers.sessions.login_wave", timedelta(seconds=30), expires=30),
    "instrument sync": _job("workers.sessions.sync_due_instruments", crontab(minute="*/5"), expires=2 * _MINUTE),
    "paper forcing": _job("workers.sessions.force_paper", crontab(), expires=_MINUTE),
    # during the session
    "square-off": _job("workers.jobs.square_off", timedelta(seconds=15), expires=15),
    "sweep": _job("workers.jobs.sweep", timedelta(seconds=10), expires=10),
    # after the close
    "end of day": _job("workers.jobs.end_of_day", crontab(minute="*/5"), expires=2 * _MINUTE),
    # the house
    "audit chain": _job("workers.jobs.seal_audit", crontab(), expires=_MINUTE),
    "audit check": _job("workers.jobs.verify_audit", crontab(minute="10", hour="4"), expires=60 * _MINUTE),
    "prune": _job("workers.jobs.prune", crontab(minute="40", hour="3"), expires=60 * _MINUTE),
}
