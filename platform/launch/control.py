"""`make down`, `make status` and `make logs`: for any terminal, with or without a living launcher."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import psutil  # type: ignore[import-untyped]

from launch import ownership, processes, recover, supervise
from launch.logfiles import Tail
from launch.problems import BadSetting, NotRunning
from launch.settings import Settings

DOWN_SECONDS = 120.0
POLL_SECONDS = 0.3
MEGABYTE = 1024 * 1024
CPU_SECONDS = 0.3


def down(settings: Settings) -> int:
    """Stop everything of this state directory; fine when nothing runs."""
    holder = ownership.holder(settings)
    if holder is not None:
        _ask_launcher(holder)
    left = recover.stop_everything(settings) if settings.state_dir.exists() else []
    print("Stopped." if holder or left else f"Nothing runs under {settings.state_dir}.")
    return 0


def _ask_launcher(holder: ownership.Holder) -> None:
    try:
        launcher = psutil.Process(holder.launcher.pid)
        launcher.terminate()
        psutil.wait_procs([launcher], timeout=DOWN_SECONDS)
    except psutil.NoSuchProcess:
        return


@dataclass(frozen=True)
class Row:
    """One line of the status table."""

    name: str
    state: str
    pid: str
    uptime: str
    memory: str
    cpu: str


def status(settings: Settings) -> int:
    """Print every process with its children's memory and CPU; raises NotRunning."""
    supervised = supervise.states(settings)
    states = [*supervised, *_own_processes(settings)]
    measured = _measure({state.name: _family(state.pid, alone=state not in supervised) for state in states})
    rows = [_row(state, *measured[state.name]) for state in states]
    total = sum(memory for memory, _ in measured.values())
    for row in (Row("process", "state", "pid", "uptime", "resident", "cpu"), *rows):
        print(f"{row.name:<14} {row.state:<9} {row.pid:>7} {row.uptime:>9} {row.memory:>9} {row.cpu:>6}")
    print(f"{'together':<14} {'':<9} {'':>7} {'':>9} {total / MEGABYTE:>6.0f} MB")
    return 0 if all(state.state == "RUNNING" for state in supervised) else 1


def _own_processes(settings: Settings) -> list[supervise.State]:
    """Return what is not supervised and yet takes memory: supervisord itself and a living launcher."""
    holder = ownership.holder(settings)
    known = {
        "supervisord": processes.read_identity(settings.state_dir / supervise.IDENTITY_FILE),
        "launcher": holder.launcher if holder else None,
    }
    return [
        supervise.State(name=name, state="RUNNING", pid=who.pid, seconds=int(time.time() - who.started_at), said="")
        for name, who in known.items()
        if who is not None and processes.is_alive(who)
    ]


def _family(pid: int, *, alone: bool) -> list[psutil.Process]:
    """Return a process and, unless `alone`, its descendants; empty when it is gone."""
    try:
        parent = psutil.Process(pid) if pid else None
        return [parent, *([] if alone else parent.children(recursive=True))] if parent else []
    except psutil.NoSuchProcess:
        return []


def _measure(families: dict[str, list[psutil.Process]]) -> dict[str, tuple[int, float]]:
    """Return resident bytes and CPU percent of one core, per family; CPU over a short while."""
    for process in (member for family in families.values() for member in family):
        _quietly(process.cpu_percent)
    time.sleep(CPU_SECONDS)
    return {
        name: (
            int(sum(_quietly(partial(_resident, member)) for member in family)),
            sum(_quietly(member.cpu_percent) for member in family),
        )
        for name, family in families.items()
    }


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _quietly(ask: Callable[[], float]) -> float:
    """Return what a process says of itself, 0 when it is gone meanwhile."""
    try:
        return float(ask())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0


def _row(state: supervise.State, memory: int, cpu: float) -> Row:
    minutes, seconds = divmod(state.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return Row(
        name=state.name,
        state=state.state,
        pid=str(state.pid or "-"),
        uptime=f"{hours}:{minutes:02}:{seconds:02}" if state.pid else "-",
        memory=f"{memory / MEGABYTE:.0f} MB" if state.pid else "-",
        cpu=f"{cpu:.0f}%" if state.pid else "-",
    )


def logs(settings: Settings, names: Sequence[str]) -> int:
    """Follow the named processes' logs, or all, each line with its process's name; ends at Ctrl-C."""
    tails = _tails(settings, names)
    for tail in tails.values():
        tail.skip_to_end(keep=2000)
    width = max(len(name) for name in tails)
    try:
        while True:
            _print_new(tails.items(), width)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return 0


def _tails(settings: Settings, names: Sequence[str]) -> dict[str, Tail]:
    found = {path.stem: Tail(path) for path in sorted(settings.log_dir.glob("*.log"))}
    if not found:
        raise NotRunning(f"No logs under {settings.log_dir}: nothing was started there yet.")
    unknown = [name for name in names if name not in found]
    if unknown:
        raise BadSetting(f"No log named {', '.join(unknown)}; there are {', '.join(found)}.")
    return {name: tail for name, tail in found.items() if not names or name in names}


def _print_new(tails: Iterable[tuple[str, Tail]], width: int) -> None:
    for name, tail in tails:
        for line in tail.new_lines():
            print(f"{name:<{width}} | {line}")
    sys.stdout.flush()
