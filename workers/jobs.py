"""Queue ``jobs``: the house's clockwork. Every job may run at any time and any number of times."""

import logging
from datetime import timedelta

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from apps.audit.services import chain
from apps.markets.clock import now, trading_date
from apps.markets.services import calendar
from apps.trading.services import calendar_watch, chain_watch, day_end, machine, processes, pruning
from bus import clock, commands, failpoints
from bus.leases import Reaper
from workers.life import show_life

CALENDAR_AHEAD = timedelta(days=400)
CALENDAR_BEHIND = timedelta(days=7)

FROZEN_SECONDS = 5.0
"""How long after its lease ran out a process that holds it still is taken for frozen."""

log = logging.getLogger(__name__)
_reaper = Reaper(grace=FROZEN_SECONDS)


@worker_ready.connect
def _start(**_: object) -> None:
    """Start-up is recovery: a calendar that nobody kept while the platform was down is kept now."""
    if settings.PROCESS == "jobs":
        show_life("jobs")
        open_house.delay()


@shared_task(name="workers.jobs.open_house")
def open_house() -> None:
    """Know the day before anybody is signed in for it."""
    seed_calendar()
    commands.prepare_day()


@shared_task(name="workers.jobs.seed_calendar")
def seed_calendar() -> None:
    """Keep the calendar seeded a year ahead and the demo market open, and tell when its confirmed end comes near."""
    today = trading_date(now())
    calendar.seed_calendar(date_from=today - CALENDAR_BEHIND, date_to=today + CALENDAR_AHEAD)
    calendar.ensure_demo_sessions(now())
    calendar_watch.tell_horizons(now=now())


@shared_task(name="workers.jobs.square_off")
def square_off() -> None:
    """Ask trades whose square-off time has passed to go flat: the second pair of eyes beside the engine's clock."""
    asked = day_end.square_off_due(now=now())
    if asked:
        log.warning("square-off by the second pair of eyes", extra={"legs": asked})


@shared_task(name="workers.jobs.sweep")
def sweep() -> None:
    """Wake the shards of orders that wait, and look after the other processes."""
    failpoints.reach("jobs.sweep")
    machine.watch_disk(settings.STATE_DIR, wall=clock.now())
    unbroken = show_life("jobs")
    if unbroken:
        _reaper.look()
    day_end.wake_waiting()
    if unbroken:
        processes.watch_processes(wall=clock.now())
        processes.watch_shards(wall=clock.now())


@shared_task(name="workers.jobs.end_of_day")
def end_of_day() -> None:
    """Look after the markets that have closed."""
    day_end.end_of_day(now=now(), wall=clock.now())


@shared_task(name="workers.jobs.seal_audit")
def seal_audit() -> None:
    """Seal what is new in the audit trail."""
    chain.seal_pending()


@shared_task(name="workers.jobs.verify_audit")
def verify_audit() -> None:
    """Check the audit trail's chain from its beginning."""
    chain_watch.watch_chain()


@shared_task(name="workers.jobs.prune")
def prune() -> None:
    """Drop what nobody needs any more."""
    log.info("pruned", extra=pruning.prune(wall=clock.now()))
