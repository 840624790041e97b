"""Orders and fills."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import FillFilters, OrderFilters
from apps.api.serializers.orders import FillOut, OrderOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.trading.models import Fill, Order
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


@extend_schema(summary="Fills", parameters=[FillFilters])
class FillList(ScopedList[Fill]):
    """Executions."""

    serializer_class = FillOut
    filters = FillFilters

    def rows(self, user: User) -> QuerySet[Fill]:
        """Return the person's fills."""
        return Fill.objects.for_user(user).select_related("order__intent", "order__instrument")
