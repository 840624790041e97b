"""Named places where a process may be made to die or to freeze, so that what survives it can be proved.

Nothing is armed unless the environment says so, and then a point costs one comparison. ``CRASH_AT=name:n[,name:n]``
kills this process (SIGKILL) the n-th time it reaches the point. ``CRASH_PLAN=<folder>`` reads the same from
``<folder>/<process>.json``, which whoever tests may write at any time::

    [{"point": "wire.after_place", "reach": 3, "action": "kill"}, {"point": "claim.committed", "reach": 1}]

Whichever is reached first happens. ``action`` may also be ``stop`` (SIGSTOP: a frozen process, to be continued from
outside), ``cut`` (the thread's link to the database breaks, what it was about to commit is lost) and ``deafen`` (the
link still carries what is said and no answer: a commit that happens and is not told). A plan is used once: the file
is removed before the deed, and one line ``{"at", "process", "pid", "point", "action"}`` is appended to
``<folder>/hits.jsonl`` and synced. Production refuses to start with either variable set (``bus.checks``).
"""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.db import connection

AT, PLAN = "CRASH_AT", "CRASH_PLAN"
LOOK_SECONDS = 0.1
"""How often a plan's file is looked for: a point may be reached thousands of times a second."""

POINTS: Mapping[str, str] = {
    "intake.before_insert": "an alert was read and nothing of it is stored",
    "intake.stored": "the signal is stored, the router not woken, the sender not answered",
    "routing.claimed": "in the wave's transaction: the signal is taken, nothing is written",
    "entry.intents_written": "in the wave's transaction: intents without orders",
    "entry.before_commit": "in the wave's transaction: everything is written",
    "routing.committed": "the wave is committed",
    "routing.exit_claimed": "in the exit signal's transaction: the signal is taken, no leg asked for",
    "watching.fired": "a trigger fired and nothing is written",
    "exit.before_lock": "an exit is asked for and nothing is locked",
    "exit.opened": "in the exit's transaction: intents without orders",
    "exit.before_commit": "in the exit's transaction: everything is written",
    "commands.before_send": "committed, and the wake-up not sent",
    "commands.sent": "the wake-up is sent",
    "claim.before": "orders wait and no claim has begun",
    "claim.epoch_checked": "in the claim's transaction: the lease is found ours, nothing is moved",
    "claim.submitted": "in the claim's transaction: orders are SUBMITTED, intents not",
    "claim.before_commit": "in the claim's transaction: orders, intents and trades are moved",
    "claim.committed": "orders are SUBMITTED and none of the rest is sent",
    "wire.before_place": "the last moment before an order's request",
    "wire.after_place": "the broker answered an order, nobody wrote it down",
    "wire.before_modify": "the last moment before a price change",
    "wire.after_modify": "the broker answered a price change, nobody wrote it down",
    "wire.before_cancel": "the last moment before a cancel",
    "wire.after_cancel": "the broker answered a cancel, nobody wrote it down",
    "record.before": "answers wait to be written down",
    "record.before_commit": "in the answers' transaction: everything is written",
    "record.committed": "the answers are committed",
    "steps.recorded": "answers to changes and cancels are written down",
    "reports.locked": "in the reports' transaction: the trades are locked, nothing is booked",
    "reports.fills_booked": "in the reports' transaction: fills without their orders",
    "settle.intents_written": "in the reports' transaction: intents without their trades",
    "reports.before_commit": "in the reports' transaction: everything is written",
    "reports.committed": "what the books showed is committed",
    "sweep.exits_found": "legs without an exit under way were found, nothing is asked for",
    "sweep.idle_settled": "in the sweep's transaction: idle trades are settled",
    "resolver.before_commit": "in the resolver's transaction: orders are called absent",
    "resolver.absent_committed": "orders proved absent are committed",
    "disown.before": "a new leader has not yet disowned what its predecessor left",
    "disown.after": "what a predecessor left is UNKNOWN",
    "session.lost": "a broker ended a session, nobody wrote it down",
    "lease.acquired": "a lease was just taken",
    "lease.renewed": "a lease was just prolonged",
    "lease.released": "a lease was just given back",
    "paper.version_moved": "in the paper book's transaction: the version is ours, nothing else is written",
    "paper.saved": "the paper book is committed, its lane not answered",
    "feed.published": "ticks are published",
    "login.before_store": "a broker handed out a token, nobody stored it",
    "login.token_stored": "in the sign-in's transaction: the token is stored, the mode not restored",
    "login.stored": "a sign-in is committed",
    "beat.reserved": "beat noted a run and has not sent it",
    "jobs.sweep": "the house's sweep has begun",
}


class UnknownPoint(LookupError):
    """A name that is not in the table."""


