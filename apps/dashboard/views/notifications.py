"""What the person was told, as a dialog's inside or as a page, and noting that it was read."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services.bell import bell_of
from apps.dashboard.views.pages import frame
from apps.notifications.services.reading import mark_read, newest
from bus import live

_LONGEST_ID = 18


@require_GET
@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    """Show the newest messages."""
    user = person_of(request)
    context = {"notes": newest(user, at=timezone.now()), "unread": bell_of(user).unread}
    if request.headers.get("HX-Request"):
        return render(request, "dashboard/parts/notifications.html", context)
    return render(request, "dashboard/notifications.html", frame(request, page="notifications", **context))


@require_POST
@signed_in
def read(request: HttpRequest) -> HttpResponse:
    """Note that one message (``id``) or all of them were read; the person's other pages learn it."""
    user, number = person_of(request), request.POST.get("id", "")
    if number and not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_ID):
        return HttpResponseBadRequest("No such message.")
    if mark_read(user, ids=[int(number)] if number else None, at=timezone.now()):
        live.announce([user.pk], "notice", {"code": "READ", "id": number})
    return HttpResponse(status=204) if request.headers.get("HX-Request") else redirect("dashboard:notifications")
