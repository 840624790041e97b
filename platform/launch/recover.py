"""Ending whatever runs for a state directory, in order, however it came to run."""

from __future__ import annotations

import signal

import psutil  # type: ignore[import-untyped]

from launch import processes
from launch.places import data_dir
from launch.settings import Settings
from launch.supervise import IDENTITY_FILE

# Longer than all groups' stopwaitsecs together: supervisord stops them one after the other.
SUPERVISOR_SECONDS = 90.0


def running(settings: Settings) -> list[psutil.Process]:
    """Return every process of this state directory but ourselves."""
    home = data_dir(settings.state_dir)
    return processes.survivors(settings.state_dir, data_dirs=[home, settings.state_dir / "redis"])


def stop_everything(settings: Settings) -> list[int]:
    """Stop supervisord and, with it, everything in order; then what it had lost. Returns the pids stopped."""
    found = running(settings)
    supervisor = processes.read_identity(settings.state_dir / IDENTITY_FILE)
    if processes.is_alive(supervisor) and supervisor is not None:
        _stop_supervisor(supervisor.pid)
    _sweep(settings)
    (settings.state_dir / IDENTITY_FILE).unlink(missing_ok=True)
    return [process.pid for process in found]


def _stop_supervisor(pid: int) -> None:
    """Ask supervisord to end its groups and wait; one that hangs is killed and its children are swept."""
    try:
        supervisor = psutil.Process(pid)
        supervisor.terminate()
        psutil.wait_procs([supervisor], timeout=SUPERVISOR_SECONDS)
        if supervisor.is_running() and supervisor.status() != psutil.STATUS_ZOMBIE:
            supervisor.kill()
    except psutil.NoSuchProcess:
        return


def _sweep(settings: Settings) -> None:
    """Stop what no supervisor answers for: the product, then Redis, then Postgres with its fast stop."""
    home = data_dir(settings.state_dir)
    servers = {str(home): signal.SIGINT, str(settings.state_dir / "redis"): signal.SIGTERM}
    left = running(settings)
    product = [process for process in left if _cwd(process) not in servers]
    processes.stop_all(product)
    for where in reversed(servers):
        processes.stop_all([process for process in left if _cwd(process) == where], first=servers[where])


def _cwd(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
