"""A whole running installation for benchmarks, and the accounts a wave needs, made directly in its database.

The processes are those a user runs; only the rows are made by hand, because two hundred people signing up is not what
is measured. Postgres keeps commit times here, so that what was committed before what is a fact and not a belief.

``python -m tests.bench.installation wave`` starts one and measures ``tests.bench.wave`` on it.
"""

import asyncio
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import aiohttp
import django
import requests

from launch import places, postgres_server, processes, stack, testserver
from launch.stack import Stack
from tests.bench.record import record

T = TypeVar("T")


def wait_for(what: Callable[[], T], *, within: float, message: str) -> T:
    """Poll until something is truthy and return it; raises ``TimeoutError`` naming what did not come."""
    deadline = time.monotonic() + within
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{message} did not come about within {within:.0f} s")
        time.sleep(0.1)
    return value


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation whose database this process may use."""

    stack: Stack

    @property
    def state_dir(self) -> Path:
        """Where its files lie."""
        return self.stack.settings.state_dir

    @property
    def simulator_url(self) -> str:
        """The simulated exchange."""
        return self.stack.settings.simulator_url

    def simulate(self, path: str, body: dict[str, Any]) -> Any:
        """Use the simulated exchange's control endpoint."""
        answer = requests.post(f"{self.simulator_url}/control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def ledger(self) -> "Ledger":
        """Return a reader of the exchange's ledger from here on."""
        path = self.state_dir / "simulator" / "ledger.jsonl"
        return Ledger(path, path.stat().st_size if path.exists() else 0)

    def log(self, name: str) -> str:
        """Return one process's log."""
        return (self.state_dir / "logs" / f"{name}.log").read_text(errors="replace")


@dataclass(slots=True)
class Ledger:
    """What the exchange wrote down since a moment."""

    path: Path
    offset: int

    def rows(self) -> list[dict[str, Any]]:
        """Return every whole line since the start."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            lines = file.read().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def placed(self, event: str, *, side: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of placed orders with that event."""
        found = (row for row in self.rows() if row["event"] == event and row.get("endpoint") == "orders.place")
        return [row for row in found if side is None or row["side"] == side]


@contextmanager
def installed() -> Iterator[Installation]:
    """Start an installation, set Django up for its database, and leave nothing behind."""
    home = Path(mkdtemp(prefix=testserver.STACK_PREFIX))
    try:
        places.prepare_state_dir(home)
        processes.write_identity(home / testserver.OWNER_FILE, processes.identity())
        _keep_commit_times(home)
        with stack.running(state_dir=home) as running:
            os.environ.update(running.environ)
            django.setup()
            yield Installation(running)
    finally:
        if not os.environ.get("KEEP_STATE"):
            testserver.remove(home)


def _keep_commit_times(home: Path) -> None:
    """Make the cluster and have it remember when each transaction was committed."""
    server = postgres_server.embedded(home, marker=processes.marker(home))
    with (server.data_dir / "postgresql.conf").open("a") as conf:
        conf.write("track_commit_timestamp = on\n")


def add_clients(installation: Installation, names: Sequence[str]) -> None:
    """Make customers of the simulated broker whose keys follow from their names."""
    clients = [{"client": name, "api_key": f"{name}key", "api_secret": f"{name}secret"} for name in names]
    installation.simulate("clients", {"clients": clients})


def tokens_of(installation: Installation, names: Sequence[str]) -> dict[str, str]:
    """Sign the clients in at the exchange; returns each one's access token."""
    return asyncio.run(_sign_in(installation.simulator_url, names))


async def _sign_in(url: str, names: Sequence[str]) -> dict[str, str]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:
        tokens = await asyncio.gather(*(_token(session, url, name) for name in names))
    return dict(zip(names, tokens, strict=True))


async def _token(session: aiohttp.ClientSession, url: str, name: str) -> str:
    async with session.post(f"{url}/control/request-token", json={"client": name}) as answer:
        request_token = (await answer.json())["request_token"]
    checksum = hashlib.sha256(f"{name}key{request_token}{name}secret".encode()).hexdigest()
    form = {"api_key": f"{name}key", "request_token": request_token, "checksum": checksum}
    async with session.post(f"{url}/zerodha/session/token", data=form) as answer:
        token: str = (await answer.json())["data"]["access_token"]
    return token


def lifetime() -> timedelta:
    """How long the sessions made here last."""
    return timedelta(hours=6)


def main(names: Sequence[str]) -> None:
    """Measure each named benchmark on an installation of its own; they need Django, so they are imported after it."""
    for name in names:
        with installed() as installation:
            record(importlib.import_module(f"tests.bench.{name}").measure(installation))


if __name__ == "__main__":
    main(sys.argv[1:])
