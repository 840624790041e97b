"""When Postgres committed what the audit trail tells: lines are never changed, so their transaction is the deed's."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from apps.audit.models import AuditEvent


def committed_at(kind: str, object_type: str, ids: Iterable[int]) -> dict[int, datetime]:
    """Return the commit time of each object's first line of a kind; the cluster must track commit times."""
    table = AuditEvent._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT object_id, min(pg_xact_commit_timestamp(xmin)) FROM {table} "
            "WHERE kind = %s AND object_type = %s AND object_id = ANY(%s) GROUP BY object_id",
            [kind, object_type, list(ids)],
        )
        return dict(cursor.fetchall())
