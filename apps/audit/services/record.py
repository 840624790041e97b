"""Adding to the audit trail: always in the transaction of what it tells."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.audit.models import AuditEvent
from apps.users.models import User


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


def record_all(entries: Iterable[Entry], *, actor: User | None = None) -> Sequence[AuditEvent]:
    """Write many lines in one statement."""
    rows = [
        AuditEvent(
            kind=entry.kind,
            object_type=entry.object_type,
            object_id=entry.object_id,
            tenant_id=entry.tenant_id,
            actor=actor,
            data=json.loads(json.dumps(entry.data, cls=DjangoJSONEncoder)),
        )
        for entry in entries
    ]
    return AuditEvent.objects.bulk_create(rows)
