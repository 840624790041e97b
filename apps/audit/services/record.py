"""Adding to the audit trail: always in the transaction of what it tells."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from apps.audit.models import AuditEvent
from apps.users.models import User
from bus import clock


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail before it is written."""

    kind: str
    object_type: str
    object_id: int | None
    tenant_id: int | None
    data: dict[str, Any] = field(default_factory=dict)


def record(kind: str, row: models.Model, *, tenant_id: int | None, actor: User | None = None, **data: Any) -> None:
    """Write one line about a row."""
    entry = Entry(kind=kind, object_type=row._meta.label_lower, object_id=row.pk, tenant_id=tenant_id, data=data)
    record_all([entry], actor=actor)


def record_all(entries: Iterable[Entry], *, actor: User | None = None) -> None:
    """Write many lines in one statement: a wave has hundreds, and the order waits for them."""
    rows = list(entries)
    if not rows:
        return
    encode = DjangoJSONEncoder().encode
    columns: list[list[object]] = [
        [row.kind for row in rows],
        [row.object_type for row in rows],
        [row.object_id for row in rows],
        [row.tenant_id for row in rows],
        [encode(row.data) for row in rows],
        list(range(len(rows))),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [clock.now(), actor.pk if actor else None, *columns])


_INSERT = f"""
INSERT INTO "{AuditEvent._meta.db_table}" (at, actor_id, kind, object_type, object_id, tenant_id, data)
SELECT %s, %s::bigint, u.kind, u.object_type, u.object_id, u.tenant_id, u.data
FROM unnest(%s::varchar[], %s::varchar[], %s::bigint[], %s::bigint[], %s::jsonb[], %s::integer[])
     AS u(kind, object_type, object_id, tenant_id, data, place)
ORDER BY u.place
"""
