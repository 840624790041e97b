"""Throw-away Postgres and Redis for one test run: fast, private, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from launch import postgres_server, processes, redis_server
from launch.places import data_dir, prepare_state_dir, server_owner
from launch.servers import Server, scrubbed_command, wait_until
from launch.settings import ROOT

PREFIX = "vayda-test-"
STACK_PREFIX = "vayda-stack-"
# Who made the directory: when that process is dead, the next run cleans up after it.
OWNER_FILE = "owner"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
STOP_SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM}


@dataclass(frozen=True)
class TestServers:
    """Where the running pair is; `state_dir` is removed when they stop."""

    __test__ = False

    state_dir: Path
    database_url: str
    redis_url: str

    @property
    def environ(self) -> dict[str, str]:
        """Return the variables the product's settings read."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "STATE_DIR": str(self.state_dir),
        }


@contextmanager
def running() -> Iterator[TestServers]:
    """Start both servers in a private directory and stop them at the end, whatever happened in between."""
    remove_abandoned()
    with ExitStack() as stack:
        state_dir = Path(tempfile.mkdtemp(prefix=PREFIX))
        stack.callback(remove, state_dir)
        prepare_state_dir(state_dir)
        processes.write_identity(state_dir / OWNER_FILE, processes.identity())
        marker = processes.marker(state_dir)
        postgres = postgres_server.embedded(state_dir, marker=marker, durable=False)
        redis = redis_server.embedded(state_dir, marker=marker, durable=False)
        for server in (postgres, redis):
            stack.enter_context(serving(server, log=state_dir / "logs" / f"{server.name}.log"))
        for server in (postgres, redis):
            wait_until(server.answers, what=server.name, seconds=START_SECONDS)
        postgres_server.create_database(postgres.url)
        stack.callback(stop_left, state_dir)
        yield TestServers(state_dir, postgres.url, redis.url)


@contextmanager
def beside(state_dir: Path, name: str) -> Iterator[dict[str, str]]:
    """Give one of several workers of a run a Redis and directories of its own; yields its variables.

    Redis tells every subscriber, whichever of its databases they use: one Redis cannot serve two workers. In a
    temporary directory of its own a worker meets no other that cleans up after abandoned runs.
    """
    own = prepare_state_dir(state_dir / name)
    temporary = own / "tmp"
    temporary.mkdir(mode=0o711)
    redis = redis_server.embedded(own, marker=processes.marker(state_dir), durable=False)
    with serving(redis, log=own / "logs" / "redis.log"):
        wait_until(redis.answers, what=redis.name, seconds=START_SECONDS)
        yield {"REDIS_URL": redis.url, "STATE_DIR": str(own), "TMPDIR": str(temporary)}


@contextmanager
def serving(server: Server, *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one server as our child, in a session of its own so that Ctrl-C does not hit it first."""
    owner = server_owner() if server.owner else None
    who = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    with log.open("ab") as output:
        child = subprocess.Popen(  # type: ignore[call-overload]
            scrubbed_command(server.argv, server.environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **who,
        )
    try:
        yield child
    finally:
        _stop(child, STOP_SIGNALS[server.stop_signal])


def _stop(child: subprocess.Popen[bytes], how: signal.Signals) -> None:
    child.send_signal(how)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def run(arguments: Sequence[str]) -> int:
    """Run pytest with the servers up and return its exit code; SIGTERM ends pytest, then the servers."""
    with running() as servers:
        environ = os.environ | servers.environ | python_path() | processes.marker(servers.state_dir)
        return _run_pytest(arguments, environ)


def python_path() -> dict[str, str]:
    """Return PYTHONPATH with both import roots: for pytest and for every process its tests start."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")])}


def _run_pytest(arguments: Sequence[str], environ: dict[str, str]) -> int:
    def forward(number: int, _frame: object) -> None:
        child.send_signal(number)

    child = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environ)
    # Ctrl-C reaches pytest from the terminal itself; it must only not kill us before the servers stop.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, forward)
    code = child.wait()
    return code if code >= 0 else 128 - code


def remove_abandoned() -> None:
    """Stop and remove what an earlier run left that was killed before it could clean up."""
    temporary = Path(tempfile.gettempdir())
    for state_dir in (*temporary.glob(f"{PREFIX}*"), *temporary.glob(f"{STACK_PREFIX}*")):
        if _is_ours(state_dir) and not processes.is_alive(processes.read_identity(state_dir / OWNER_FILE)):
            stop_left(state_dir)
            remove(state_dir)


def _is_ours(state_dir: Path) -> bool:
    """Say whether we made it; one without an owner is just being made, or somebody else's."""
    try:
        return state_dir.stat().st_uid == os.geteuid() and (state_dir / OWNER_FILE).exists()
    except OSError:
        return False


def stop_left(state_dir: Path) -> None:
    """Stop every process of one test run that is still there."""
    processes.stop_all(belonging_to(state_dir), first=signal.SIGINT)


def belonging_to(state_dir: Path) -> list[psutil.Process]:
    """Return every process of one test run, those of its workers included."""
    return processes.survivors(
        state_dir, data_dirs=[data_dir(state_dir), state_dir / "redis", *state_dir.glob("*/redis")]
    )


def remove(state_dir: Path) -> None:
    """Delete a state directory and what of it lies outside."""
    for home in {data_dir(state_dir).parent, state_dir}:
        shutil.rmtree(home, ignore_errors=True)
