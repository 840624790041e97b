"""Which halts are in force, and who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from apps.risk.models import Halt
    from apps.users.models import User


class HaltQuerySet(models.QuerySet["Halt"]):
    """Reads of halts."""

    def active(self) -> HaltQuerySet:
        """Halts nobody has released."""
        return self.filter(released_at__isnull=True)

    def for_user(self, user: User) -> HaltQuerySet:
        """Halts that reach this person's tenant; the platform's reach everybody."""
        if user.role == "admin" and user.tenant_id is None:
            return self
        own = Q(tenant_id=user.tenant_id) | Q(strategy__tenant_id=user.tenant_id) | Q(account__tenant_id=user.tenant_id)
        return self.filter(own | Q(scope="PLATFORM")).distinct()
