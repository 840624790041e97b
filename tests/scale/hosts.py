"""More machines for an installation: a state directory, a name, and the real command that runs a shard's worker."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil
import psycopg2

from launch import ownership, processes, recover, stack
from launch import settings as launch_settings
from launch.settings import ROOT, Settings
from launch.stack import Stack
from launch.testserver import OWNER_FILE, STACK_PREFIX, python_path
from tests.flows.platform import wait_for
from tests.scale.cable import Cable, Reach, laid, tcp, unix

NAMESPACE = "vayda-scale"
OUTSIDE, INSIDE, PREFIX = "10.213.47.1", "10.213.47.2", 30
UP_SECONDS, DOWN_SECONDS = 120.0, 60.0
SHOWN_LINES = 15


@dataclass
class Host:
    """A machine that works for an installation elsewhere. ``enter`` is what a command needs to run on its network."""

    name: str
    shards: str
    urls: Mapping[str, str]
    secrets: Mapping[str, str]
    enter: tuple[str, ...] = ()
    cables: dict[str, Cable] = field(default_factory=dict)
    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix=STACK_PREFIX)))
    launcher: "subprocess.Popen[bytes] | None" = None

    @property
    def settings(self) -> Settings:
        """Its launcher's settings."""
        return launch_settings.from_environ(self._environ())

    def _environ(self) -> dict[str, str]:
        mine = {"STATE_DIR": str(self.home), "SHARD": self.shards, "HOST_ID": self.name, **processes.marker(self.home)}
        return stack.inherited() | python_path() | dict(self.secrets) | dict(self.urls) | mine

    def start(self) -> None:
        """Run `make worker`'s command there and wait until its workers run."""
        processes.write_identity(self.home / OWNER_FILE, processes.identity())
        with (self.home / "launcher.out").open("ab") as output:
            self.launcher = subprocess.Popen(
                [*self.enter, sys.executable, "-m", "launch", "worker"],
                cwd=ROOT,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self._is_up, within=UP_SECONDS, message=f"the workers of host {self.name}")

    def _is_up(self) -> bool:
        if self.launcher is None or self.launcher.poll() is not None:
            raise AssertionError((self.home / "launcher.out").read_text(errors="replace"))
        holder = ownership.holder(self.settings)
        return holder is not None and holder.phase == ownership.RUNNING

    def everything(self) -> list[psutil.Process]:
        """Return every process of the machine."""
        launcher = [psutil.Process(self.launcher.pid)] if self.launcher and self.launcher.poll() is None else []
        return [*launcher, *(one for one in recover.running(self.settings) if one not in launcher)]

    def signal_all(self, how: signal.Signals) -> None:
        """Send a signal to every process at once: the power goes, or the machine stops in its tracks."""
        for process in self.everything():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)

    def stop(self) -> None:
        """Switch the machine off in good order; a dead one is only cleaned up."""
        if self.launcher is not None and self.launcher.poll() is None:
            self.launcher.terminate()
            self.launcher.wait(DOWN_SECONDS)
        recover.stop_everything(self.settings)

    def last_words(self) -> list[str]:
        """Return the end of every log of the machine."""
        paths = sorted((self.home / "logs").glob("*.log"))
        return [line for path in paths for line in path.read_text(errors="replace").splitlines()[-SHOWN_LINES:]]


@contextmanager
def host(installation: Stack, name: str, shards: str, **more: Any) -> Iterator[Host]:
    """Run a machine whose files are gone afterwards."""
    environ = installation.environ
    secrets = {key: environ[key] for key in ("MASTER_KEY", "SECRET_KEY", "METRICS_TOKEN", "FLOWER_AUTH", "BASE_URL")}
    urls = {key: environ[key] for key in ("DATABASE_URL", "REDIS_URL", "SIMULATOR_URL")}
    made = replace(Host(name=name, shards=shards, urls=urls, secrets=secrets), **more)
    try:
        yield made
    finally:
        made.signal_all(signal.SIGCONT)
        made.stop()
        shutil.rmtree(made.home, ignore_errors=True)


