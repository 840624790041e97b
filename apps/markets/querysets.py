"""Which contracts exist."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from apps.markets.models import Instrument


class InstrumentQuerySet(models.QuerySet["Instrument"]):
    """Reads of contracts; contracts belong to nobody."""

    def tradable(self, on: date) -> InstrumentQuerySet:
        """Contracts that have not expired."""
        return self.filter(is_active=True).filter(models.Q(expiry__isnull=True) | models.Q(expiry__gte=on))
