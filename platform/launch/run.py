"""`make run`: everything up, one screen, and everything down at Ctrl-C, SIGTERM or when make is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from launch import (
    credentials,
    doctor,
    environment,
    ownership,
    postgres_server,
    prepare,
    processes,
    ready,
    recover,
    redis_server,
    screen,
    supervise,
)
from launch.places import prepare_state_dir
from launch.prepare import Manage
from launch.problems import NotReady, ServerUnreachable
from launch.programs import Program, app_programs, server_program
from launch.servers import Server, wait_until
from launch.settings import Settings

SERVERS_SECONDS = 60.0
APP_SECONDS = 120.0
MARKET_SECONDS = 240.0
WATCH_SECONDS = 0.5
# Ten processes share the cores while they start: asking more often would only slow them.
ASK_SECONDS = 0.3


class StopAsked(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP: not an error, and no `except Exception` may swallow it."""


@dataclass(frozen=True)
class Plan:
    """What is started: the embedded servers (none when both URLs were given) and the servers' URLs."""

    settings: Settings
    servers: tuple[Server, ...]
    database_url: str
    redis_url: str
    secrets: dict[str, str]

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of every process of the product."""
        return environment.for_product(
            self.settings, secrets=self.secrets, database_url=self.database_url, redis_url=self.redis_url
        )


def run(settings: Settings) -> int:
    """Start, show the screen, wait to be stopped, stop. Returns 0 after a wished-for stop."""
    return hold(settings, _start_and_watch)


def hold(settings: Settings, work: Callable[[Settings, float], None]) -> int:
    """Own the state directory, do the work until a stop signal, and leave nothing running behind it."""
    started = time.monotonic()
    prepare_state_dir(settings.state_dir)
    with ownership.lock(settings):
        try:
            with _stop_signals():
                work(settings, started)
        except StopAsked:
            return 0
        finally:
            _stop(settings)
    return 0


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Turn the first stop signal into StopAsked; the following ones are ignored while all is stopped."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ask(_number: int, _frame: object) -> None:
        for number in watched:
            signal.signal(number, signal.SIG_IGN)
        raise StopAsked

    for number in watched:
        signal.signal(number, ask)
    yield


def _stop(settings: Settings) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ownership.write_phase(settings, ownership.STOPPING)
    if not recover.running(settings):
        return
    _say("Stopping every process …")
    stopped = recover.stop_everything(settings)
    _say(f"Stopped {len(stopped)} processes. Nothing of {settings.state_dir} runs any more.")


def _start_and_watch(settings: Settings, started: float) -> None:
    progress = screen.Progress()
    clean_up(settings, progress)
    doctor.refuse_to_start(settings)
    supervisor, plan = _start(settings, progress)
    progress.clear()
    demo = screen.write_demo(settings, flower_auth=plan.secrets["FLOWER_AUTH"])
    ownership.write_phase(settings, ownership.RUNNING)
    print(screen.page(settings, demo, seconds=time.monotonic() - started), flush=True)
    watch(settings, supervisor)


def clean_up(settings: Settings, progress: screen.Progress) -> None:
    """End what a killed launcher left: start-up and recovery are the same path."""
    if recover.running(settings):
        progress.show("Recovering: stopping what an earlier start left running")
        recover.stop_everything(settings)
        progress.clear()


def plan_for(settings: Settings) -> Plan:
    """Decide what is embedded and what is given; makes the secrets and the database cluster at first use."""
    marker = processes.marker(settings.state_dir)
    postgres = None if settings.database_url else postgres_server.embedded(settings.state_dir, marker=marker)
    redis = None if settings.redis_url else redis_server.embedded(settings.state_dir, marker=marker)
    return Plan(
        settings=settings,
        servers=tuple(server for server in (postgres, redis) if server),
        database_url=settings.database_url or (postgres.url if postgres else ""),
        redis_url=settings.redis_url or (redis.url if redis else ""),
        secrets=credentials.load_or_make(settings.state_dir),
    )


def _start(settings: Settings, progress: screen.Progress) -> tuple[subprocess.Popen[bytes], Plan]:
    progress.show("Starting Postgres and Redis")
    plan = plan_for(settings)
    supervisor = supervise.start(settings, _programs(plan), plan.environ)
    _wait_for_servers(plan, supervisor)
    _prepare(Manage(settings, plan.environ), database_url=plan.database_url, progress=progress)
    progress.show("Starting the processes")
    supervise.start_app(settings)
    _wait_for_app(settings, supervisor, progress)
    return supervisor, plan


def _prepare(manage: Manage, *, database_url: str, progress: screen.Progress) -> None:
    """Bring database, static files and demo up to date; a later start finds nothing to do."""
    settings = manage.settings
    progress.show("Migrating the database")
    finish_static = prepare.start_collecting(manage)
    try:
        if prepare.migrate(manage, database_url=database_url):
            prepare.forget_seed(settings)
    finally:
        finish_static()
    progress.show("Seeding the demo")
    prepare.seed(manage, output=settings.state_dir / screen.SEED_FILE, today=datetime.now(UTC).date())


def _programs(plan: Plan) -> list[Program]:
    return [*map(server_program, plan.servers), *app_programs(plan.settings)]


def _wait_for_servers(plan: Plan, supervisor: subprocess.Popen[bytes]) -> None:
    """Wait until both servers answer and the database exists; given ones must answer, too."""
    settings = plan.settings

    def trouble() -> str | None:
        return supervisor_trouble(settings, supervisor)

    wait_until(lambda: supervise.answers(settings), what="supervisord", seconds=SERVERS_SECONDS, give_up=trouble)
    for server in plan.servers:
        wait_until(server.answers, what=server.name, seconds=SERVERS_SECONDS, give_up=trouble)
        if server.name == "postgres":
            postgres_server.create_database(server.url)
    postgres_server.server_time(plan.database_url)
    if not redis_server.answers(plan.redis_url):
        raise ServerUnreachable("Redis does not answer at REDIS_URL.")


def supervisor_trouble(settings: Settings, supervisor: subprocess.Popen[bytes]) -> str | None:
    """Return why waiting for the processes is in vain; None while it is not."""
    if supervisor.poll() is not None:
        return f"supervisord ended; see {settings.log_dir / 'supervisord.out'}"
    return supervise.given_up(settings) if supervise.answers(settings) else None


def _wait_for_app(settings: Settings, supervisor: subprocess.Popen[bytes], progress: screen.Progress) -> None:
    def is_up() -> bool:
        missing = ready.waiting_for(settings) or supervise.starting(settings)
        progress.show(f"Waiting for {', '.join(missing)}" if missing else "Ready")
        return not missing

    def trouble() -> str | None:
        return supervisor_trouble(settings, supervisor)

    def market_is_up() -> bool:
        progress.show("Waiting for the market's first prices")
        return ready.market_is_ready(settings)

    try:
        wait_until(is_up, what="The processes", seconds=APP_SECONDS, every=ASK_SECONDS, give_up=trouble)
        if settings.seed == "demo":  # a recorded day opens when its clock says so
            wait_until(market_is_up, what="The demo market", seconds=MARKET_SECONDS, every=1.0, give_up=trouble)
    except NotReady as error:
        said = ready.get(settings.port, "/readyz")
        raise NotReady(f"{error} /readyz says {said.status}: {said.body[:500]}") from error


def watch(settings: Settings, supervisor: subprocess.Popen[bytes]) -> None:
    """Stay in the foreground until supervisord ends or the make that started us is gone."""
    parent = ownership.own_parent()
    while parent is None or processes.is_alive(parent):
        try:
            supervisor.wait(WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        raise NotReady(f"supervisord ended by itself; see {settings.log_dir / 'supervisord.log'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
