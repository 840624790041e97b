"""Which trades, orders, fills and positions somebody may see, and which a worker must serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from apps.broker_accounts.querysets import visible_to
from domain.order_changes import OPEN_REQUESTS
from domain.orders import IN_FLIGHT, LIVE_TRADES, OPEN_INTENTS, UNRESOLVED, WORKING

if TYPE_CHECKING:
    from apps.trading.models import ChangeRequest, ExternalOrder, Fill, Holding, Intent, Order, Position, Trade
    from apps.users.models import User


class TradeQuerySet(models.QuerySet["Trade"]):
    """Reads of trades."""

    def for_user(self, user: User) -> TradeQuerySet:
        """Trades of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))

    def live(self) -> TradeQuerySet:
        """Trades that hold or may gain a position."""
        return self.filter(status__in=LIVE_TRADES)


class IntentQuerySet(models.QuerySet["Intent"]):
    """Reads of intents."""

    def for_user(self, user: User) -> IntentQuerySet:
        """Intents of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))

    def open(self) -> IntentQuerySet:
        """Intents not at their end."""
        return self.filter(status__in=OPEN_INTENTS)


class OrderQuerySet(models.QuerySet["Order"]):
    """Reads of orders."""

    def for_user(self, user: User) -> OrderQuerySet:
        """Orders of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))

    def unresolved(self) -> OrderQuerySet:
        """Orders that may still gain fills."""
        return self.filter(status__in=UNRESOLVED)

    def in_flight(self) -> OrderQuerySet:
        """Orders the broker may hold under an id we do not know."""
        return self.filter(status__in=IN_FLIGHT)

    def working(self) -> OrderQuerySet:
        """Orders resting at the broker."""
        return self.filter(status__in=WORKING)


class FillQuerySet(models.QuerySet["Fill"]):
    """Reads of fills."""

    def for_user(self, user: User) -> FillQuerySet:
        """Fills of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))


class PositionQuerySet(models.QuerySet["Position"]):
    """Reads of positions."""

    def for_user(self, user: User) -> PositionQuerySet:
        """Positions of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))


class ExternalOrderQuerySet(models.QuerySet["ExternalOrder"]):
    """Reads of orders placed outside the platform."""

    def for_user(self, user: User) -> ExternalOrderQuerySet:
        """Orders in accounts this person may see."""
        return self.filter(visible_to(user, "account__"))


class ChangeRequestQuerySet(models.QuerySet["ChangeRequest"]):
    """Reads of what people asked of orders."""

    def for_user(self, user: User) -> ChangeRequestQuerySet:
        """Requests about accounts this person may see."""
        return self.filter(visible_to(user, "account__"))

    def open(self) -> ChangeRequestQuerySet:
        """Requests that may still come about."""
        return self.filter(status__in=OPEN_REQUESTS)


class HoldingQuerySet(models.QuerySet["Holding"]):
    """Reads of delivered securities."""

    def for_user(self, user: User) -> HoldingQuerySet:
        """Holdings of accounts this person may see."""
        return self.filter(visible_to(user, "account__"))