@contextmanager
def wired_host(installation: Stack, name: str, shards: str) -> Iterator[Host]:
    """Run a machine that reaches everything by cables, in a network of its own where this system lets us make one."""
    environ = installation.environ
    cables = {
        "DATABASE_URL": Cable(_postgres(environ["DATABASE_URL"])),
        "REDIS_URL": Cable(unix(urlsplit(environ["REDIS_URL"]).path)),
        "SIMULATOR_URL": Cable(tcp("127.0.0.1", int(urlsplit(environ["SIMULATOR_URL"]).port or 0))),
    }
    with network() as (address, enter), laid(cables, host=address):
        at = {key: f"{cable.address[0]}:{cable.address[1]}" for key, cable in cables.items()}
        database = urlsplit(environ["DATABASE_URL"]).path
        urls = {
            "DATABASE_URL": f"postgres://{urlsplit(environ['DATABASE_URL']).username}@{at['DATABASE_URL']}{database}",
            "REDIS_URL": f"redis://{at['REDIS_URL']}",
            "SIMULATOR_URL": f"http://{at['SIMULATOR_URL']}",
        }
        with host(installation, name, shards, urls=urls, enter=enter, cables=cables) as made:
            yield made


def _postgres(url: str) -> Reach:
    return unix(f"{unquote(urlsplit(url).netloc.rpartition('@')[2])}/.s.PGSQL.5432")


def why_no_namespace() -> str:
    """Return why no network can be made here; empty when one can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "a network of its own needs root and the ip command"
    done = _ip("netns", "add", f"{NAMESPACE}-probe", check=False)
    _ip("netns", "del", f"{NAMESPACE}-probe", check=False)
    return "" if done.returncode == 0 else f"no network namespace can be made: {done.stderr.strip()}"


@contextmanager
def network() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Make a network of its own; yields our address in it and how a command gets in. The loopback where none can be."""
    if why_no_namespace():
        yield "127.0.0.1", ()
        return
    _take_away()
    _ip("netns", "add", NAMESPACE)
    try:
        _ip("link", "add", f"{NAMESPACE}0", "type", "veth", "peer", "name", "uplink", "netns", NAMESPACE)
        _ip("addr", "add", f"{OUTSIDE}/{PREFIX}", "dev", f"{NAMESPACE}0")
        _ip("-n", NAMESPACE, "addr", "add", f"{INSIDE}/{PREFIX}", "dev", "uplink")
        for where in (("link", "set", f"{NAMESPACE}0"), ("-n", NAMESPACE, "link", "set", "uplink")):
            _ip(*where, "up")
        _ip("-n", NAMESPACE, "link", "set", "lo", "up")
        yield OUTSIDE, ("ip", "netns", "exec", NAMESPACE)
    finally:
        _take_away()


def _take_away() -> None:
    # The plug first: the kernel clears a deleted namespace away later, and until then its plug's name is taken.
    _ip("link", "del", f"{NAMESPACE}0", check=False)
    _ip("netns", "del", NAMESPACE, check=False)


def unplug() -> None:
    """Pull the machine's plug out of the network: packets go nowhere."""
    _ip("link", "set", f"{NAMESPACE}0", "down")


def plug_in() -> None:
    """Put it back."""
    _ip("link", "set", f"{NAMESPACE}0", "up")


def _ip(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


@dataclass(frozen=True)
class Lease:
    """Who leads a shard, under which epoch, and for how many seconds still by the database's clock."""

    holder: str
    epoch: int
    left: float


def lease_of(installation: Stack, shard: int) -> Lease:
    """Read a shard's lease; an empty one where nobody ever led."""
    rows = ask(
        installation,
        "SELECT holder, epoch, extract(epoch FROM until - clock_timestamp())::float FROM bus_lease WHERE name = %s",
        f"execution.{shard}",
    )
    return (
        Lease(str(rows[0][0]).partition(":")[0], int(str(rows[0][1])), float(str(rows[0][2])))
        if rows
        else Lease("", 0, 0)
    )


def manage(installation: Stack, *arguments: str) -> None:
    """Run manage.py for the installation; fails with what it said."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=installation.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def ask(installation: Stack, question: str, *values: object) -> list[tuple[object, ...]]:
    """Ask the installation's database."""
    connection = psycopg2.connect(installation.environ["DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question, values)
            return list(cursor.fetchall())
    finally:
        connection.close()
