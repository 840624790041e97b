"""Orders and fills."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import ExternalOrderFilters, FillFilters, OrderFilters
from apps.api.serializers.orders import ExternalOrderOut, FillOut, OrderOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.trading.models import ExternalOrder, Fill, Order
from apps.trading.services.outside import instruments_of
from apps.users.models import User


class _Orders(Scoped[Order]):
    serializer_class = OrderOut

    def rows(self, user: User) -> QuerySet[Order]:
        return Order.objects.for_user(user).select_related("intent__trade", "instrument")


@extend_schema(summary="Orders", parameters=[OrderFilters])
class OrderList(_Orders, ScopedList[Order]):
    """Orders with their state and its reason."""

    filters = OrderFilters


@extend_schema(summary="One order")
class OrderDetail(_Orders, ScopedDetail[Order]):
    """One order."""


@extend_schema(summary="Orders placed outside the platform", parameters=[ExternalOrderFilters])
class ExternalOrderList(ScopedList[ExternalOrder]):
    """Orders in your accounts' books at the brokers that the platform did not place."""

    serializer_class = ExternalOrderOut
    filters = ExternalOrderFilters

    def rows(self, user: User) -> QuerySet[ExternalOrder]:
        """Return the person's rows."""
        return ExternalOrder.objects.for_user(user).select_related("account")

    def priced(self, rows: Sequence[ExternalOrder]) -> dict[str, Any]:
        """Return the context: the page's contracts, read at once."""
        return {"request": self.request, "instruments": instruments_of(rows)}


@extend_schema(summary="Fills", parameters=[FillFilters])
class FillList(ScopedList[Fill]):
    """Executions."""

    serializer_class = FillOut
    filters = FillFilters

    def rows(self, user: User) -> QuerySet[Fill]:
        """Return the person's fills."""
        return Fill.objects.for_user(user).select_related("order__intent", "order__instrument")
