"""What becomes of orders nobody can account for: waited for, told about, and never blindly sent again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Order, Trade
from apps.trading.services.announce import announce_orders
from apps.trading.services.rows import update_rows
from apps.trading.services.settle import settle
from bus import failpoints
from bus.leases import doubtful_terms
from domain.orders import IntentKind, OrderStatus

PROVING_READS = 3
PARK_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Senders:
    """What is known of those who claimed orders: epochs whose holder was never proved gone, with when a person
    confirmed it. An order claimed under another lease with a higher ``epoch`` than ours is in doubt, too."""

    epoch: int
    doubtful: Mapping[int, datetime | None]

    @classmethod
    def of(cls, lease: str, *, epoch: int) -> "Senders":
        """Read how the terms of a lease ended."""
        return cls(epoch, doubtful_terms(lease))

    def is_proved_gone(self, order: Order) -> bool:
        """Whether whoever claimed the order can send nothing any more, or is ourselves."""
        return order.epoch <= self.epoch and self.doubtful.get(order.epoch, order.claimed_at) is not None

    def quiet_since(self, order: Order) -> datetime | None:
        """Return since when nothing of the order can have left: its claim, its last answer, or the confirmation."""
        times = (order.claimed_at, order.changed_at, self.doubtful.get(order.epoch))
        return max((at for at in times if at is not None), default=None)


def mark_overdue(*, shard: int, wall: datetime) -> int:
    """Call SUBMITTED orders unknown once their answer can no longer come; returns how many."""
    latest = wall - timedelta(seconds=settings.BROKER_TIMEOUT_SECONDS + 3)
    overdue = Order.objects.filter(account__shard=shard, status=OrderStatus.SUBMITTED, claimed_at__lt=latest)
    return call_unknown(overdue, reason_code="NO_ANSWER", wall=wall)


def disown(*, shard: int, epoch: int, wall: datetime) -> int:
    """Call what an earlier epoch left SUBMITTED unknown: nobody here knows what reached the broker."""
    left = Order.objects.filter(account__shard=shard, status=OrderStatus.SUBMITTED, epoch__lt=epoch)
    return call_unknown(left, reason_code="SENDER_GONE", wall=wall)


def call_unknown(orders: QuerySet[Order], *, reason_code: str, wall: datetime) -> int:
    """Move SUBMITTED orders to UNKNOWN; the waiting time of a resend begins now. Returns how many."""
    with transaction.atomic():
        rows = list(orders.select_for_update(of=("self",)).select_related("account", "intent").order_by("pk"))
        for order in rows:
            order.status, order.reason_code, order.changed_at = OrderStatus.UNKNOWN, reason_code, wall
        update_rows(rows, ["status", "reason_code", "changed_at"])
        record_all(_entry("order_unknown", order) for order in rows)
        announce_orders(rows)
    return len(rows)


def resolve_unknown(
    *, shard: int, lease: str, epoch: int, resend_waits: dict[str, int], now: datetime, wall: datetime
) -> list[Order]:
    """Decide on unknown orders the books do not show. ``resend_waits``: seconds per broker before an exit may be
    called absent.

    An entry is absent when its intent's time is over and three spaced, complete reads lack it; should it appear later
    it is adopted. An exit also waits for its broker's longest known delay, counted from when its sender was done with
    it. Without proof that the sender is gone no time is long enough: the exit is parked, and somebody is paged.
    """
    with transaction.atomic():
        rows = list(
            Order.objects.filter(account__shard=shard, status__in=[OrderStatus.UNKNOWN, OrderStatus.PARKED])
            .select_related("account", "instrument", "intent__trade")
            .order_by("pk")
        )
        if not rows:
            return []
        senders = Senders.of(lease, epoch=epoch)
        waits = {order.pk: timedelta(seconds=resend_waits.get(order.account.broker, 120)) for order in rows}
        _tell(rows, wall)
        _park([order for order in rows if _is_stuck(order, senders, waits[order.pk], wall)])
        absent = [order for order in rows if _is_absent(order, senders, waits[order.pk], now=now)]
        if not absent:
            return []
        trade_ids = {order.intent.trade_id for order in absent}
        list(Trade.objects.select_for_update().filter(pk__in=trade_ids).order_by("pk"))
        for order in absent:
            order.status, order.reason_code, order.finished_at = OrderStatus.ABSENT, "NEVER_ARRIVED", now
        update_rows(absent, ["status", "reason_code", "finished_at"])
        settle(trade_ids, now=now, wall=wall)
        record_all(_entry("order_absent", order) for order in absent)
        announce_orders(absent)
        failpoints.reach("resolver.before_commit")
    failpoints.reach("resolver.absent_committed")
    return absent


def _is_absent(order: Order, senders: Senders, wait: timedelta, *, now: datetime) -> bool:
    if order.absent_reads < PROVING_READS or order.claimed_at is None:
        return False
    if order.intent.kind == IntentKind.ENTRY:
        return order.intent.expires_at is not None and order.intent.expires_at <= now
    return senders.is_proved_gone(order) and _was_missing_after(order, senders.quiet_since(order), wait)


def _was_missing_after(order: Order, since: datetime | None, wait: timedelta) -> bool:
    """Whether the last book that lacked the order was read when every copy of it must long have arrived."""
    return since is not None and order.last_absent_at is not None and order.last_absent_at - since >= wait


def _is_stuck(order: Order, senders: Senders, wait: timedelta, wall: datetime) -> bool:
    """Whether waiting alone will not tell: books that cannot be read, or a sender that may still be at work."""
    since = senders.quiet_since(order)
    if order.status != OrderStatus.UNKNOWN or since is None:
        return False
    if order.absent_reads < PROVING_READS:
        return wall - since >= PARK_AFTER
    is_exit = order.intent.kind == IntentKind.EXIT
    return is_exit and not senders.is_proved_gone(order) and wall - since >= wait


def _park(orders: list[Order]) -> None:
    """Give up hurrying, not looking: a parked order is still searched for in every book."""
    for order in orders:
        order.status = OrderStatus.PARKED
        notify(
            key=f"parked:{order.pk}",
            code="ORDER_PARKED",
            text=f"{order.account}: nobody can tell what became of {order}. It is not sent again; look at the broker.",
            tenant_id=order.intent.tenant_id,
            user_id=order.account.user_id,
            level=Level.PAGE,
        )
    update_rows(orders, ["status"])
    record_all(_entry("order_parked", order) for order in orders)
    announce_orders(orders)


def _entry(kind: str, order: Order) -> Entry:
    data = {"status": order.status, "code": order.reason_code}
    return Entry(kind, "trading.order", order.pk, order.intent.tenant_id, data)


def _tell(orders: list[Order], wall: datetime) -> None:
    for order in orders:
        age = wall - order.claimed_at if order.claimed_at else timedelta(0)
        if age >= timedelta(seconds=settings.UNKNOWN_ALERT_SECONDS):
            notify(
                key=f"unknown:{order.pk}",
                code="ORDER_UNKNOWN",
                text=f"{order.account}: checking with the broker what became of an order in {order.instrument.symbol}.",
                tenant_id=order.intent.tenant_id,
                user_id=order.account.user_id,
                level=Level.PAGE,
            )
