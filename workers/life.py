"""Signs of life of workers that run no loop of their own."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from bus.leases import holder_name
from bus.models import Heartbeat

_STARTED_AT: datetime = timezone.now()


def show_life(process: str) -> None:
    """Note that this process works, under its build; ``started_at`` tells a restart."""
    Heartbeat.objects.update_or_create(
        process=process,
        defaults={
            "holder": holder_name(),
            "build": settings.BUILD_ID,
            "started_at": _STARTED_AT,
            "beat_at": timezone.now(),
        },
    )
