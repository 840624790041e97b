"""What a person has been told, and noting that it was read."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from apps.notifications.models import Notification, NotificationRead
from apps.notifications.querysets import NotificationQuerySet
from apps.users.models import User

KEPT = timedelta(days=7)
"""How far back a person's list goes."""

MOST = 50
MOST_UNREAD = 100


def newest(user: User, *, at: datetime) -> Sequence[Notification]:
    """Return the person's newest messages, each with ``is_read``."""
    return list(_recent(user, at).with_read(user).order_by("-created_at", "-pk")[:MOST])


def unread(user: User, *, at: datetime) -> Sequence[Notification]:
    """Return the messages the person has not read, newest first, a hundred at most."""
    rows = _recent(user, at).exclude(reads__user_id=user.pk)
    return list(rows.order_by("-created_at", "-pk")[:MOST_UNREAD])


def mark_read(user: User, *, ids: Collection[int] | None, at: datetime) -> int:
    """Note that a person has read some messages (``None``: all); foreign ones are left alone. Returns how many."""
    rows = Notification.objects.for_user(user).exclude(reads__user_id=user.pk)
    wanted = rows if ids is None else rows.filter(pk__in=ids)
    reads = [NotificationRead(notification_id=pk, user=user, at=at) for pk in wanted.values_list("pk", flat=True)]
    NotificationRead.objects.bulk_create(reads, ignore_conflicts=True)
    return len(reads)


def _recent(user: User, at: datetime) -> NotificationQuerySet:
    return Notification.objects.for_user(user).filter(created_at__gt=at - KEPT)
