"""Accounts and positions."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import AccountFilters, HoldingFilters, PositionFilters
from apps.api.serializers.accounts import AccountOut, HoldingOut, PositionOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.broker_accounts.models import BrokerAccount
from apps.risk.services.halts import ActiveHalts
from apps.trading.models import Holding, Position
from apps.trading.services.outside import broker_totals, shares_of
from apps.users.models import User


class _Accounts(Scoped[BrokerAccount]):
    serializer_class = AccountOut

    def rows(self, user: User) -> QuerySet[BrokerAccount]:
        return BrokerAccount.objects.for_user(user).select_related("user").prefetch_related("states")

    def priced(self, rows: Sequence[BrokerAccount]) -> dict[str, Any]:
        return super().priced(rows) | {"halts": ActiveHalts.load() if rows else ActiveHalts(())}


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
        return Position.objects.for_user(user).select_related("instrument", "account")

    def instruments(self, row: Position) -> Iterable[int]:
        """Return the position's contract."""
        return [row.instrument_id]

    def priced(self, rows: Sequence[Position]) -> dict[str, Any]:
        """Return the context with the page's prices and what explains its quantities, read at once."""
        accounts = {row.account_id for row in rows}
        return super().priced(rows) | {"shares": shares_of(accounts), "totals": broker_totals(accounts)}


@extend_schema(summary="Holdings", parameters=[HoldingFilters])
class HoldingList(ScopedList[Holding]):
    """Delivered securities as the brokers last showed them; `read_at` says when."""

    serializer_class = HoldingOut
    filters = HoldingFilters

    def rows(self, user: User) -> QuerySet[Holding]:
        """Return the person's holdings."""
        return Holding.objects.for_user(user).select_related("account")
