"""What happened to a row and its parts, told by the audit trail."""

from collections.abc import Mapping, Sequence

from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.audit.models import AuditEvent
from domain.clock import IST

LONGEST = 500
_ROW = "<tr>" + '<td class="py-1 pr-4 align-top">{}</td>' * 5 + "</tr>"

Parts = Mapping[str, Sequence[int]]


def timeline(parts: Parts) -> SafeString:
    """Return the events of some rows, oldest first, as a table; ``parts`` are ids by ``app.model``."""
    wanted = Q(pk__in=[])
    for object_type, ids in parts.items():
        wanted |= Q(object_type=object_type, object_id__in=list(ids))
    events = AuditEvent.objects.filter(wanted).select_related("actor").order_by("pk")[:LONGEST]
    rows = format_html_join("", _ROW, (_cells(one) for one in events))
    return format_html('<table class="text-sm" data-timeline><tbody>{}</tbody></table>', rows) if rows else rows


def _cells(event: AuditEvent) -> tuple[str, str, str, str, str]:
    at = event.at.astimezone(IST).strftime("%d %b %H:%M:%S.%f")[:-3]
    said = ", ".join(f"{name} {value}" for name, value in sorted(event.data.items()))
    what = f"{event.object_type.partition('.')[2]} {event.object_id}"
    return at, event.kind, what, said, str(event.actor or "")
