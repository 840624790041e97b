"""Somebody has seen it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Notification
from apps.users.models import User


def acknowledge(notifications: Iterable[Notification], *, actor: User, at: datetime) -> int:
    """Note who has seen messages; those seen before keep their time. Returns how many were new."""
    ids = [one.pk for one in notifications]
    with transaction.atomic():
        fresh = list(Notification.objects.select_for_update().filter(pk__in=ids, acknowledged_at__isnull=True))
        Notification.objects.filter(pk__in=[one.pk for one in fresh]).update(acknowledged_at=at)
        record_all((_entry(one) for one in fresh), actor=actor)
    return len(fresh)


def _entry(one: Notification) -> Entry:
    return Entry("notification_acknowledged", "notifications.notification", one.pk, one.tenant_id, {"code": one.code})
