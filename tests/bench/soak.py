"""Twenty minutes of trading, and whether anything grows: memory, file handles, connections.

Run as ``make bench ARGS="soak MINUTES=20"``; it is not among those that run unasked. Waves go in and out of twenty
accounts without a pause. Every ten seconds each process's resident memory and file handles are looked at, and the
connections to Postgres and Redis. A slope is the line through the looks by least squares, an hour's worth, the first
quarter left out: pools fill and caches warm in it.
"""

import os
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psutil  # type: ignore[import-untyped]
import requests
from django.db import connection

from apps.trading.models import Trade
from bus.connection import redis_client
from launch import supervise
from tests.bench.installation import Installation, wait_for
from tests.bench.record import Figure

MINUTES = float(os.environ.get("MINUTES") or 20)
LOOK_SECONDS = 10.0
WARM_PART = 0.25
ACCOUNTS = 20
WITHIN = 120.0
MEGABYTE = 1024 * 1024
MOST_HANDLES_AN_HOUR = 10
Looks = dict[str, list[tuple[float, float]]]


def measure(installation: Installation) -> list[Figure]:
    """Trade, look, and return the slopes."""
    looks: Looks = defaultdict(list)
    until, waves = time.monotonic() + MINUTES * 60, 0
    with _looking(installation, looks):
        while time.monotonic() < until:
            _wave(installation)
            waves += 1
    return [
        Figure("soak", f"waves of {ACCOUNTS} accounts in and out, {MINUTES:g} min", waves, "waves"),
        *_slopes(looks),
    ]


def _wave(installation: Installation) -> None:
    opened = Trade.objects.live().filter(status="OPEN")
    _fire(installation, "buy")
    wait_for(lambda: opened.count() == ACCOUNTS, within=WITHIN, message="every entry")
    _fire(installation, "sell")
    wait_for(lambda: not Trade.objects.live().exists(), within=WITHIN, message="every exit")


def _fire(installation: Installation, action: str) -> None:
    body = {"action": action, "alert_id": uuid.uuid4().hex}
    requests.post(installation.stack.demo["webhook_url"], json=body, timeout=30).raise_for_status()


@contextmanager
def _looking(installation: Installation, looks: Looks) -> Iterator[None]:
    over = threading.Event()

    def look_on() -> None:
        started = time.monotonic()
        while not over.wait(LOOK_SECONDS):
            for name, value in _look(installation).items():
                looks[name].append((time.monotonic() - started, value))
        connection.close()

    thread = threading.Thread(target=look_on, name="looking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _look(installation: Installation) -> dict[str, float]:
    found = {}
    for state in supervise.states(installation.stack.settings):
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(state.pid)
            family = [parent, *parent.children(recursive=True)]
            found[f"{state.name}: resident"] = sum(one.memory_info().rss for one in family) / MEGABYTE
            found[f"{state.name}: file handles"] = sum(one.num_fds() for one in family)
    return found | _connections()


def _connections() -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        (postgres,) = cursor.fetchone()
    return {
        "Postgres: connections": postgres,
        "Redis: connections": redis_client().info("clients")["connected_clients"],
    }


def _slopes(looks: Mapping[str, Sequence[tuple[float, float]]]) -> list[Figure]:
    return [_figure(name, points[int(len(points) * WARM_PART) :]) for name, points in sorted(looks.items())]


def _figure(name: str, points: Sequence[tuple[float, float]]) -> Figure:
    unit = "MB/h" if name.endswith("resident") else "/h"
    target = "" if unit == "MB/h" else f"<= {MOST_HANDLES_AN_HOUR} /h"
    return Figure("soak", f"{name}, {points[-1][1]:.0f} at the end", slope(points) * 3600, unit, None, target)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the least-squares slope of value over time; 0 for fewer than two points."""
    count = len(points)
    if count < 2:
        return 0.0
    at, value = (sum(column) / count for column in zip(*points, strict=True))
    spread = sum((x - at) ** 2 for x, _ in points)
    return sum((x - at) * (y - value) for x, y in points) / spread if spread else 0.0
