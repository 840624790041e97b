"""`make doctor`: what is wrong with this machine or this installation, each cause with its own exit code."""

from __future__ import annotations

import resource
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from launch import binaries, postgres_server, ready, recover, redis_server
from launch.places import fallback_socket_dir, fits_socket, prepare_state_dir, server_owner, socket_dir
from launch.problems import (
    ClockOff,
    DiskFull,
    LaunchError,
    PortTaken,
    PythonTooOld,
    RedisTooOld,
    StateDirUnusable,
    TooFewHandles,
)
from launch.settings import Settings

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
# A connection for each account of a shard and for each browser, and the files beside them.
MIN_HANDLES, WANTED_HANDLES = 1024, 65_536
MIN_FREE_BYTES = 512 * 1024 * 1024
# Wider than network and scheduling noise, far narrower than a signal's 60 s of life.
CLOCK_TOLERANCE = timedelta(seconds=5)
# The product did not exist before, and its calendars end long after.
PLAUSIBLE_YEARS = range(2026, 2100)
GIGABYTE = 1024**3


@dataclass(frozen=True)
class Finding:
    """One check's result; `problem` is None when it is fine, and `said` is what to print either way."""

    check: str
    said: str
    problem: LaunchError | None = None


Check = Callable[[Settings], str]


def doctor(settings: Settings) -> int:
    """Print every check and return the first problem's exit code, 0 when there is none."""
    findings = list(examine(settings, CHECKS))
    for finding in findings:
        print(f"{'PROBLEM' if finding.problem else 'ok':<8} {finding.check:<10} {finding.said}")
    problems = [finding.problem for finding in findings if finding.problem]
    return problems[0].code if problems else 0


def refuse_to_start(settings: Settings, *, but: Collection[str] = ()) -> None:
    """Raise the first problem that would make a start fail or unsafe; the checks named in `but` are left out."""
    for finding in examine(settings, {name: check for name, check in CHECKS.items() if name not in but}):
        if finding.problem:
            raise finding.problem


def examine(settings: Settings, checks: dict[str, Check]) -> Iterator[Finding]:
    """Run checks in order; a LaunchError is a finding, anything else is a bug."""
    for name, check in checks.items():
        try:
            yield Finding(name, check(settings))
        except LaunchError as error:
            yield Finding(name, str(error), error)
            if isinstance(error, StateDirUnusable):
                return  # the other checks look inside it


def check_python(_settings: Settings, *, version: tuple[int, ...] = sys.version_info[:3]) -> str:
    """Raise PythonTooOld unless the requirements are locked for this Python."""
    text = binaries.dotted(version)
    if not OLDEST_PYTHON <= version[:2] <= NEWEST_PYTHON:
        raise PythonTooOld(f"Python {text} is not supported; 3.11 to 3.13 are.")
    return f"Python {text}"


def check_state_dir(settings: Settings) -> str:
    """Raise StateDirUnusable unless files can be written."""
    return f"{prepare_state_dir(settings.state_dir)} can be written"


def check_disk(settings: Settings, *, needed: int = MIN_FREE_BYTES) -> str:
    """Raise DiskFull when fewer than `needed` bytes are free for us."""
    free = shutil.disk_usage(settings.state_dir).free
    if free < needed:
        raise DiskFull(f"{free / GIGABYTE:.2f} GB free under {settings.state_dir}; {needed / GIGABYTE:.2f} are needed.")
    return f"{free / GIGABYTE:.1f} GB free"


def check_handles(_settings: Settings, *, needed: int = MIN_HANDLES) -> str:
    """Raise TooFewHandles when a process may not open `needed` files and sockets, even after asking for more."""
    allowed = raise_handles()
    if allowed < needed:
        raise TooFewHandles(f"A process may open {allowed} files and sockets; {needed} are needed (ulimit -Hn).")
    return f"{allowed} files and sockets a process"


