"""Asking for trades to be left."""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.authentication import person_of
from apps.api.errors import Conflict
from apps.api.idempotency import HEADER, once
from apps.api.permissions import MayTrade
from apps.api.serializers.square_off import SquareOffIn, SquareOffOut
from apps.api.throttling import PerKey
from apps.broker_accounts.models import BrokerAccount
from apps.markets import clock
from apps.trading.models import Trade
from apps.trading.services.exit import request_exit_of_all, request_exit_of_trade
from apps.users.models import User
from domain.orders import LIVE_TRADES, ExitReason

_HEADER = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="A repeated request with the same key gets the first answer."
)


class SquareOff(APIView):
    """Ask for one trade, an account's trades or all of them to be left at once.

    The answer comes before the exit: follow the trades until they are CLOSED. Asking again is harmless.
    """

    permission_classes = [IsAuthenticated, MayTrade]
    throttle_classes = [PerKey]

    @extend_schema(
        summary="Square off",
        request=SquareOffIn,
        parameters=[_HEADER],
        responses={202: SquareOffOut, 404: OpenApiResponse(description="No such trade or account.")},
    )
    def post(self, request: Request) -> Response:
        """Check, ask, and answer with the trades that are being left."""
        asked = SquareOffIn(data=request.data)
        asked.is_valid(raise_exception=True)
        return once(request, lambda: _accepted(person_of(request), asked.validated_data))


def _accepted(user: User, asked: dict[str, Any]) -> Response:
    now = clock.now()
    trades = _leave_one(user, asked["trade"], now) if "trade" in asked else _leave_many(user, asked.get("account"), now)
    return Response(SquareOffOut({"requested_at": now, "trades": trades}).data, status=202)


def _leave_one(user: User, trade_id: int, now: datetime) -> list[int]:
    trade = get_object_or_404(Trade.objects.for_user(user), pk=trade_id)
    if trade.status not in LIVE_TRADES:
        raise Conflict(f"Trade {trade.pk} is {trade.status}.", "trade_not_live")
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=user, now=now)
    return [trade.pk]


def _leave_many(user: User, account_id: int | None, now: datetime) -> list[int]:
    """Leave all of one account, or of every account the person may see."""
    trades = Trade.objects.for_user(user).live()
    accounts = None
    if account_id is not None:
        accounts = [get_object_or_404(BrokerAccount.objects.for_user(user), pk=account_id).pk]
        trades = trades.filter(account__in=accounts)
    ids = list(trades.order_by("pk").values_list("pk", flat=True))
    request_exit_of_all(user=user, reason=ExitReason.MANUAL, now=now, account_ids=accounts)
    return ids
