"""supervisord: its configuration, its start, its remote control, its end."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from launch import processes
from launch.logfiles import last_lines
from launch.places import server_owner, socket_dir
from launch.problems import NotReady, NotRunning
from launch.programs import APP, GROUP_PRIORITY, Program
from launch.settings import Settings

START_SECONDS = 20.0
LOG_BYTES = "10MB"
LOG_BACKUPS = 3
IDENTITY_FILE = "supervisord.identity"
GIVEN_UP = ("FATAL",)
SHOWN_LINES = 8


@dataclass(frozen=True)
class State:
    """What supervisord says of one process; `pid` is 0 when it does not run, `seconds` its uptime."""

    name: str
    state: str
    pid: int
    seconds: int
    said: str


def socket_path(settings: Settings) -> Path:
    """Return where supervisord takes orders."""
    return socket_dir(settings.state_dir, server_owner()) / "supervisor.sock"


def render(settings: Settings, programs: Iterable[Program], *, socket: Path) -> str:
    """Return supervisord.conf; secrets are inherited from supervisord's environment and never written."""
    programs = tuple(programs)
    groups = sorted({program.group for program in programs}, key=GROUP_PRIORITY.__getitem__)
    sections = [_head(settings, socket)]
    sections += [_group(group, [p.name for p in programs if p.group == group]) for group in groups]
    sections += [_program(settings, program) for program in programs]
    return "\n".join(sections)


def _head(settings: Settings, socket: Path) -> str:
    user = "user = root\n" if os.geteuid() == 0 else ""
    return (
        f"[unix_http_server]\nfile = {_escape(str(socket))}\nchmod = 0700\n\n"
        f"[supervisord]\nnodaemon = true\n{user}umask = 022\n"
        f"pidfile = {_escape(str(settings.state_dir / 'supervisord.pid'))}\n"
        f"logfile = {_escape(str(settings.log_dir / 'supervisord.log'))}\nlogfile_maxbytes = {LOG_BYTES}\n"
        f"logfile_backups = {LOG_BACKUPS}\nchildlogdir = {_escape(str(settings.log_dir))}\nsilent = true\n\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
    )


def _group(group: str, names: list[str]) -> str:
    return f"[group:{group}]\nprograms = {','.join(names)}\npriority = {GROUP_PRIORITY[group]}\n"


def _program(settings: Settings, program: Program) -> str:
    embedded = program.group != APP
    user = f"user = {program.user}\n" if program.user else ""
    return (
        f"[program:{program.name}]\ncommand = {_escape(shlex.join(program.argv))}\n"
        f"directory = {'/' if embedded else _escape(str(settings.root))}\n{user}"
        f"environment = {_environment(program.environ)}\n"
        f"autostart = {'true' if embedded else 'false'}\nautorestart = true\n"
        f"startsecs = {program.start_seconds}\nstartretries = 5\n"
        f"stopsignal = {program.stop_signal}\nstopwaitsecs = {program.stop_seconds}\nkillasgroup = true\n"
        f"stdout_logfile = {_escape(str(settings.log_dir / program.name))}.log\nredirect_stderr = true\n"
        f"stdout_logfile_maxbytes = {LOG_BYTES}\nstdout_logfile_backups = {LOG_BACKUPS}\n"
    )


def _environment(values: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in values.items())


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def start(settings: Settings, programs: Iterable[Program], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start supervisord with the embedded servers; the product's own processes wait for `start_app`."""
    config = settings.state_dir / "supervisord.conf"
    config.write_text(render(settings, programs, socket=socket_path(settings)))
    config.chmod(0o600)
    with (settings.log_dir / "supervisord.out").open("ab") as output:
        child = subprocess.Popen(
            [str(settings.bin_dir / "python"), "-m", "supervisor.supervisord", "-c", str(config)],
            cwd=settings.root,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C at the terminal is for the launcher, which then stops everything in order.
            start_new_session=True,
        )
    processes.write_identity(settings.state_dir / IDENTITY_FILE, processes.identity(child.pid))
    return child


def answers(settings: Settings) -> bool:
    """Say whether supervisord takes orders."""
    try:
        states(settings)
    except NotRunning:
        return False
    return True


def start_app(settings: Settings) -> None:
    """Start every process of the product, not waiting for any."""
    _call(settings, "startProcessGroup", APP, False)


def states(settings: Settings) -> list[State]:
    """Return every supervised process; raises NotRunning when there is no supervisord."""
    found = _call(settings, "getAllProcessInfo")
    return [
        State(
            name=str(entry["name"]),
            state=str(entry["statename"]),
            pid=int(entry["pid"]),
            seconds=max(0, int(entry["now"]) - int(entry["start"])) if entry["pid"] else 0,
            said=str(entry["spawnerr"] or entry["description"]),
        )
        for entry in found
    ]


def starting(settings: Settings) -> list[str]:
    """Return the processes that do not run, or have not run long enough to be believed."""
    return [state.name for state in states(settings) if state.state != "RUNNING"]


def given_up(settings: Settings) -> str | None:
    """Return which processes supervisord no longer restarts, with their logs; None when all is well."""
    failed = [state.name for state in states(settings) if state.state in GIVEN_UP]
    if not failed:
        return None
    ends = "\n".join(f"--- {name}.log\n{last_lines(settings.log_dir / f'{name}.log', SHOWN_LINES)}" for name in failed)
    return f"gave up after several starts: {', '.join(failed)}. Their logs end with:\n{ends}\n"


def _call(settings: Settings, method: str, *arguments: object) -> Any:
    transport = SupervisorTransport(None, None, f"unix://{socket_path(settings)}")
    try:
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)
    except OSError as error:
        raise NotRunning(f"Nothing runs under {settings.state_dir}.") from error
    except RpcError as error:
        raise NotReady(f"supervisord refused {method}: {error}") from error