def raise_handles() -> int:
    """Ask for as many file handles as we may have, for ourselves and every process we start; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED_HANDLES if hard == resource.RLIM_INFINITY else min(hard, WANTED_HANDLES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return WANTED_HANDLES if soft == resource.RLIM_INFINITY else soft


def check_sockets(settings: Settings) -> str:
    """Raise SocketPathTooLong when no directory is short enough; say so when the stand-in is used."""
    socket_dir(settings.state_dir, server_owner())
    if fits_socket(settings.state_dir / "pg"):
        return "the socket paths fit"
    used = fallback_socket_dir(settings.state_dir)
    return f"STATE_DIR is too long for a socket's path, so sockets lie in {used}"


def check_ports(settings: Settings) -> str:
    """Raise PortTaken naming the port and, where visible, its holder; our own processes are fine."""
    taken = {name: port for name, port in settings.ports.items() if ready.is_listening(port)}
    if taken and not recover.running(settings):
        held = ", ".join(f"{port} ({name}){_held_by(port)}" for name, port in taken.items())
        raise PortTaken(f"Taken: {held}. Set PORT to the first of four free ports.")
    ports = list(settings.ports.values())
    return f"ports {ports[0]} to {ports[-1]} are {'ours' if taken else 'free'}"


def _held_by(port: int) -> str:
    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()}, pid {connection.pid}"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
    return ""


def check_servers(settings: Settings) -> str:
    """Raise ServerMissing, RedisTooOld or ServerUnreachable; says which Postgres and Redis will be used."""
    return f"{_postgres(settings)}; {_redis(settings)}"


def _postgres(settings: Settings) -> str:
    if settings.database_url:
        postgres_server.server_time(settings.database_url)
        return "Postgres of DATABASE_URL answers"
    return f"Postgres in {binaries.find_postgres(server_owner())}"


def _redis(settings: Settings) -> str:
    if settings.redis_url:
        version = redis_server.server_version(settings.redis_url)
        if version < binaries.OLDEST_REDIS:
            raise RedisTooOld(f"REDIS_URL is Redis {binaries.dotted(version)}; 6.2 or newer is needed.")
        return f"Redis {binaries.dotted(version)} of REDIS_URL"
    program = binaries.find_redis()
    return f"Redis {binaries.dotted(program.version)} in {program.path}"


def check_clock(settings: Settings, *, now: datetime | None = None) -> str:
    """Raise ClockOff: an impossible year, a clock behind our own files, or not the given servers' time."""
    now = now or datetime.now(UTC)
    if now.year not in PLAUSIBLE_YEARS:
        raise ClockOff(f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, which cannot be.")
    newest = _newest_file(settings.state_dir)
    if newest > now + CLOCK_TOLERANCE:
        raise ClockOff(f"The clock says {now:%Y-%m-%d %H:%M:%S} UTC, but files here were written at {newest:%H:%M:%S}.")
    for name, theirs in _server_clocks(settings):
        if abs(theirs - now) > CLOCK_TOLERANCE:
            raise ClockOff(f"This machine's clock and {name}'s differ by {abs(theirs - now).total_seconds():.0f} s.")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _server_clocks(settings: Settings) -> Iterator[tuple[str, datetime]]:
    if settings.database_url:
        yield "Postgres", postgres_server.server_time(settings.database_url)
    if settings.redis_url:
        yield "Redis", redis_server.server_time(settings.redis_url)


def _newest_file(state_dir: Path) -> datetime:
    """Return when anything at the top of the state directory or in its logs was last written."""
    times = [path.stat().st_mtime for home in (state_dir, state_dir / "logs") for path in home.glob("*")]
    return datetime.fromtimestamp(max(times, default=0), tz=UTC)


CHECKS: dict[str, Check] = {
    "python": check_python,
    "state dir": check_state_dir,
    "disk": check_disk,
    "handles": check_handles,
    "sockets": check_sockets,
    "servers": check_servers,
    "ports": check_ports,
    "clock": check_clock,
}
