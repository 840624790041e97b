"""Signals."""

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema

from apps.api.filters import SignalFilters
from apps.api.serializers.signals import SignalOut
from apps.api.views.base import Scoped, ScopedDetail, ScopedList
from apps.broker_accounts.querysets import visible_to
from apps.strategies.models import Signal
from apps.trading.models import WaveVerdict
from apps.users.models import User


class _Signals(Scoped[Signal]):
    serializer_class = SignalOut

    def rows(self, user: User) -> QuerySet[Signal]:
        verdicts = WaveVerdict.objects.filter(visible_to(user, "account__"))
        mine = Prefetch("wave__verdicts", queryset=verdicts, to_attr="visible_verdicts")
        return Signal.objects.for_user(user).select_related("strategy", "wave").prefetch_related(mine)


@extend_schema(summary="Signals", parameters=[SignalFilters])
class SignalList(_Signals, ScopedList[Signal]):
    """What the strategies you see said, with the verdict on each of your accounts."""

    filters = SignalFilters


@extend_schema(summary="One signal")
class SignalDetail(_Signals, ScopedDetail[Signal]):
    """One signal."""
