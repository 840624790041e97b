"""Watching the processes: one that falls silent, or runs another build than the rest, is told to the operators."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from apps.broker_accounts.models import BrokerAccount
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant
from bus.models import Heartbeat, Lease

LOOP_SILENT = timedelta(seconds=30)
"""Leading loops show life every few seconds."""

WORKER_SILENT = timedelta(seconds=150)
"""Other workers show life with their regular jobs."""

TAKEN_OVER = timedelta(seconds=15)
"""By when after its lease's end a shard is led by another worker, if there is one."""

FORGOTTEN = timedelta(hours=12)
"""A process gone for longer was taken away on purpose."""

SETTLED = timedelta(minutes=2)
"""How long two builds may run side by side: a rolling restart."""


def watch_processes(*, wall: datetime) -> list[str]:
    """Tell which processes are silent or of another build, once per occasion; returns what was found."""
    beats = list(Heartbeat.objects.filter(beat_at__gt=wall - FORGOTTEN))
    loops = set(Lease.objects.values_list("name", flat=True))
    silent = [beat for beat in beats if wall - beat.beat_at > (LOOP_SILENT if beat.process in loops else WORKER_SILENT)]
    for beat in silent:
        at = f"{beat.beat_at:%Y%m%dT%H%M%S}"
        page_all(f"silent:{beat.process}:{at}", "PROCESS_SILENT", f"{beat.process} has shown no life since {at} UTC.")
    builds = _builds((beat for beat in beats if beat not in silent), wall)
    if len(builds) > 1:
        page_all(f"builds:{'|'.join(builds)}", "MIXED_BUILDS", f"Several builds run at once: {', '.join(builds)}.")
    return [beat.process for beat in silent] + (builds if len(builds) > 1 else [])


def watch_shards(*, wall: datetime) -> list[int]:
    """Page once an hour for every shard that has accounts and no worker; returns those shards."""
    led = Lease.objects.filter(until__gt=wall - TAKEN_OVER).exclude(holder="")
    served = set(led.values_list("name", flat=True))
    used = BrokerAccount.objects.active().order_by().values_list("shard", flat=True).distinct()
    alone = [shard for shard in sorted(used) if f"execution.{shard}" not in served]
    for shard in alone:
        text = (
            f"No worker serves execution shard {shard}: its accounts neither enter nor leave. Start it, or move them."
        )
        page_all(f"shard:{shard}:{wall:%Y%m%dT%H}", "SHARD_UNSERVED", text)
    return alone


def _builds(beats: Iterable[Heartbeat], wall: datetime) -> list[str]:
    return sorted({beat.build for beat in beats if wall - beat.started_at > SETTLED})


def page_all(key: str, code: str, text: str) -> None:
    """Page every tenant's operators, once per key."""
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        notify(key=f"{tenant_id}:{key}"[:120], code=code, text=text, tenant_id=tenant_id, level=Level.PAGE)
