"""The environment every process of the product is started with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from launch import processes
from launch.settings import Settings

# What make and a developer's shell leave behind and a server must not see.
DROPPED_PREFIXES = ("PG", "MAKE", "MFLAGS", "PYTEST_", "SUPERVISOR_")
LIVE_PATH = "/ws/live/"


def for_product(
    settings: Settings,
    *,
    secrets: Mapping[str, str],
    database_url: str,
    redis_url: str,
    inherited: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the complete environment of web, live, workers, simulator and manage.py."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(DROPPED_PREFIXES)}
    return (
        kept
        | dict(secrets)
        | addresses(settings)
        | processes.marker(settings.state_dir)
        | {
            "PYTHONPATH": os.pathsep.join([str(settings.root), str(settings.root / "platform")]),
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(settings.bin_dir), kept.get("PATH", os.defpath)]),
            # Two arenas instead of eight per core: the threads here are many and mostly idle.
            "MALLOC_ARENA_MAX": "2",
            "DJANGO_SETTINGS_MODULE": settings.settings_module,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            # Flower runs without the product's settings; its command line could be listed by everybody.
            "CELERY_BROKER_URL": settings.broker_url or celery_broker(redis_url),
            "FLOWER_BASIC_AUTH": secrets["FLOWER_AUTH"],
            "STATE_DIR": str(settings.state_dir),
            "SHARDS": str(settings.shards),
            "BROKERS": ",".join(settings.brokers),
        }
    )


def addresses(settings: Settings) -> dict[str, str]:
    """Return where each process listens, for the others to find it."""
    return {
        "PORT": str(settings.port),
        "SIMULATOR_PORT": str(settings.simulator_port),
        "SIMULATOR_CLIENTS": str(settings.state_dir / "simulator-clients.json"),
        "BASE_URL": settings.base_url,
        "LIVE_URL": f"{settings.live_url}{LIVE_PATH}",
        "FLOWER_URL": settings.flower_url,
        "SIMULATOR_URL": settings.simulator_url,
    }


def celery_broker(redis_url: str) -> str:
    """Return a Redis URL without a database number as kombu reads it, database 0."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=0"
    return f"{redis_url.rstrip('/')}/0"
