"""Square-offs and cut-offs when nobody else fires them: by the database's clock, without beat and without a queue.

The risk engine fires a square-off from its own process's clock, beat's job from its machine's. Either may stand still
or be wrong. This is the third pair of eyes: it needs Postgres only, which nothing here can do without anyway.
"""

from datetime import datetime, timedelta
from typing import cast

from django.db import connection

from apps.markets.clock import market_clock
from apps.trading.services import day_end, processes
from bus.models import Heartbeat

BEAT_SILENT = timedelta(seconds=45)
"""Beat shows life every ten seconds."""


def database_now() -> datetime:
    """Return wall time by the database's clock, aware."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


def fire_due() -> int:
    """Ask what is past its square-off time to go flat; returns the number of legs newly asked. Safe to repeat."""
    return day_end.square_off_due(now=market_clock().at(database_now()))


def stand_in_for_beat() -> bool:
    """Do what cannot wait while beat is silent, and tell the operators; returns whether it was needed.

    Waiting orders are announced, the other processes watched, and markets that closed are looked after.
    """
    wall = database_now()
    if Heartbeat.objects.filter(process="beat", beat_at__gt=wall - BEAT_SILENT).exists():
        return False
    last = Heartbeat.objects.filter(process="beat").values_list("beat_at", flat=True).first()
    since = f"{last:%Y%m%dT%H%M%S}" if last else "the start"
    text = f"Beat has been silent since {since}; the signals worker stands in."
    processes.page_all(f"beat:{since}", "BEAT_SILENT", text)
    day_end.wake_waiting()
    processes.watch_processes(wall=wall)
    day_end.end_of_day(now=market_clock().at(wall), wall=wall)
    return True
