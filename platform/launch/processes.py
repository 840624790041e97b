"""Who runs for this state directory: found by a marker in the environment, not by pid files alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from launch.problems import StateDirUnusable

# In the environment of every process this launcher starts; never set by a person.
MARKER = "VAYDA_STATE"
TERM_SECONDS = 10.0
KILL_SECONDS = 5.0


@dataclass(frozen=True)
class Identity:
    """A process for good: pids are reused, pids with their start time are not."""

    pid: int
    started_at: float


def marker(state_dir: Path) -> dict[str, str]:
    """Return the environment that marks a process as belonging to `state_dir`."""
    return {MARKER: str(state_dir)}


def identity(pid: int | None = None) -> Identity:
    """Return this process's identity, or another's; raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    return Identity(process.pid, process.create_time())


def write_identity(path: Path, who: Identity) -> None:
    """Store an identity as `pid start-time`, replacing the file whole."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(f"{who.pid} {who.started_at:.2f}\n")
    fresh.replace(path)


def read_identity(path: Path) -> Identity | None:
    """Return the stored identity; None when there is none or the file is torn."""
    try:
        pid, started_at = path.read_text().split()
        return Identity(int(pid), float(started_at))
    except (OSError, ValueError):
        return None


def is_alive(who: Identity | None) -> bool:
    """Say whether that very process still runs; a zombie does not."""
    if who is None:
        return False
    try:
        process = psutil.Process(who.pid)
        # The file keeps two decimals and the kernel counts hundredths of a second.
        is_same = abs(process.create_time() - who.started_at) < 1
        return is_same and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def survivors(state_dir: Path, *, data_dirs: Iterable[Path] = ()) -> list[psutil.Process]:
    """Return every process of this state directory but ourselves and our ancestors.

    Postgres and Redis overwrite their environment with their title: they are known by their working directory.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    homes = {str(path) for path in data_dirs}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in spared and _belongs(process, state_dir, homes)
    ]


def _belongs(process: psutil.Process, state_dir: Path, homes: set[str]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(MARKER) == str(state_dir) or (bool(homes) and process.cwd() in homes)
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False


def stop_all(found: Iterable[psutil.Process], *, first: signal.Signals = signal.SIGTERM) -> list[int]:
    """Ask processes to stop and kill what stays; returns the pids that had to be killed.

    Only those whose parent is not among them are asked: a server stops its own children, in its own order.
    """
    everyone = list(found)
    pids = {process.pid for process in everyone}
    for process in everyone:
        if _parent(process) not in pids:
            _signal(process, first)
    _, left = psutil.wait_procs(everyone, timeout=TERM_SECONDS)
    killed = [process for process in left if _signal(process, signal.SIGKILL)]
    _, immortal = psutil.wait_procs(killed, timeout=KILL_SECONDS)
    if immortal:
        raise StateDirUnusable(f"Processes {[process.pid for process in immortal]} do not die.")
    return [process.pid for process in killed]


def _parent(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return 0


def _signal(process: psutil.Process, what: signal.Signals) -> bool:
    try:
        process.send_signal(what)
    except psutil.NoSuchProcess:
        return False
    return True
