"""What becomes of orders nobody can account for: waited for, told about, and never blindly sent again."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Order, Trade
from apps.trading.services.announce import announce_orders
from apps.trading.services.rows import update_rows
from apps.trading.services.settle import settle
from bus import failpoints
from domain.orders import IntentKind, OrderStatus

PROVING_READS = 3
PARK_AFTER = timedelta(minutes=10)


def mark_overdue(*, shard: int, epoch: int, wall: datetime) -> int:
    """Call SUBMITTED orders unknown once their answer can no longer come."""
    latest = wall - timedelta(seconds=settings.BROKER_TIMEOUT_SECONDS + 3)
    overdue = Order.objects.filter(
        account__shard=shard, status=OrderStatus.SUBMITTED, epoch=epoch, claimed_at__lt=latest
    )
    return overdue.update(status=OrderStatus.UNKNOWN, reason_code="NO_ANSWER")


def resolve_unknown(*, shard: int, resend_waits: dict[str, int], now: datetime, wall: datetime) -> list[Order]:
    """Decide on unknown orders the books do not show. ``resend_waits``: seconds per broker before an exit may be
    called absent.

    An entry is absent when its intent's time is over and three spaced, complete reads lack it; should it appear later
    it is adopted. An exit also waits for its broker's longest known delay. Either is proved, never assumed.
    """
    with transaction.atomic():
        rows = list(
            Order.objects.filter(account__shard=shard, status__in=[OrderStatus.UNKNOWN, OrderStatus.PARKED])
            .select_related("account", "instrument", "intent__trade")
            .order_by("pk")
        )
        _tell(rows, wall)
        _park(rows, wall)
        absent = [order for order in rows if _is_absent(order, resend_waits, now=now, wall=wall)]
        if not absent:
            return []
        trade_ids = {order.intent.trade_id for order in absent}
        list(Trade.objects.select_for_update().filter(pk__in=trade_ids).order_by("pk"))
        for order in absent:
            order.status, order.reason_code, order.finished_at = OrderStatus.ABSENT, "NEVER_ARRIVED", now
        update_rows(absent, ["status", "reason_code", "finished_at"])
        settle(trade_ids, now=now, wall=wall)
        record_all(Entry("order_absent", "trading.order", order.pk, order.intent.tenant_id) for order in absent)
        announce_orders(absent)
        failpoints.reach("resolver.before_commit")
    failpoints.reach("resolver.absent_committed")
    return absent


def _is_absent(order: Order, resend_waits: dict[str, int], *, now: datetime, wall: datetime) -> bool:
    if order.absent_reads < PROVING_READS or order.claimed_at is None:
        return False
    if order.intent.kind == IntentKind.ENTRY:
        return order.intent.expires_at is not None and order.intent.expires_at <= now
    return wall - order.claimed_at >= timedelta(seconds=resend_waits.get(order.account.broker, 120))


def _park(orders: list[Order], wall: datetime) -> None:
    """Give up hurrying, not looking: a parked order is still searched for in every book."""
    for order in orders:
        overdue = order.claimed_at is not None and wall - order.claimed_at >= PARK_AFTER
        if order.status == OrderStatus.UNKNOWN and overdue and order.absent_reads < PROVING_READS:
            order.status = OrderStatus.PARKED
            order.save(update_fields=["status"])
            record_all([Entry("order_parked", "trading.order", order.pk, order.intent.tenant_id)])


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
