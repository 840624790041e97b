"""Notifications on the operators' desk."""

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.notifications.models import Notification
from apps.notifications.services.acknowledge import acknowledge
from apps.tenants.admin_scoping import ReadOnlyAdmin
from apps.users.models import User


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What the tenant and its clients were told; pages wait to be acknowledged."""

    client_path = "user"
    list_display = ("created_at", "level", "code", "text", "user", "acknowledged_at")
    list_filter = ("level", "code", ("acknowledged_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("code", "text", "user__email")
    actions = ["acknowledge"]

    @admin.action(description="Acknowledge", permissions=["operate"])
    def acknowledge(self, request: HttpRequest, rows: QuerySet[Notification]) -> None:
        """Note that somebody has seen the messages."""
        seen = acknowledge(rows, actor=cast(User, request.user), at=timezone.now())
        messages.success(request, f"{seen} notifications were acknowledged.")
