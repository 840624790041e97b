"""Leadership of long loops, kept in Postgres by the database's clock.

A lease is taken when it is free, expired, or held by a process of this host that is proved dead (so that a killed
worker's successor starts at once, while a frozen one keeps its lease until it runs out). The epoch rises on every
takeover: a row written under an older epoch is refused.

What the holder of an expired lease may still do is bounded by ending it: one of this host that still lives is killed
before its successor begins. A holder elsewhere cannot be, and its term is written down as not proved over: nothing it
may have sent is sent again until somebody confirms that it is gone. No waiting time replaces that proof.
"""

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from bus import failpoints
from bus.models import Fate, Term

log = logging.getLogger(__name__)

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")


REAP_SECONDS = 3.0
"""How long a killed holder may take to go; one that does not is asked again at the next look."""


class LeaseLost(RuntimeError):
    """Another process leads now: stop at once."""


def process_mark(pid: int) -> str:
    """Return the start tick of a process, which tells a reused pid from the old one; "" when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rsplit(")", 1)[1].split()
    return "" if fields[0] in "ZX" else fields[19]


@lru_cache(maxsize=1)
def _own_host() -> str:
    """Return a name that only processes share whose pids mean the same: two machines may bear one host name."""
    try:
        boot, namespace = _BOOT_ID.read_text().strip()[:8], _PID_NAMESPACE.readlink().name
    except OSError:
        boot, namespace = "", ""
    return "/".join((socket.gethostname(), boot, "".join(filter(str.isdigit, namespace))))


def host_name() -> str:
    """Return this host's name in leases: HOST_ID where the deployment gives one."""
    return (settings.HOST_ID or _own_host()).replace(":", "-")[:60]


def holder_name() -> str:
    """Return this process as a lease holder: host, pid and start tick."""
    pid = os.getpid()
    return f"{host_name()}:{pid}:{process_mark(pid)}"


def is_dead(holder: str) -> bool:
    """Whether a holder is proved to be gone: a process of this host that no longer runs."""
    local = _local_process(holder)
    return local is not None and process_mark(local[0]) != local[1]


def _local_process(holder: str) -> tuple[int, str] | None:
    """Return pid and start tick of a holder of this host; ``None`` for any other."""
    host, _, rest = holder.partition(":")
    pid, _, mark = rest.partition(":")
    return (int(pid), mark) if host == host_name() and pid.isdigit() and mark else None


def reap(holder: str) -> bool:
    """Kill a process of this host that outlived its lease, and wait until it is gone; whether it is.

    ``False`` for a process elsewhere, one that is not ours to kill, and one that does not go in time. The start tick
    is compared once the process is held by its descriptor: a pid that was given away is never hit.
    """
    local = _local_process(holder)
    if local is None or local[0] == os.getpid():
        return False
    pid, mark = local
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if process_mark(pid) != mark:
            return True
        log.warning("killing a holder that outlived its lease", extra={"holder": holder})
        signal.pidfd_send_signal(process, signal.SIGKILL)
        gone, _, _ = select.select([process], [], [], REAP_SECONDS)
        return bool(gone)
    except ProcessLookupError:
        return True
    except PermissionError:
        log.error("a holder that outlived its lease is not ours to kill", extra={"holder": holder})
        return False
    finally:
        os.close(process)


@dataclass(slots=True)
class Held:
    """A lease in hand. ``deadline`` is this process's monotonic clock, set before the database was asked."""

    name: str
    epoch: int
    holder: str
    seconds: float
    deadline: float = field(default=0.0)

    def remaining(self) -> float:
        """Seconds for which this process may still act."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A lease as it stands: ``is_over`` when it expired, ``is_long_over`` when it did so longer ago than the grace."""

    epoch: int
    holder: str
    is_over: bool
    is_long_over: bool


_LOOK = """
SELECT epoch, holder, until < clock_timestamp(), until + %s * interval '1 second' < clock_timestamp()
FROM bus_lease WHERE name = %s
"""
_FIRST = """
INSERT INTO bus_lease (name, epoch, holder, until)
VALUES (%(name)s, 1, %(holder)s, clock_timestamp() + %(ttl)s * interval '1 second')
ON CONFLICT (name) DO NOTHING
RETURNING epoch
"""
_SUCCEED = """
WITH taken AS (
  UPDATE bus_lease SET
    epoch = epoch + 1, holder = %(holder)s, until = clock_timestamp() + %(ttl)s * interval '1 second'
  WHERE name = %(name)s AND epoch = %(seen_epoch)s AND holder = %(seen_holder)s
    AND (%(is_proved)s OR until < clock_timestamp())
  RETURNING epoch
)
INSERT INTO bus_term (lease, epoch, holder, fate, ended_at, confirmed_by)
SELECT %(name)s, %(seen_epoch)s, %(seen_holder)s, %(fate)s, clock_timestamp(), '' FROM taken
RETURNING epoch + 1
"""
_RENEW = """
UPDATE bus_lease SET until = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE name = %(name)s AND epoch = %(epoch)s AND holder = %(holder)s
RETURNING epoch
"""


