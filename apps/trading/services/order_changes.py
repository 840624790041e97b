"""Putting changes people asked for on the wire at most once: claim and commit, then send, then record what it proves.

What an order call's rules are for places holds here, too: no answer is UNKNOWN and is never sent again. The order book
decides: a change it shows was made; one it still does not show when every copy must long have arrived was lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import AccountMode, BrokerSession
from apps.markets.services.calendar import is_open
from apps.risk.services.halts import ActiveHalts
from apps.trading.models import ChangeRequest, Order
from apps.trading.services.announce import announce_orders
from apps.trading.services.changes_in_force import UNTOUCHED, changes_in_force
from apps.trading.services.chase import Step, in_brokers_words
from apps.trading.services.order_requests import check_wish, wish_of
from apps.trading.services.submission import Lane, check_epoch
from domain.broker import Outcome, Verdict
from domain.order_changes import REQUEST_MOVES, NotAllowed, RequestKind, RequestStatus, Wish
from domain.orders import FINAL, WORKING, BrokerOrder, Mode, OrderChange, OrderType, Product, Side

LIVES = timedelta(seconds=30)
"""How long a change may wait to be sent: a price is not set minutes after somebody wished it."""

ANSWER_MARGIN = timedelta(seconds=3)
_READ = ("account", "instrument", "intent__leg__instrument", "intent__trade__strategy")


@dataclass(frozen=True, slots=True)
class Shown:
    """A lane's order book as it was last read: when the read began, and the rows by the broker's id."""

    read_at: datetime
    orders: Mapping[str, BrokerOrder]


def claim(
    *, shard: int, epoch: int, lease: str, ready: frozenset[Lane], now: datetime, wall: datetime
) -> tuple[list[Step], bool]:
    """Claim at most one change per free lane and commit it as SENT; returns the steps, and whether more waits.

    What may not be made any more is refused. Raises ``LeaseLost`` when another process has taken the shard over.
    """
    waiting = ChangeRequest.objects.filter(
        account__shard=shard, kind=RequestKind.CHANGE, status=RequestStatus.WAITING
    ).order_by("pk")
    if not waiting.exists():
        return [], False
    with transaction.atomic():
        check_epoch(lease, epoch)
        rows = list(waiting.select_for_update(of=("self",), skip_locked=True))
        orders = _locked_orders([row.order_id for row in rows])
        lanes = {row.pk: _lane_of(orders[row.order_id]) for row in rows if row.order_id in orders}
        chosen = _first_of_each([row for row in rows if lanes.get(row.pk) in ready], lanes)
        halts = ActiveHalts.load() if chosen else ActiveHalts(())
        steps = [_decided(row, orders[row.order_id], halts, epoch=epoch, now=now, wall=wall) for row in chosen]
        sent = [step for step in steps if step is not None]
    return in_brokers_words(sent, orders), len(rows) > len(chosen)


def _locked_orders(ids: Sequence[int]) -> dict[int, Order]:
    """Lock the orders, in id order; those somebody else holds wait for the next pass."""
    rows = Order.objects.filter(pk__in=ids).select_related(*_READ).order_by("pk")
    return {order.pk: order for order in rows.select_for_update(of=("self",), skip_locked=True)}


def _lane_of(order: Order) -> Lane:
    return order.account_id, order.intent.mode


def _first_of_each(rows: Iterable[ChangeRequest], lanes: Mapping[int, Lane]) -> list[ChangeRequest]:
    chosen: dict[Lane, ChangeRequest] = {}
    for row in rows:
        chosen.setdefault(lanes[row.pk], row)
    return list(chosen.values())


def _decided(
    row: ChangeRequest, order: Order, halts: ActiveHalts, *, epoch: int, now: datetime, wall: datetime
) -> Step | None:
    """Return the step of a change that may go, moved to SENT; ``None`` where it was refused for good."""
    try:
        _check_now(row, order, halts, now=now, wall=wall)
    except NotAllowed as refusal:
        _move(row, RequestStatus.REFUSED, wall, code=refusal.code, note=refusal.message)
        announce_orders([order])
        return None
    row.epoch, row.sent_at = epoch, wall
    _move(row, RequestStatus.SENT, wall)
    order.changed_at, order.modifications = wall, order.modifications + 1
    order.save(update_fields=["changed_at", "modifications"])
    return Step(
        order_id=order.pk,
        lane=_lane_of(order),
        broker_order_id=order.broker_order_id,
        change=_change(order, wish_of(row)),
        request_id=row.pk,
        tenant_id=row.tenant_id,
        strategy_id=order.intent.trade.strategy_id,
    )


def _check_now(row: ChangeRequest, order: Order, halts: ActiveHalts, *, now: datetime, wall: datetime) -> None:
    """Every doubt refuses: what a change makes of an entry may fill."""
    if wall - row.asked_at > LIVES:
        raise NotAllowed("EXPIRED", "It could not be sent in time. Ask again.")
    if order.intent.expires_at is not None and order.intent.expires_at <= now:
        raise NotAllowed("EXPIRED", "The entry's time is over.")
    if not is_open(order.instrument.exchange, now):
        raise NotAllowed("SESSION_CLOSED", "The market is closed.")
    halted = halts.reason(
        tenant_id=row.tenant_id, strategy_id=order.intent.trade.strategy_id, account_id=order.account_id
    )
    if halted:
        raise NotAllowed("HALTED", halted)
    if order.intent.mode == Mode.LIVE and not _is_live(order):
        raise NotAllowed("MODE_CHANGED", "The account is not live, or nobody is signed in to it.")
    check_wish(order, wish_of(row), is_own=True)


def _is_live(order: Order) -> bool:
    is_signed_in = BrokerSession.objects.usable().filter(account_id=order.account_id).exists()
    return order.account.mode == AccountMode.LIVE and is_signed_in


def _change(order: Order, wish: Wish) -> OrderChange:
    """Return the whole order as it should be: some brokers' changes repeat everything."""
    in_force = changes_in_force([order.pk]).get(order.pk, UNTOUCHED)
    return OrderChange(
        order_type=OrderType(order.order_type),
        quantity=wish.quantity or in_force.quantity or order.quantity,
        lot_size=order.instrument.lot_size,
        exchange=order.instrument.exchange,
        price=wish.price or _price(order.price),
        trigger_price=wish.trigger_price or _price(order.trigger_price),
        side=Side(order.side),
        product=Product(order.product),
    )


