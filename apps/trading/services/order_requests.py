"""Asking for an order to be cancelled or changed: one row per press, checked and audited; nothing here goes on a wire.

A cancel is written on the order itself, like every cancel of ours: its account's lane asks the broker until the book
shows the order over. A change waits as a row until the lane takes it up (``order_changes``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.audit.services.record import record
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.announce import announce_orders
from apps.trading.services.changes_in_force import UNTOUCHED, InForce, changes_in_force
from apps.trading.services.names import serving_broker
from apps.trading.services.touches import touches
from apps.users.models import User
from brokers.catalog import SPECS
from bus import commands
from domain.order_changes import (
    NotAllowed,
    RequestKind,
    RequestStatus,
    Standing,
    Wish,
    check_cancel,
    check_change,
)
from domain.orders import IntentKind, OrderStatus, OrderType, Side

CANCELLED_BY_HAND = "CANCELLED_BY_HAND"
_READ = ("account", "instrument", "intent__leg__instrument", "intent__trade__strategy")


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button: which order, whose, and the key that makes a repeated press the same."""

    order_id: int
    user: User
    key: UUID


def ask_cancel(press: Press, *, now: datetime, wall: datetime) -> ChangeRequest:
    """Ask for an order to be cancelled; a press seen before gets its first request back.

    What was not sent yet is given up at once. Raises ``Order.DoesNotExist`` for an order the person may not see, and
    ``NotAllowed``.
    """
    with transaction.atomic():
        order = _locked(press)
        if (known := _known(press, RequestKind.CANCEL, Wish())) is not None:
            return known
        check_cancel(standing_of(order))
        request = _written(press, order, RequestKind.CANCEL, wall=wall, status=RequestStatus.DONE, finished_at=wall)
        _overtake_changes(order, wall)
        _withdraw(order, now)
        announce_orders([order])
        commands.wake_execution([order.account.shard])
    return request


def ask_change(press: Press, wish: Wish, *, wall: datetime) -> ChangeRequest:
    """Ask for a resting entry's price, trigger or quantity to be changed; a press seen before gets its request back.

    Raises ``Order.DoesNotExist`` for an order the person may not see, and ``NotAllowed``.
    """
    with transaction.atomic():
        order = _locked(press)
        if (known := _known(press, RequestKind.CHANGE, wish)) is not None:
            return known
        check_wish(order, wish)
        wished = wish.without(standing_of(order))
        request = _written(
            press,
            order,
            RequestKind.CHANGE,
            wall=wall,
            price=wished.price,
            trigger_price=wished.trigger_price,
            quantity=wished.quantity,
        )
        commands.wake_execution([order.account.shard])
    return request


def standing_of(order: Order, in_force: InForce | None = None) -> Standing:
    """Return an order as it stands; needs its account, instrument, leg and trade loaded.

    A broker the catalogue does not know any more takes no changes.
    """
    changes = changes_in_force([order.pk]).get(order.pk, UNTOUCHED) if in_force is None else in_force
    spec = SPECS.get(serving_broker(order.account.broker, order.intent.mode))
    return Standing(
        kind=IntentKind(order.intent.kind),
        status=OrderStatus(order.status),
        side=Side(order.side),
        order_type=OrderType(order.order_type),
        quantity=changes.quantity or order.quantity,
        filled_quantity=order.filled_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        lot_size=order.instrument.lot_size,
        tick_size=order.instrument.tick_size,
        changes_left=0 if spec is None else spec.max_modifications - order.modifications,
        is_cancelling=order.cancel_requested_at is not None,
        is_leaving=bool(order.intent.leg.exit_reason),
        is_changing=changes.is_changing,
    )


def check_wish(order: Order, wish: Wish, *, is_own: bool = False) -> None:
    """Raise ``NotAllowed`` unless the order may be changed so now; ``is_own``: the change under way is this one."""
    standing = standing_of(order)
    if is_own:
        standing = replace(standing, is_changing=False)
    touch = touches([order.instrument_id]).get(order.instrument_id) if wish.price is not None else None
    check_change(standing, wish, touch=touch, protection=settings.ENTRY_PROTECTION_PERCENT)


def wish_of(request: ChangeRequest) -> Wish:
    """Return what a request wishes."""
    return Wish(request.price, request.trigger_price, request.quantity)


def _locked(press: Press) -> Order:
    """Lock the order alone: nothing else is waited for while it is held."""
    rows = Order.objects.for_user(press.user).select_related(*_READ)
    return rows.select_for_update(of=("self",)).get(pk=press.order_id)


def _known(press: Press, kind: RequestKind, wish: Wish) -> ChangeRequest | None:
    """Return the request of a press that was seen before; raises ``NotAllowed`` where it asked for something else."""
    known = ChangeRequest.objects.filter(asked_by=press.user, key=press.key).first()
    if known is None:
        return None
    is_same = (known.order_id, known.kind) == (press.order_id, kind) and _is_part(wish_of(known), wish)
    if not is_same:
        raise NotAllowed("KEY_REUSED", "This request was made before, for something else. Open the dialog anew.")
    return known


def _is_part(stored: Wish, wish: Wish) -> bool:
    """Whether a stored wish, less what the order had already, may be what is wished now."""
    pairs = zip(_values(stored), _values(wish), strict=True)
    return all(kept is None or kept == asked for kept, asked in pairs)


def _values(wish: Wish) -> tuple[Decimal | int | None, ...]:
    return wish.price, wish.trigger_price, wish.quantity


def _written(press: Press, order: Order, kind: RequestKind, *, wall: datetime, **fields: object) -> ChangeRequest:
    request = ChangeRequest.objects.create(
        tenant_id=order.intent.tenant_id,
        account_id=order.account_id,
        order=order,
        kind=kind,
        key=press.key,
        asked_by=press.user,
        asked_at=wall,
        **fields,
    )
    wished: Mapping[str, object] = {name: value for name, value in fields.items() if name in _WISHED and value}
    record(
        f"order_{kind.lower()}_asked",
        order,
        tenant_id=order.intent.tenant_id,
        actor=press.user,
        request=request.pk,
        client_order_id=order.client_order_id,
        **wished,
    )
    return request


_WISHED = ("price", "trigger_price", "quantity")


def _overtake_changes(order: Order, wall: datetime) -> None:
    """A change that was not sent is not sent any more."""
    waiting = order.change_requests.filter(kind=RequestKind.CHANGE, status=RequestStatus.WAITING)
    waiting.update(status=RequestStatus.OVERTAKEN, note="The order was to be cancelled.", finished_at=wall)


def _withdraw(order: Order, now: datetime) -> None:
    """Give up what was not sent, and mark the rest for its lane."""
    if order.status == OrderStatus.PENDING:
        order.status, order.reason_code, order.finished_at = OrderStatus.ABORTED, CANCELLED_BY_HAND, now
        order.save(update_fields=["status", "reason_code", "finished_at"])
        record("order_aborted", order, tenant_id=order.intent.tenant_id, status=order.status, code=order.reason_code)
        return
    order.cancel_requested_at = now
    order.save(update_fields=["cancel_requested_at"])
