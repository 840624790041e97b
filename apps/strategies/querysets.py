"""Which strategies, maps and signals somebody may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from apps.broker_accounts.querysets import visible_to

if TYPE_CHECKING:
    from apps.strategies.models import Signal, Strategy, StrategyMap
    from apps.users.models import User


class StrategyQuerySet(models.QuerySet["Strategy"]):
    """Reads of strategies."""

    def for_user(self, user: User) -> StrategyQuerySet:
        """Strategies of the person's tenant; a trader's are those an own account is mapped to."""
        if user.role == "admin" and user.tenant_id is None:
            return self
        own = self.filter(tenant=user.tenant)
        return own if user.is_operator else own.filter(visible_to(user, "maps__account__")).distinct()


class StrategyMapQuerySet(models.QuerySet["StrategyMap"]):
    """Reads of subscriptions of accounts."""

    def for_user(self, user: User) -> StrategyMapQuerySet:
        """Maps whose account this person may see."""
        return self.filter(visible_to(user, "account__"))


class SignalQuerySet(models.QuerySet["Signal"]):
    """Reads of signals."""

    def for_user(self, user: User) -> SignalQuerySet:
        """Signals of strategies this person may see."""
        if user.role == "admin" and user.tenant_id is None:
            return self
        own = self.filter(tenant=user.tenant)
        return own if user.is_operator else own.filter(visible_to(user, "strategy__maps__account__")).distinct()
