"""Which halts are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from apps.risk.models import Halt


class HaltQuerySet(models.QuerySet["Halt"]):
    """Reads of halts."""

    def active(self) -> HaltQuerySet:
        """Halts nobody has released."""
        return self.filter(released_at__isnull=True)
