"""Any list of the desk as a CSV file: the rows somebody may see, the columns they see."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import strip_tags
from django.utils.timezone import is_aware, localtime

from apps.audit.services.record import Entry, record_all

MOST_ROWS = 50_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = frozenset("0123456789.,-+eE% ")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


@admin.action(description="Export as CSV", permissions=["view"])
def export_csv(page: Any, request: HttpRequest, rows: QuerySet[Model]) -> StreamingHttpResponse:
    """Stream the selected rows with the list's columns; who took them is kept in the audit trail."""
    name = rows.model._meta.model_name or "rows"
    person: Any = request.user
    entry = Entry("desk_exported", rows.model._meta.label_lower, None, person.tenant_id, {"rows": rows.count()})
    record_all([entry], actor=person)
    response = StreamingHttpResponse(_lines(page, request, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(page: Any, request: HttpRequest, rows: QuerySet[Model]) -> Iterator[str]:
    columns = [column for column in page.get_list_display(request) if column != "action_checkbox"]
    writer = csv.writer(_Echo())
    yield writer.writerow([label_for_field(column, rows.model, page) for column in columns])
    for row in rows[:MOST_ROWS].iterator(chunk_size=500):
        yield writer.writerow([cell(lookup_field(column, row, page)[2]) for column in columns])


def cell(value: Any) -> str:
    """Return a value as a spreadsheet may read it: times in India's, nothing that it would take for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime) and is_aware(value):
        return localtime(value).isoformat(sep=" ", timespec="milliseconds")
    text = strip_tags(str(value))
    is_formula = text.startswith(_FORMULA) and not set(text) <= _NUMBER
    return f"'{text}" if is_formula else text