def acquire(name: str, *, seconds: float, grace: float = 0.0) -> Held | None:
    """Take the lease or return ``None`` while somebody else leads.

    ``grace``: how many seconds more than the lease a holder that cannot be proved gone is left alone, the longest time
    for which it may still be busy with what it began under the lease.
    """
    holder = holder_name()
    seen = _look(name, grace)
    asked_at = time.monotonic()
    values: dict[str, str | float] = {"name": name, "holder": holder, "ttl": seconds}
    if seen is None:
        epoch = _ask(_FIRST, values)
    else:
        fate = _fate_of(seen, holder)
        if fate is None:
            return None
        asked_at = time.monotonic()
        proved: dict[str, str | float] = {"fate": fate.value, "is_proved": fate is not Fate.EXPIRED}
        epoch = _ask(_SUCCEED, values | proved | {"seen_epoch": seen.epoch, "seen_holder": seen.holder})
    if epoch is None:
        return None
    failpoints.reach("lease.acquired")
    return Held(name=name, epoch=epoch, holder=holder, seconds=seconds, deadline=asked_at + seconds)


def _look(name: str, grace: float) -> _Seen | None:
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [grace, name])
        row = cursor.fetchone()
    return _Seen(*row) if row else None


def _ask(statement: str, values: dict[str, str | float]) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _fate_of(seen: _Seen, holder: str) -> Fate | None:
    """Return how the term in the lease ended, ending it where it must be; ``None`` while it goes on."""
    if not seen.holder:
        return Fate.RELEASED
    if is_dead(seen.holder):
        return Fate.DEAD
    if not seen.is_over:
        return None
    if seen.holder == holder:
        return Fate.RELEASED  # this process's own loop of before: it has ended, or nobody would ask here
    if reap(seen.holder):
        return Fate.REAPED
    return Fate.EXPIRED if seen.is_long_over else None


@dataclass(slots=True)
class Reaper:
    """Kills processes of this host that stand in a lease that has run out.

    They are frozen: one that lives renews its lease, or asks for another. Where no successor waits that would do it,
    whoever supervises processes starts them afresh. ``grace``: for how many seconds it must have been seen so, because
    after a pause of the database or of the whole machine every lease has run out, and nobody is frozen.
    """

    grace: float
    clock: Callable[[], float] = time.monotonic
    _seen: dict[tuple[str, int, str], float] = field(default_factory=dict)

    def look(self) -> list[str]:
        """Look once; returns the leases whose holder was killed."""
        with connection.cursor() as cursor:
            cursor.execute(_OVERDUE)
            overdue = cursor.fetchall()
        now = self.clock()
        self._seen = {key: self._seen.get(key, now) for key in overdue}
        frozen = [key for key, since in self._seen.items() if now - since >= self.grace]
        return [name for name, _, holder in frozen if not is_dead(holder) and reap(holder)]


_OVERDUE = "SELECT name, epoch, holder FROM bus_lease WHERE holder <> '' AND until < clock_timestamp()"


def doubtful_terms(name: str) -> Mapping[int, datetime | None]:
    """Return the epochs whose holder was never proved gone, with when somebody confirmed it; ``None``: nobody yet."""
    rows = Term.objects.filter(lease=name, fate=Fate.EXPIRED)
    return dict(rows.values_list("epoch", "confirmed_at"))


def renew(held: Held) -> None:
    """Prolong the lease; raises ``LeaseLost`` when it is no longer ours."""
    asked_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, {"name": held.name, "epoch": held.epoch, "holder": held.holder, "ttl": held.seconds})
        if cursor.fetchone() is None:
            raise LeaseLost(held.name)
    held.deadline = asked_at + held.seconds
    failpoints.reach("lease.renewed")


def release(held: Held) -> None:
    """Give the lease back on a graceful stop."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bus_lease SET holder = '', until = clock_timestamp()"
            " WHERE name = %s AND epoch = %s AND holder = %s",
            [held.name, held.epoch, held.holder],
        )
    failpoints.reach("lease.released")
