"""Accounts and positions."""

from collections.abc import Iterable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import AccountFilters, PositionFilters
from apps.api.serializers.accounts import AccountOut, PositionOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.broker_accounts.models import BrokerAccount
from apps.trading.models import Position
from apps.users.models import User


class _Accounts(Scoped[BrokerAccount]):
    serializer_class = AccountOut

    def rows(self, user: User) -> QuerySet[BrokerAccount]:
        return BrokerAccount.objects.for_user(user).select_related("user").prefetch_related("states")


@extend_schema(summary="Accounts", parameters=[AccountFilters])
class AccountList(_Accounts, ScopedList[BrokerAccount]):
    """The broker accounts you may see."""

    filters = AccountFilters


@extend_schema(summary="One account")
class AccountDetail(_Accounts, ScopedDetail[BrokerAccount]):
    """One broker account."""


@extend_schema(summary="Positions", parameters=[PositionFilters])
class PositionList(ScopedList[Position]):
    """Net positions as the brokers last showed them. Paper and live never mix."""

    serializer_class = PositionOut
    filters = PositionFilters

    def rows(self, user: User) -> QuerySet[Position]:
        """Return the person's positions."""
        return Position.objects.for_user(user).select_related("instrument")

    def instruments(self, row: Position) -> Iterable[int]:
        """Return the position's contract."""
        return [row.instrument_id]
