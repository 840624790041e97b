"""Asking for one's own resting entries to be cancelled or changed."""

from collections.abc import Callable
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.authentication import person_of
from apps.api.errors import Conflict
from apps.api.idempotency import HEADER, once
from apps.api.permissions import MayTrade
from apps.api.serializers.order_requests import ChangeIn, RequestOut
from apps.api.throttling import PerKey
from apps.api.views.base import ScopedDetail
from apps.markets.clock import now
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from apps.users.models import User
from bus import clock
from domain.order_changes import NotAllowed

_HEADER = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="A repeated request with the same key gets the first answer."
)
_ANSWERS = {
    202: RequestOut,
    404: OpenApiResponse(description="No such order."),
    409: OpenApiResponse(description="The order may not be cancelled or changed now; the code says why."),
}


class _Asking(APIView):
    permission_classes = [IsAuthenticated, MayTrade]
    throttle_classes = [PerKey]


class CancelOrder(_Asking):
    """Ask for an entry's order to be cancelled. Exits are not: the platform replaces them until the position is left.

    The answer comes before the broker's: follow the order until it is over. It may still fill before that.
    """

    @extend_schema(summary="Cancel an order", request=None, parameters=[_HEADER], responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """Check, ask, and answer with the request."""
        press = _press(request, pk)
        return once(request, lambda: _accepted(lambda: ask_cancel(press, now=now(), wall=clock.now())))


class ChangeOrder(_Asking):
    """Ask for the price, the trigger or the quantity of a resting entry to be changed; follow it at
    ``order-requests/``."""

    @extend_schema(summary="Change an order", request=ChangeIn, parameters=[_HEADER], responses=_ANSWERS)
    def post(self, request: Request, pk: int) -> Response:
        """Check, ask, and answer with the request."""
        asked = ChangeIn(data=request.data)
        asked.is_valid(raise_exception=True)
        press = _press(request, pk)
        return once(request, lambda: _accepted(lambda: ask_change(press, asked.wish(), wall=clock.now())))


@extend_schema(summary="One request about an order")
class RequestDetail(ScopedDetail[ChangeRequest]):
    """What became of a request to cancel or change an order."""

    serializer_class = RequestOut

    def rows(self, user: User) -> QuerySet[ChangeRequest]:
        """Return the requests about the person's accounts."""
        return ChangeRequest.objects.for_user(user)


def _press(request: Request, pk: int) -> Press:
    """The header's key names the request in the database, too: it is one there should Redis have forgotten it."""
    user, key = person_of(request), request.headers.get(HEADER)
    return Press(pk, user, _named(user, key) if key is not None else uuid4())


def _named(user: User, key: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"{user.pk}:{key}")


def _accepted(ask: Callable[[], ChangeRequest]) -> Response:
    try:
        made = ask()
    except Order.DoesNotExist:
        raise Http404 from None
    except NotAllowed as refusal:
        raise Conflict(refusal.message, refusal.code.lower()) from refusal
    return Response(RequestOut(made).data, status=202)
