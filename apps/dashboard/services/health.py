"""Whether this installation can serve: each check by name, cheap enough to be asked every few seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError
from redis.exceptions import RedisError

from apps.dashboard.services.feed import FEED_PROCESS, SILENT_SECONDS
from apps.trading.services.builds import running_builds
from bus import clock
from bus.connection import redis_client
from bus.models import Heartbeat


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``ms`` is how long it took, ``detail`` what was found."""

    name: str
    is_ok: bool
    detail: str
    ms: float


def readiness() -> list[Check]:
    """Ask the database, Redis, the migrations, the feed's heartbeat and which builds are at work."""
    return [
        timed("database", _database),
        timed("redis", _redis),
        timed("migrations", _migrations),
        timed("feed", _feed),
        timed("builds", _builds),
    ]


def timed(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    """Run one check; a server that does not answer fails it."""
    started = time.perf_counter()
    try:
        is_ok, detail = check()
    except (DatabaseError, RedisError, OSError) as error:
        is_ok, detail = False, type(error).__name__
    return Check(name, is_ok, detail, round((time.perf_counter() - started) * 1000, 1))


def _database() -> tuple[bool, str]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return True, "answers"


def _redis() -> tuple[bool, str]:
    redis_client().ping()
    return True, "answers"


def _migrations() -> tuple[bool, str]:
    missing = _missing_migrations()
    return not missing, "applied" if not missing else f"{missing} not applied"


def _missing_migrations() -> int:
    if _all_applied():
        return 0
    _all_applied.cache_clear()
    return _count_missing()


@lru_cache(maxsize=1)
def _all_applied() -> bool:
    """Code does not change while a process runs: once applied, they stay applied."""
    return _count_missing() == 0


def _count_missing() -> int:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _feed() -> tuple[bool, str]:
    beat = Heartbeat.objects.filter(process=FEED_PROCESS).first()
    if beat is None:
        return False, "the feed has never run"
    age = (clock.now() - beat.beat_at).total_seconds()
    return age <= SILENT_SECONDS, f"heartbeat {age:.1f} s ago"


def _builds() -> tuple[bool, str]:
    """Workers beside another build take no entries."""
    found = sorted({*running_builds(wall=clock.now()), settings.BUILD_ID})
    return len(found) == 1, f"{found[0]} only" if len(found) == 1 else f"{' and '.join(found)} run side by side"
