"""Which broker accounts somebody may see, and which a worker must serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from bus import clock

if TYPE_CHECKING:
    from apps.broker_accounts.models import BrokerAccount, BrokerSession
    from apps.users.models import User


def visible_to(user: User, prefix: str = "") -> Q:
    """The rows a person may see, as a filter on the account at ``prefix`` (``"account__"`` for rows that have one)."""
    if user.role == "admin" and user.tenant_id is None:
        return Q()
    tenant = Q(**{f"{prefix}tenant_id": user.tenant_id})
    if user.is_operator:
        return tenant
    if user.role == "manager":
        return tenant & (Q(**{f"{prefix}user__manager_id": user.pk}) | Q(**{f"{prefix}user_id": user.pk}))
    return tenant & Q(**{f"{prefix}user_id": user.pk})


class BrokerAccountQuerySet(models.QuerySet["BrokerAccount"]):
    """Reads of accounts."""

    def for_user(self, user: User) -> BrokerAccountQuerySet:
        """Accounts this person may see."""
        return self.filter(visible_to(user))

    def active(self) -> BrokerAccountQuerySet:
        """Accounts in use."""
        return self.filter(is_active=True, user__is_active=True, tenant__is_active=True)

    def of_shard(self, shard: int) -> BrokerAccountQuerySet:
        """Accounts one execution process owns."""
        return self.active().filter(shard=shard)


class BrokerSessionQuerySet(models.QuerySet["BrokerSession"]):
    """Reads of broker sessions. A broker's hours are the wall clock's, also in a replay."""

    def usable(self) -> BrokerSessionQuerySet:
        """Sessions whose token should still be accepted, newest first."""
        return self.filter(lost_at__isnull=True, expires_at__gt=clock.now()).order_by("-opened_at")
