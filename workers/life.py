"""Signs of life of workers that run no loop of their own."""

from datetime import datetime, timedelta

from django.conf import settings

from bus import clock
from bus.leases import holder_name
from bus.models import Heartbeat

UNBROKEN = timedelta(seconds=60)
_STARTED_AT: datetime = clock.now()


def show_life(process: str) -> bool:
    """Note that this process works, under its build; ``started_at`` tells a restart.

    Returns whether it has been at work without a break: not just started, nor asleep with the whole machine.
    """
    wall = clock.now()
    seen = Heartbeat.objects.filter(process=process, beat_at__gt=wall - UNBROKEN).exists()
    Heartbeat.objects.update_or_create(
        process=process,
        defaults={
            "holder": holder_name(),
            "build": settings.BUILD_ID,
            "started_at": _STARTED_AT,
            "beat_at": wall,
        },
    )
    return seen and wall - _STARTED_AT > UNBROKEN
