"""Leadership of long loops, kept in Postgres by the database's clock.

A lease is taken when it is free, expired, already ours, or held by a process of this host that is proved dead (so that
a killed worker's successor starts at once, while a frozen one keeps its lease until it runs out). The epoch rises on
every takeover: a row written under an older epoch is refused.
"""

import os
import socket
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import connection

from bus import failpoints

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")


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
    host, _, rest = holder.partition(":")
    pid, _, mark = rest.partition(":")
    return host == host_name() and pid.isdigit() and process_mark(int(pid)) != mark


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


_TAKE = """
INSERT INTO bus_lease (name, epoch, holder, until)
VALUES (%(name)s, 1, %(holder)s, clock_timestamp() + %(ttl)s * interval '1 second')
ON CONFLICT (name) DO UPDATE SET
  epoch = bus_lease.epoch + 1, holder = excluded.holder, until = excluded.until
WHERE bus_lease.until < clock_timestamp() OR bus_lease.holder = '' OR bus_lease.holder = %(dead)s
RETURNING epoch
"""
_RENEW = """
UPDATE bus_lease SET until = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE name = %(name)s AND epoch = %(epoch)s AND holder = %(holder)s
RETURNING epoch
"""


def acquire(name: str, *, seconds: float) -> Held | None:
    """Take the lease or return ``None`` while somebody else leads."""
    holder = holder_name()
    asked_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT holder FROM bus_lease WHERE name = %s", [name])
        row = cursor.fetchone()
        dead = row[0] if row and row[0] and is_dead(row[0]) else "-"
        cursor.execute(_TAKE, {"name": name, "holder": holder, "ttl": seconds, "dead": dead})
        taken = cursor.fetchone()
    if taken is None:
        return None
    failpoints.reach("lease.acquired")
    return Held(name=name, epoch=taken[0], holder=holder, seconds=seconds, deadline=asked_at + seconds)


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
