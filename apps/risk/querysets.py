"""Which halts are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from apps.risk.models import Halt


class HaltQuerySet(models.QuerySet["Halt"]):
    """Reads of halts."""

    def active(self) -> HaltQuerySet:
        """Halts nobody has released."""
        return self.filter(released_at__isnull=True)

    def touching(self, *, tenant_id: int, strategy_id: int | None, account_id: int) -> HaltQuerySet:
        """Active halts that stop this account's entries for this strategy."""
        return self.active().filter(
            Q(scope="PLATFORM")
            | Q(scope="TENANT", tenant_id=tenant_id)
            | Q(scope="STRATEGY", strategy_id=strategy_id)
            | Q(scope="ACCOUNT", account_id=account_id)
        )
