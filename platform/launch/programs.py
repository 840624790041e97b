"""The table of processes: what runs, how it is started, how it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launch.servers import Server, scrubbed_command
from launch.settings import HOST, Settings

# Groups are started in this order and stopped in reverse, each fully gone before the next is asked.
POSTGRES, REDIS, APP = "postgres", "redis", "app"
GROUP_PRIORITY = {POSTGRES: 10, REDIS: 20, APP: 30}
# An order being sent is never cut: longer than the longest broker timeout with its answer's commit.
WORKER_STOP_SECONDS = 30
SERVER_STOP_SECONDS = 30
QUICK_STOP_SECONDS = 10
# An import that fails takes longer than the usual second: a process that lives this long has started.
APP_START_SECONDS, SERVER_START_SECONDS = 4, 1
WEB_THREADS = 4
TIME_ZONE = "Asia/Kolkata"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One supervised process.

    It counts as started after living `start_seconds`, and is killed when it has not stopped within `stop_seconds`.

    `environ` is written to a file: no secret belongs there.
    """

    name: str
    argv: tuple[str, ...]
    group: str = APP
    stop_signal: str = "TERM"
    start_seconds: int = APP_START_SECONDS
    stop_seconds: int = QUICK_STOP_SECONDS
    user: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


def server_program(server: Server) -> Program:
    """Return an embedded server as a supervised process."""
    return Program(
        name=server.name,
        argv=scrubbed_command(server.argv, server.environ),
        group=server.name,
        start_seconds=SERVER_START_SECONDS,
        stop_signal=server.stop_signal,
        stop_seconds=SERVER_STOP_SECONDS,
        user=server.owner,
    )


def app_programs(settings: Settings) -> tuple[Program, ...]:
    """Return every process of the product, the ones others wait for first."""
    return (
        _simulator(settings),
        _web(settings),
        _live(settings),
        _worker(settings, name="feed", queue="feed"),
        _worker(settings, name="signals", queue="signals"),
        *execution_programs(settings),
        _worker(settings, name="sessions", queue="sessions"),
        _worker(settings, name="jobs", queue="jobs"),
        _beat(settings),
        _flower(settings),
    )


def execution_programs(settings: Settings) -> tuple[Program, ...]:
    """Return the execution workers of this machine: all that a second machine runs."""
    return tuple(_execution(settings, shard) for shard in settings.shards_here)


def _named(name: str, **more: str) -> dict[str, str]:
    return {"VAYDA_PROCESS": name, **more}


def _program(settings: Settings, name: str) -> str:
    return str(Path(settings.bin_dir) / name)


def _web(settings: Settings) -> Program:
    argv = (
        *(_program(settings, "granian"), "--interface", "wsgi", "--host", HOST, "--port", str(settings.port)),
        *("--workers", "1", "--blocking-threads", str(WEB_THREADS), "--no-ws", "--http", "1"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "5", "--no-access-log"),
        "config.wsgi:application",
    )
    return Program(name="web", argv=argv, environ=_named("web"))


def _live(settings: Settings) -> Program:
    argv = (
        *(_program(settings, "uvicorn"), "config.asgi:application", "--host", HOST),
        *("--port", str(settings.live_port), "--ws", "websockets-sansio", "--ws-max-size", "65536"),
        *("--ws-per-message-deflate", "false", "--lifespan", "off", "--no-access-log", "--no-server-header"),
        *("--timeout-graceful-shutdown", "3"),
    )
    return Program(name="live", argv=argv, environ=_named("live"))


def _worker(settings: Settings, *, name: str, queue: str, environ: Mapping[str, str] | None = None) -> Program:
    argv = (_program(settings, "python"), "-m", "config.start", queue)
    return Program(name=name, argv=argv, stop_seconds=WORKER_STOP_SECONDS, environ=_named(name, **(environ or {})))


def _execution(settings: Settings, shard: int) -> Program:
    environ = {"VAYDA_SHARD": str(shard)}
    return _worker(settings, name=f"execution-{shard}", queue=f"execution.{shard}", environ=environ)


def _beat(settings: Settings) -> Program:
    argv = (_program(settings, "python"), "-m", "config.start", "beat")
    return Program(name="beat", argv=argv, environ=_named("beat"))


def _flower(settings: Settings) -> Program:
    """Flower needs the broker only: without DJANGO_SETTINGS_MODULE it does not load the product."""
    argv = (
        *("/usr/bin/env", "-u", "DJANGO_SETTINGS_MODULE", _program(settings, "celery"), "flower"),
        *(f"--address={HOST}", f"--port={settings.flower_port}", "--url_prefix=ops/flower"),
        *("--max_tasks=2000", "--max_workers=200"),
    )
    # Django puts every worker on its own time zone; events from a process in another look hours old to Flower.
    return Program(name="flower", argv=argv, environ=_named("flower", TZ=TIME_ZONE))


def _simulator(settings: Settings) -> Program:
    argv = (_program(settings, "python"), "-m", "simulator")
    return Program(name="simulator", argv=argv, environ=_named("simulator"))
