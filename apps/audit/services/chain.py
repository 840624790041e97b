"""The hash chain over the audit trail: each event is sealed once, in order, on top of the one before it.

A digest is ``sha256(previous + event)`` in hex, the event as JSON with sorted keys. Whoever changes, removes or slips
in an event breaks every digest after it; whoever cuts the end off is found out by a head that was kept elsewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

from django.db import connection, transaction

from apps.audit.models import AuditEvent, AuditSeal

GENESIS = hashlib.sha256(b"vayda audit chain 1").hexdigest()
AT_ONCE = 2000
MARGIN_SECONDS = 5
"""How old an event must be. Numbers are drawn a moment before a transaction is visible as running."""

_LOCK = "vayda audit chain"

# Only what no running transaction can still precede: everything up to the first event that is young, or that was
# written by a transaction not older than the oldest running one. Compared by age, which survives wrap-around.
_READY = f"""
WITH waiting AS (
  SELECT e.id, e.at > clock_timestamp() - interval '{MARGIN_SECONDS} seconds'
         OR age(e.xmin) <= age(pg_snapshot_xmin(pg_current_snapshot())::xid) AS unsafe
  FROM audit_auditevent e WHERE e.id > %(after)s ORDER BY e.id LIMIT %(limit)s
)
SELECT id FROM waiting
WHERE id < COALESCE((SELECT min(id) FROM waiting WHERE unsafe), 9223372036854775807) ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class ChainState:
    """What verifying found; ``broken_at`` is the first event that does not fit, ``why`` says how, ``head`` ends it."""

    sealed: int
    unsealed: int
    head: str
    broken_at: int | None = None
    why: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether everything sealed is as it was sealed."""
        return self.broken_at is None and not self.why


def seal_pending() -> int:
    """Seal every event that can be sealed now; returns how many. One process at a time; others find nothing to do."""
    total = 0
    while sealed := _seal_some():
        total += sealed
    return total


def _seal_some() -> int:
    with transaction.atomic():
        if not _try_lock():
            return 0
        last = AuditSeal.objects.order_by("-id").first()
        ids = _ready_after(last.event_id if last else 0)
        events = AuditEvent.objects.filter(pk__in=ids).order_by("pk")
        seals = list(_links(list(events), last.digest if last else GENESIS))
        AuditSeal.objects.bulk_create(seals)
    return len(seals)


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        return bool(cursor.fetchone()[0])


def _ready_after(event_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_READY, {"after": event_id, "limit": AT_ONCE})
        return [row[0] for row in cursor.fetchall()]


def _links(events: Sequence[AuditEvent], previous: str) -> Iterator[AuditSeal]:
    for event in events:
        seal = AuditSeal(event=event, previous=previous, digest=digest_of(event, previous))
        previous = seal.digest
        yield seal


def digest_of(event: AuditEvent, previous: str) -> str:
    """Return an event's digest on top of the previous one."""
    content = {
        "id": event.pk,
        "tenant": event.tenant_id,
        "actor": event.actor_id,
        "kind": event.kind,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "data": event.data,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()


def verify(*, expected_head: str = "") -> ChainState:
    """Check the whole chain. ``expected_head`` is a digest kept elsewhere that must be in it."""
    walk = _Walk(expected_head)
    for seal in AuditSeal.objects.select_related("event").order_by("id").iterator(chunk_size=AT_ONCE):
        walk.step(seal)
        if walk.why:
            break
    return walk.result()


class _Walk:
    """One pass over the seals."""

    def __init__(self, expected_head: str) -> None:
        self.expected, self.met_head = expected_head, not expected_head
        self.sealed, self.last_event, self.head = 0, 0, GENESIS
        self.broken_at: int | None = None
        self.why = ""

    def step(self, seal: AuditSeal) -> None:
        """Check one seal against the one before it and against its event."""
        if seal.previous != self.head:
            self._break(seal, "a seal before it is missing or was changed")
        elif seal.event_id <= self.last_event:
            self._break(seal, "it was sealed out of order")
        elif seal.digest != digest_of(seal.event, seal.previous):
            self._break(seal, "the event is not what was sealed")
        self.sealed, self.last_event, self.head = self.sealed + 1, seal.event_id, seal.digest
        self.met_head = self.met_head or seal.digest == self.expected

    def result(self) -> ChainState:
        """Return what was found, after the checks that need the whole chain."""
        unsealed = AuditEvent.objects.filter(seal__isnull=True)
        slipped_in = None if self.why else unsealed.filter(pk__lt=self.last_event).order_by("pk").first()
        if slipped_in is not None:
            self.broken_at, self.why = slipped_in.pk, "it was slipped in behind the chain's back"
        elif not self.why and not self.met_head:
            self.why = "the expected head is not in the chain: its end was cut off"
        return ChainState(self.sealed, unsealed.count(), self.head, self.broken_at, self.why)

    def _break(self, seal: AuditSeal, why: str) -> None:
        self.broken_at, self.why = seal.event_id, why
