"""The whole product in a private state directory: `make run` for flows, benchmarks and the replay."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch import ownership, places, processes, recover, run, testserver
from launch import settings as launch_settings
from launch.problems import NotReady
from launch.servers import wait_until
from launch.settings import HOST, PORTS_NEEDED, ROOT, Settings
from launch.testserver import STACK_PREFIX, python_path

START_SECONDS = 300.0
STOP_SECONDS = 120.0
SHOWN_BYTES = 4000
PORTS = (20_000, 30_000)
# What describes another installation must not leak into this one.
DROPPED = (
    *("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "STATE_DIR", "PORT", "SHARDS", "SHARD", "HOST_ID"),
    *("DJANGO_SETTINGS_MODULE", "MAKELEVEL", processes.MARKER),
)


@dataclass(frozen=True)
class Stack:
    """A running installation; `demo` is its demo.json, `launcher` the process a person would press Ctrl-C at."""

    settings: Settings
    demo: Mapping[str, Any]
    launcher: subprocess.Popen[bytes]

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment its processes run with: what a script needs to reach its database and Redis."""
        return run.plan_for(self.settings).environ

    @property
    def terminal(self) -> dict[str, str]:
        """Return the environment of a person's other terminal, for calling the launcher's commands."""
        return (
            inherited() | python_path() | {"STATE_DIR": str(self.settings.state_dir), "PORT": str(self.settings.port)}
        )

    def output(self) -> str:
        """Return what the launcher has printed so far."""
        return (self.settings.state_dir / "launcher.out").read_text(errors="replace")


@contextmanager
def running(extra: Mapping[str, str] | None = None, *, state_dir: Path | None = None) -> Iterator[Stack]:
    """Start everything on free ports and stop it at the end; `extra` is set in the environment of every process.

    A given `state_dir` is kept afterwards, one of our own is removed. Raises NotReady with the launcher's last words.
    """
    home = state_dir or Path(tempfile.mkdtemp(prefix=STACK_PREFIX))
    places.prepare_state_dir(home)
    testserver.remove_abandoned()
    processes.write_identity(home / testserver.OWNER_FILE, processes.identity())
    environ = _environ(extra or {}, home)
    settings = launch_settings.from_environ(environ)
    try:
        with _launched(settings, environ) as launcher:
            wait_until(
                lambda: _is_up(settings), what="The installation", seconds=START_SECONDS, give_up=_end(launcher, home)
            )
            yield Stack(settings, json.loads((home / "demo.json").read_text()), launcher)
    finally:
        recover.stop_everything(settings)
        if state_dir is None:
            testserver.remove(home)


def _environ(extra: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the launcher's environment; it is marked, so that it too is found when our own process was killed."""
    mine = {"STATE_DIR": str(home), "PORT": str(free_ports()), **processes.marker(home)}
    return inherited() | python_path() | mine | dict(extra)


def inherited() -> dict[str, str]:
    """Return this process's environment without what describes another installation."""
    return {name: value for name, value in os.environ.items() if name not in DROPPED}


@contextmanager
def _launched(settings: Settings, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (settings.state_dir / "launcher.out").open("wb") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "launch", "run"],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield launcher
    finally:
        _stop(launcher)


def _stop(launcher: subprocess.Popen[bytes]) -> None:
    if launcher.poll() is None:
        launcher.send_signal(signal.SIGTERM)
    try:
        launcher.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        launcher.kill()
        launcher.wait()
        raise NotReady("The launcher did not stop in time.") from error


def _is_up(settings: Settings) -> bool:
    holder = ownership.holder(settings)
    return holder is not None and holder.phase == ownership.RUNNING


def _end(launcher: subprocess.Popen[bytes], home: Path) -> Callable[[], str | None]:
    """Return what tells that the launcher ended instead of getting ready, with its last words."""

    def reason() -> str | None:
        code = launcher.poll()
        if code is None:
            return None
        return f"the launcher ended with {code}:\n{(home / 'launcher.out').read_text(errors='replace')[-SHOWN_BYTES:]}"

    return reason


def free_ports() -> int:
    """Return a port that is free with the ones after it, as far as that can be known without holding them.

    All lie below those the system gives to outgoing connections: what a killed process listened on must still be free
    when it is back. Raises NotReady where none is.
    """
    starts = list(range(*PORTS, PORTS_NEEDED))
    random.shuffle(starts)
    for first in starts:
        if all(_is_free(first + offset) for offset in range(PORTS_NEEDED)):
            return first
    raise NotReady(f"No {PORTS_NEEDED} ports in a row are free between {PORTS[0]} and {PORTS[1]}.")


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
