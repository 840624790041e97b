"""The operators' screen of what is not as it should be; it refreshes itself without moving anybody's focus."""

from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.tenants.admin_scoping import ScopedAdmin
from apps.trading.services.under_watch import Row, Section, under_watch
from apps.users.models import User

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def watch_urls(page: ScopedAdmin) -> list[URLPattern]:
    """Return the address of the screen."""

    def view(request: HttpRequest) -> HttpResponse:
        return _watch_page(page, request)

    return [path("under-watch/", page.admin_site.admin_view(view), name="trading_trade_under_watch")]


def _watch_page(page: ScopedAdmin, request: HttpRequest) -> HttpResponse:
    if not page.has_operate_permission(request):
        raise Http404
    wall = timezone.now()
    user = cast(User, request.user)
    sections = [_as_table(section, user) for section in under_watch(user, wall=wall)]
    context = {"sections": sections, "urgent": sum(one["urgent"] for one in sections), "at": wall}
    if request.headers.get("HX-Request"):
        return TemplateResponse(request, "admin/under_watch_part.html", context)
    context |= {**page.admin_site.each_context(request), "title": "Under watch"}
    return TemplateResponse(request, "admin/under_watch.html", context)


def _as_table(section: Section, user: User) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "nothing": section.nothing,
        "urgent": section.urgent,
        "rows": [_as_line(section.key, row, user) for row in section.rows],
    }


def _as_line(key: str, row: Row, user: User) -> dict[str, Any]:
    return {
        "id": f"{key}-{row.row.pk}",
        "href": _href(row, user),
        "what": row.what,
        "whose": row.whose,
        "says": row.says,
        "age": "" if row.age is None else _span(row.age),
        "is_urgent": row.is_urgent,
    }


def _href(row: Row, user: User) -> str:
    """Return where the row's own page is; events of the installation itself are its admins' alone."""
    if isinstance(row.row, AuditEvent) and user.tenant_id is not None:
        return ""
    meta = row.row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.row.pk])


def _span(seconds: float) -> str:
    """Write a span as people say it."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min" if whole < _DAY else f"{whole // _DAY} d"
