"""Which halts are in force, which flattenings wait, and who may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from apps.risk.models import FlattenRequest, Halt
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
        return self.filter(_of_tenant(user) | Q(scope="PLATFORM")).distinct()


class FlattenRequestQuerySet(models.QuerySet["FlattenRequest"]):
    """Reads of flattenings."""

    def for_user(self, user: User) -> FlattenRequestQuerySet:
        """Flattenings of this person's tenant; the platform's are the installation's own."""
        if user.role == "admin" and user.tenant_id is None:
            return self
        return self.filter(_of_tenant(user)).distinct()


def _of_tenant(user: User) -> Q:
    return Q(tenant_id=user.tenant_id) | Q(strategy__tenant_id=user.tenant_id) | Q(account__tenant_id=user.tenant_id)
