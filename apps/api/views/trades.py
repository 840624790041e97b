"""Trades."""

from collections.abc import Iterable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import TradeFilters
from apps.api.serializers.trades import TradeOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.trading.models import Trade
from apps.users.models import User


class _Trades(Scoped[Trade]):
    serializer_class = TradeOut

    def rows(self, user: User) -> QuerySet[Trade]:
        return (
            Trade.objects.for_user(user)
            .select_related("account", "strategy", "wave")
            .prefetch_related("legs__instrument")
        )

    def instruments(self, row: Trade) -> Iterable[int]:
        return [leg.instrument_id for leg in row.legs.all()]


@extend_schema(summary="Trades", parameters=[TradeFilters])
class TradeList(_Trades, ScopedList[Trade]):
    """Trades, newest first. Open ones are marked at the last prices."""

    filters = TradeFilters


@extend_schema(summary="One trade")
class TradeDetail(_Trades, ScopedDetail[Trade]):
    """One trade."""