def _price(value: Decimal) -> Decimal | None:
    return value or None


def take_back(step: Step, *, code: str, reason: str, wall: datetime) -> None:
    """Take back a claimed change that was provably never sent: what is halted is refused, what was only too late waits
    again while its time lasts."""
    status = RequestStatus.REFUSED if code == "HALTED" else RequestStatus.WAITING
    _finish(step, status, code=code, note=reason, wall=wall)


def record_answers(done: Iterable[tuple[Step, Outcome]], *, wall: datetime) -> None:
    """Record what each answer proves; only changes still SENT move."""
    for step, outcome in done:
        _finish(step, _STATUS_OF[outcome.verdict], code=_code(outcome), note=outcome.message, wall=wall)


_STATUS_OF = {
    Verdict.ACKNOWLEDGED: RequestStatus.DONE,
    Verdict.REJECTED: RequestStatus.REFUSED,
    Verdict.RATE_LIMITED: RequestStatus.REFUSED,
    Verdict.SESSION_LOST: RequestStatus.REFUSED,
    Verdict.UNKNOWN: RequestStatus.UNKNOWN,
}


def _code(outcome: Outcome) -> str:
    return "" if outcome.verdict is Verdict.ACKNOWLEDGED else outcome.code or outcome.verdict.value


def _finish(step: Step, status: RequestStatus, *, code: str, note: str, wall: datetime) -> None:
    with transaction.atomic():
        order = _locked(step.order_id)
        row = ChangeRequest.objects.select_for_update().get(pk=step.request_id)
        if row.status != RequestStatus.SENT:
            return  # the book told first, or the order ended
        _take_over(order, row, status)
        _move(row, status, wall, code=code, note=note)
        announce_orders([order])


def _locked(order_id: int) -> Order:
    rows = Order.objects.select_related("account", "intent")
    return rows.select_for_update(of=("self",)).get(pk=order_id)


def _take_over(order: Order, row: ChangeRequest, status: RequestStatus) -> None:
    """Write the prices in force on the order. Its quantity stays what was placed: the fills decide about the rest."""
    if status is RequestStatus.DONE:
        order.price = order.price if row.price is None else row.price
        order.trigger_price = order.trigger_price if row.trigger_price is None else row.trigger_price
        order.save(update_fields=["price", "trigger_price"])


