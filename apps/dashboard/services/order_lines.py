"""Orders as the pages show them, with what a person may ask of each."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from apps.dashboard import wording
from apps.dashboard.services.board import AskedLine, OrderLine
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.changes_in_force import UNTOUCHED, in_force_of
from apps.trading.services.order_requests import standing_of
from apps.trading.wording import CHECKING, advice
from brokers.catalog import SPECS
from domain.order_changes import NotAllowed, RequestKind, RequestStatus, Standing, check_cancel, check_changeable
from domain.orders import UNRESOLVED, IntentKind

READ = ("account", "intent__leg", "instrument")
"""What an order's line needs loaded."""

KEPT = "It takes you out of a position: the platform reprices or replaces it until you are out."


def order_lines(orders: Iterable[Order]) -> list[OrderLine]:
    """Return how orders are shown; what was asked of all of them is read at once."""
    found = list(orders)
    asked: dict[int, list[ChangeRequest]] = defaultdict(list)
    for request in ChangeRequest.objects.filter(order_id__in=[order.pk for order in found]).order_by("pk"):
        asked[request.order_id].append(request)
    return [_line(order, asked[order.pk]) for order in found]


def broker_name(slug: str) -> str:
    """Return a broker's own name; its slug where it is not known any more."""
    return SPECS[slug].name if slug in SPECS else slug


def _line(order: Order, asked: Sequence[ChangeRequest]) -> OrderLine:
    changes = in_force_of(asked).get(order.pk, UNTOUCHED)
    is_cancelling = order.cancel_requested_at is not None and order.status in UNRESOLVED
    standing = standing_of(order, changes)
    return OrderLine(
        id=order.pk,
        account_id=order.account_id,
        account=order.account.label or order.account.client_id,
        trade_id=order.intent.trade_id,
        symbol=order.instrument.symbol,
        side=order.side,
        kind=order.intent.kind,
        mode=order.intent.mode,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        order_type=order.order_type,
        price=order.price,
        average_price=order.average_price,
        decimals=order.instrument.decimals,
        status=order.status,
        words=wording.order_words(order.status),
        reason=wording.reason_words(order.reason_code, order.reason),
        raw_reason=" ".join(part for part in (order.reason_code, order.reason) if part),
        client_order_id=order.client_order_id,
        broker_order_id=order.broker_order_id,
        created_at=order.created_at,
        sent_ms=_milliseconds(order.created_at, order.submitted_at),
        answer_ms=_milliseconds(order.submitted_at, order.acknowledged_at),
        advice=advice(order.status),
        checking_since=(order.claimed_at or order.submitted_at) if order.status in CHECKING else None,
        broker=broker_name(order.account.broker),
        trigger_price=order.trigger_price,
        left=changes.quantity,
        is_cancelling=is_cancelling,
        can_cancel=_may(check_cancel, standing),
        can_change=_may(check_changeable, standing),
        asked=_asked(asked[-1]) if asked else None,
        kept=KEPT if order.intent.kind == IntentKind.EXIT and order.status in UNRESOLVED else "",
    )


def _may(check: Callable[[Standing], None], standing: Standing) -> bool:
    try:
        check(standing)
    except NotAllowed:
        return False
    return True


def _asked(request: ChangeRequest) -> AskedLine | None:
    """The last thing asked, unless the order's own state says it all."""
    if request.kind == RequestKind.CANCEL and request.status == RequestStatus.DONE:
        return None
    return AskedLine(wording.request_words(request.status), request.note)


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return int((end - start).total_seconds() * 1000)
