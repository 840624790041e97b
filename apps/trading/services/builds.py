"""Whether this process may trade beside the others: all of one build, on a database migrated for its code."""

import logging
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from apps.trading.services.processes import page_all
from bus.leases import is_dead
from bus.models import Heartbeat, Lease

log = logging.getLogger(__name__)

LOOP_FRESH = timedelta(seconds=15)
"""Leading loops show life every two seconds."""

WORKER_FRESH = timedelta(seconds=150)
"""Other workers show life with their regular jobs, some once a minute."""


def running_builds(*, wall: datetime) -> Mapping[str, list[str]]:
    """Return the processes at work, by build. One of this host that ended does not count, however fresh its word."""
    loops = set(Lease.objects.values_list("name", flat=True))
    found: dict[str, list[str]] = defaultdict(list)
    for beat in Heartbeat.objects.filter(beat_at__gt=wall - WORKER_FRESH).order_by("process"):
        fresh = LOOP_FRESH if beat.process in loops else WORKER_FRESH
        if wall - beat.beat_at <= fresh and not is_dead(beat.holder):
            found[beat.build].append(beat.process)
    return found


def foreign_builds(*, process: str, term: int, wall: datetime) -> list[str]:
    """Return the other builds at work beside ``process``, and tell the operators once a ``term`` of its leadership."""
    others = {build: names for build, names in running_builds(wall=wall).items() if build != settings.BUILD_ID}
    foreign = sorted(build for build, names in others.items() if names != [process])
    if foreign:
        _tell(foreign, process=process, term=term)
    return foreign


def _tell(foreign: list[str], *, process: str, term: int) -> None:
    text = f"{process} is {settings.BUILD_ID} and takes no entries: {', '.join(foreign)} runs beside it. Exits go on."
    page_all(f"mixed:{process}:{term}:{'|'.join(foreign)}", "MIXED_BUILDS", text)


def missing_migrations() -> list[str]:
    """Return this code's migrations that the database does not have."""
    applied = set(MigrationRecorder(connection).applied_migrations())
    own = (app for app in apps.get_app_configs() if app.name.startswith("apps.") or app.name == "bus")
    return sorted(f"{app.label}.{name}" for app in own for name in _written(app) if (app.label, name) not in applied)


def _written(app: AppConfig) -> Iterator[str]:
    """List the app's migrations without importing them: a worker has no other use for them."""
    if find_spec(f"{app.name}.migrations") is None:
        return
    package = import_module(f"{app.name}.migrations")
    yield from (found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))