def _move(row: ChangeRequest, target: RequestStatus, wall: datetime, *, code: str = "", note: str = "") -> None:
    """Move a locked request along its table, with its line in the trail."""
    if target not in REQUEST_MOVES[RequestStatus(row.status)]:
        raise ValueError(f"request {row.pk}: {row.status} -> {target}")
    row.status, row.code, row.note = target, code[:40], note[:300]
    row.finished_at = None if REQUEST_MOVES[target] else wall
    row.save(update_fields=["status", "code", "note", "epoch", "sent_at", "finished_at"])
    data = {"request": row.pk, "state": target, "code": row.code}
    record_all([Entry(f"order_change_{target.lower()}", "trading.order", row.order_id, row.tenant_id, data)])


def tend(*, shard: int, epoch: int, shown: Mapping[Lane, Shown], waits: Mapping[str, int], wall: datetime) -> int:
    """Bring every open change of a shard as far as is known; returns how many moved.

    ``shown`` is what the lanes' books show, ``waits`` each broker's seconds until a call that no book shows is lost.
    """
    rows = ChangeRequest.objects.open().filter(account__shard=shard, kind=RequestKind.CHANGE)
    ids = list(rows.order_by("order_id").values_list("order_id", flat=True))
    return sum(_tended(pk, epoch, shown, waits, wall) for pk in ids)


def _tended(order_id: int, epoch: int, shown: Mapping[Lane, Shown], waits: Mapping[str, int], wall: datetime) -> bool:
    with transaction.atomic():
        order = _locked(order_id)
        row = (
            ChangeRequest.objects.open().select_for_update().filter(order_id=order_id, kind=RequestKind.CHANGE).first()
        )
        verdict = None if row is None else _verdict(row, order, epoch, shown, waits, wall)
        if row is None or verdict is None:
            return False
        status, code, note = verdict
        _take_over(order, row, status)
        _move(row, status, wall, code=code, note=note)
        announce_orders([order])
    return True


_Verdict = tuple[RequestStatus, str, str]


def _verdict(
    row: ChangeRequest,
    order: Order,
    epoch: int,
    shown: Mapping[Lane, Shown],
    waits: Mapping[str, int],
    wall: datetime,
) -> _Verdict | None:
    """Return what an open change has become, with a code and words; ``None`` while that is not known."""
    if order.status in FINAL:
        return RequestStatus.OVERTAKEN, "ORDER_OVER", "The order ended first."
    if row.status == RequestStatus.WAITING:
        return _of_waiting(row, order, wall)
    book, sent_at = shown.get(_lane_of(order)), row.sent_at or row.asked_at
    seen = book.orders.get(order.broker_order_id) if book is not None and book.read_at > sent_at else None
    if seen is not None and _shows(seen, wish_of(row)):
        return RequestStatus.DONE, "", ""
    if row.status == RequestStatus.SENT:
        return _of_sent(row, epoch, wall, sent_at)
    quiet_until = sent_at + timedelta(seconds=waits.get(order.account.broker, 120))
    if seen is not None and book is not None and book.read_at >= quiet_until:
        return RequestStatus.LOST, "NEVER_ARRIVED", "The broker's book still shows the order as it was."
    return None


def _of_waiting(row: ChangeRequest, order: Order, wall: datetime) -> _Verdict | None:
    if order.cancel_requested_at is not None:
        return RequestStatus.OVERTAKEN, "CANCELLING", "The order was to be cancelled."
    if wall - row.asked_at > LIVES or order.status not in WORKING:
        return RequestStatus.REFUSED, "EXPIRED", "It could not be sent in time. Ask again."
    return None


def _of_sent(row: ChangeRequest, epoch: int, wall: datetime, sent_at: datetime) -> _Verdict | None:
    """A sender that is gone, or an answer that can no longer come, leaves nobody who knows."""
    longest = timedelta(seconds=settings.BROKER_TIMEOUT_SECONDS) + ANSWER_MARGIN
    if row.epoch < epoch:
        return RequestStatus.UNKNOWN, "SENDER_GONE", ""
    return (RequestStatus.UNKNOWN, "NO_ANSWER", "") if wall - sent_at > longest else None


def _shows(seen: BrokerOrder, wish: Wish) -> bool:
    """Whether a book's row has everything that was wished."""
    return (
        (wish.price is None or seen.price == wish.price)
        and (wish.trigger_price is None or seen.trigger_price == wish.trigger_price)
        and (wish.quantity is None or seen.quantity == wish.quantity)
    )