class BadPlan(ValueError):
    """A plan that cannot be read."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What happens at a point: the signal's name, and at which time of reaching it."""

    point: str
    reach: int
    action: str = "kill"

    def __post_init__(self) -> None:
        if self.point not in POINTS:
            raise UnknownPoint(self.point)
        if self.reach < 1 or self.action not in ACTIONS:
            raise BadPlan(f"{self.point}: {self.action} at the {self.reach}. time")


def _signalled(what: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), what)


def _shut(how: int) -> Callable[[], None]:
    """Return what shuts this thread's link to the database, at the kernel, in one or both directions."""

    def shut() -> None:
        if connection.connection is not None and not connection.connection.closed:
            with socket.socket(fileno=os.dup(connection.connection.fileno())) as link:
                link.shutdown(how)

    return shut


ACTIONS: Mapping[str, Callable[[], None]] = {
    "kill": _signalled(signal.SIGKILL),
    "stop": _signalled(signal.SIGSTOP),
    "cut": _shut(socket.SHUT_RDWR),
    "deafen": _shut(socket.SHUT_RD),
}


class Plan(Protocol):
    """Where a process learns what awaits it, and how it says goodbye."""

    def hits(self) -> tuple[Hit, ...]:
        """Return what is planned now; another tuple object means: count anew."""
        ...

    def reached(self, hit: Hit) -> None:
        """Note a hit; called right before the signal."""
        ...


class FixedPlan:
    """``CRASH_AT``: the same for the whole life of the process."""

    def __init__(self, text: str) -> None:
        self._hits = tuple(_parsed(part) for part in text.split(",") if part.strip())

    def hits(self) -> tuple[Hit, ...]:
        """Return what the variable says."""
        return self._hits

    def reached(self, hit: Hit) -> None:
        """A fixed plan keeps no book."""


def _parsed(part: str) -> Hit:
    name, _, count = part.strip().partition(":")
    try:
        return Hit(name, int(count or 1))
    except ValueError as error:
        raise BadPlan(part) from error


class FolderPlan:
    """``CRASH_PLAN``: one file a process, used once."""

    def __init__(self, folder: Path, process: str) -> None:
        self._file, self._book, self._process = folder / f"{process}.json", folder / "hits.jsonl", process
        self._hits: tuple[Hit, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self._next_look = 0.0

    def hits(self) -> tuple[Hit, ...]:
        """Return what the file says, looked at a few times a second; a torn file is read again later."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._look()
        return self._hits

    def _look(self) -> None:
        try:
            stat = self._file.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns)
            if stamp != self._stamp:
                self._hits, self._stamp = tuple(Hit(**one) for one in json.loads(self._file.read_text())), stamp
        except FileNotFoundError:
            self._hits, self._stamp = (), None

    def reached(self, hit: Hit) -> None:
        """Use the plan up and write the hit down, durably."""
        self._file.unlink(missing_ok=True)
        self._hits, self._stamp = (), None
        line = {"at": time.time(), "process": self._process, "pid": os.getpid()}
        with self._book.open("a") as book:
            book.write(json.dumps(line | {"point": hit.point, "action": hit.action}) + "\n")
            book.flush()
            os.fsync(book.fileno())


class Trap:
    """Counts what is reached and sends the planned signal to its own process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._counting: tuple[Hit, ...] = ()
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        """Note a point; may not return."""
        if name not in POINTS:
            raise UnknownPoint(name)
        with self._lock:
            due = self._count(name)
            if due is not None:
                self._plan.reached(due)
                ACTIONS[due.action]()

    def _count(self, name: str) -> Hit | None:
        hits = self._plan.hits()
        if hits is not self._counting:
            self._counting, self._counts = hits, {}
        planned = next((hit for hit in hits if hit.point == name), None)
        if planned is None:
            return None
        self._counts[name] = self._counts.get(name, 0) + 1
        return planned if self._counts[name] == planned.reach else None


def from_environ(environ: Mapping[str, str]) -> Callable[[str], None] | None:
    """Return what the environment arms, ``None`` when nothing; raises ``UnknownPoint`` and ``BadPlan``."""
    if environ.get(PLAN):
        return Trap(FolderPlan(Path(environ[PLAN]), environ.get("VAYDA_PROCESS", "manage")))
    return Trap(FixedPlan(environ[AT])) if environ.get(AT) else None


_armed: Callable[[str], Any] | None = from_environ(os.environ)


def reach(name: str) -> None:
    """Say that this process is at a point of the table."""
    if _armed is not None:
        _armed(name)


@contextmanager
def observed(observer: Callable[[str], Any]) -> Iterator[None]:
    """Tell an observer of every point this process reaches meanwhile; what it raises comes out of ``reach``.

    For tests in one process: the observer checks the names, counts, or raises where a crash is wanted.
    """
    global _armed

    def checked(name: str) -> None:
        if name not in POINTS:
            raise UnknownPoint(name)
        observer(name)

    before, _armed = _armed, checked
    try:
        yield
    finally:
        _armed = before
