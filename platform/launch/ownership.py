"""One launcher per state directory: a file lock, and beside it who holds it and what it is doing."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from launch import processes
from launch.problems import AlreadyRunning
from launch.processes import Identity
from launch.settings import Settings

LOCK_FILE = "launcher.lock"
STATE_FILE = "launcher.json"
# A launcher that is stopping needs as long as its slowest worker, and so does one that wants its place.
TAKEOVER_SECONDS = 120.0
POLL_SECONDS = 0.2
STARTING, RUNNING, STOPPING = "starting", "running", "stopping"


@dataclass(frozen=True)
class Holder:
    """The launcher of a state directory; `parent` is the make that started it, None for a person's shell."""

    launcher: Identity
    parent: Identity | None
    phase: str
    port: int

    @property
    def is_ending(self) -> bool:
        """Say whether it is on its way out: asked to stop, or its make was killed."""
        return self.phase == STOPPING or (self.parent is not None and not processes.is_alive(self.parent))


def own_parent() -> Identity | None:
    """Return the make that runs us: when it is killed we must not stay behind."""
    return processes.identity(os.getppid()) if os.environ.get("MAKELEVEL") else None


def write_phase(settings: Settings, phase: str) -> None:
    """Tell other terminals what this launcher is doing."""
    holder = Holder(processes.identity(), own_parent(), phase, settings.port)
    fresh = settings.state_dir / f"{STATE_FILE}.new"
    fresh.write_text(json.dumps(asdict(holder)))
    fresh.replace(settings.state_dir / STATE_FILE)


def holder(settings: Settings) -> Holder | None:
    """Return the living launcher of this state directory; None when there is none."""
    try:
        found = json.loads((settings.state_dir / STATE_FILE).read_text())
        parent = Identity(**found["parent"]) if found["parent"] else None
        known = Holder(Identity(**found["launcher"]), parent, found["phase"], found["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if processes.is_alive(known.launcher) else None


@contextmanager
def lock(settings: Settings) -> Iterator[None]:
    """Hold the state directory while the block runs; raises AlreadyRunning when another launcher does."""
    with (settings.state_dir / LOCK_FILE).open("a") as file:
        _acquire(settings, file.fileno())
        write_phase(settings, STARTING)
        try:
            yield
        finally:
            (settings.state_dir / STATE_FILE).unlink(missing_ok=True)


def _acquire(settings: Settings, descriptor: int) -> None:
    deadline = time.monotonic() + TAKEOVER_SECONDS
    while not _try(descriptor):
        other = holder(settings)
        if (other is not None and not other.is_ending) or time.monotonic() > deadline:
            raise AlreadyRunning(_already(settings, other))
        time.sleep(POLL_SECONDS)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _already(settings: Settings, other: Holder | None) -> str:
    who = f" (pid {other.launcher.pid}, port {other.port})" if other else ""
    return f"Already running under {settings.state_dir}{who}. Use `make down`, or set PORT and STATE_DIR."
