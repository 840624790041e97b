"""Which messages somebody is told, and which of them were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from apps.notifications.models import Notification
    from apps.users.models import User


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Reads of messages."""

    def for_user(self, user: User) -> NotificationQuerySet:
        """Messages to this person, and to the tenant's operators where the person is one."""
        own = Q(user_id=user.pk)
        if user.is_operator and user.tenant_id is not None:
            own |= Q(user__isnull=True, tenant_id=user.tenant_id)
        elif user.is_operator:
            own |= Q(user__isnull=True)
        return self.filter(own)

    def with_read(self, user: User) -> NotificationQuerySet:
        """Add ``is_read``: whether this person has read it."""
        reads = self.model.objects.filter(pk=OuterRef("pk"), reads__user_id=user.pk)
        return self.annotate(is_read=Exists(reads))
