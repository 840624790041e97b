"""Postgres and Redis that die, freeze, fill up or forget."""

import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg2

from launch import redis_server
from tests.chaos import disk
from tests.chaos.injectors.base import Injector
from tests.chaos.world import RunBroken, World

BACK_SECONDS = 60.0


def _redis_url(world: World) -> str:
    return world.stack.environ["REDIS_URL"]


class Redis(Injector):
    """Killed with its data wiped, frozen, full."""

    name = "redis"
    every = 75.0

    def __init__(self, seed: str, *, freeze_seconds: tuple[float, float] = (20.0, 30.0)) -> None:
        super().__init__(seed)
        self.freeze_seconds = freeze_seconds

    def inject(self, world: World) -> None:
        """One of the three, alone among the servers."""
        with world.alone:
            self.random.choice((self._wipe, self._freeze, self._fill))(world)

    def _wipe(self, world: World) -> None:
        """The files go first: a server that starts finds none."""
        shutil.rmtree(world.state_dir / "redis" / "appendonlydir", ignore_errors=True)
        if world.strike(world.family("redis"), signal.SIGKILL):
            world.count("redis: killed, data wiped")
        _wait(lambda: redis_server.answers(_redis_url(world)), world, "Redis")

    def _freeze(self, world: World) -> None:
        family = world.family("redis")
        try:
            if world.strike(family, signal.SIGSTOP):
                world.count("redis: SIGSTOP")
                world.pause(self.random.uniform(*self.freeze_seconds))
        finally:
            world.strike(family, signal.SIGCONT)

    def _fill(self, world: World) -> None:
        try:
            redis_server.ask(_redis_url(world), "CONFIG", "SET", "maxmemory", "1")
            world.count("redis: memory full")
            world.pause(self.random.uniform(8, 15))
        finally:
            self._give_room(world)

    def _give_room(self, world: World) -> None:
        redis_server.ask(_redis_url(world), "CONFIG", "SET", "maxmemory", "0")

    def heal(self, world: World) -> None:
        """Continue, empty, answer."""
        world.strike(world.family("redis"), signal.SIGCONT)
        _wait(lambda: redis_server.answers(_redis_url(world)), world, "Redis")
        self._give_room(world)


_TRADING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE %s
ORDER BY state_change DESC
"""


class Postgres(Injector):
    """A backend killed (which restarts them all), the whole server killed, links dropped while they commit."""

    name = "postgres"
    every = 60.0

    def inject(self, world: World) -> None:
        """One of the three, alone among the servers."""
        with world.alone:
            self.random.choice((self._backend, self._server, self._links, self._links))(world)
            _wait(lambda: _answers(world), world, "Postgres")

    def _backend(self, world: World) -> None:
        pids = self._asked(world, _TRADING, "%trading_order%")
        if pids and world.strike([psutil.Process(self.random.choice(pids))], signal.SIGKILL):
            world.count("postgres: SIGKILL of a backend")

    def _server(self, world: World) -> None:
        if world.strike(world.family("postgres")[:1], signal.SIGKILL):
            world.count("postgres: SIGKILL of the server")

    def _links(self, world: World) -> None:
        """Cut the connections that are at work with orders right now: some of them are about to commit."""
        cut = self._asked(world, _CUT, "%trading_%")
        if cut:
            world.count("postgres: link dropped in a transaction", len(cut))

    def _asked(self, world: World, statement: str, pattern: str) -> list[int]:
        """Return the first column; looks for a moment when there is something to hit."""
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            try:
                with _linked(world) as link, link.cursor() as cursor:
                    cursor.execute(statement, [pattern])
                    found = [int(row[0]) for row in cursor.fetchall()]
            except psycopg2.Error:
                found = []
            if found:
                return found
            time.sleep(0.02)
        return []

    def heal(self, world: World) -> None:
        """It restarts by itself."""
        _wait(lambda: _answers(world), world, "Postgres")


class FullDisk(Injector):
    """The disk under Postgres is full for some seconds."""

    name = "full disk"
    every = 120.0

    def inject(self, world: World) -> None:
        """Fill it, wait, give the room back."""
        if world.disk is None:
            return
        with world.alone:
            try:
                disk.fill(world.disk)
                world.count("postgres: disk full")
                world.pause(self.random.uniform(5, 12))
            finally:
                disk.give_room(world.disk)
            _wait(lambda: _answers(world), world, "Postgres")

    def heal(self, world: World) -> None:
        """Give the room back."""
        if world.disk is not None:
            disk.give_room(world.disk)


_CUT = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE %s
  AND state IN ('active', 'idle in transaction') AND pg_terminate_backend(pid)
"""


def _linked(world: World) -> Any:
    return closing(psycopg2.connect(world.stack.environ["DATABASE_URL"], connect_timeout=3))


def _answers(world: World) -> bool:
    try:
        with _linked(world) as link, link.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True


def _wait(check: Callable[[], bool], world: World, what: str) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise RunBroken(f"{what} did not come back within {BACK_SECONDS:.0f} s")
        time.sleep(0.1)
