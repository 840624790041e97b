"""Finding the work a lost message would have announced: everything here is derived from Postgres alone."""

from collections import defaultdict
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from apps.audit.services.record import Entry, record_all
from apps.risk.services.halts import ActiveHalts
from apps.trading.models import Intent, Order, Trade, TradeLeg
from apps.trading.services.announce import announce_trades
from apps.trading.services.exit import request_exit
from apps.trading.services.orders import new_client_order_id
from apps.trading.services.rows import update_rows
from apps.trading.services.settle import refused_for_haste, settle, waits_for_broker
from bus import failpoints
from domain.orders import LIVE_TRADES, UNRESOLVED, ExitReason, IntentKind, OrderStatus


def sweep_exits(*, shard: int, now: datetime, wall: datetime) -> int:
    """Ask again for every leg that must go flat and has nothing on its way; returns how many."""
    legs = _unattended_legs(shard, wall)
    by_reason: dict[str, list[int]] = defaultdict(list)
    for pk, reason in legs:
        by_reason[reason].append(pk)
    for reason, leg_ids in by_reason.items():
        failpoints.reach("sweep.exits_found")
        request_exit(leg_ids=leg_ids, reason=ExitReason(reason), now=now)
    return len(legs)


def _unattended_legs(shard: int, wall: datetime) -> list[tuple[int, str]]:
    resting = Order.objects.filter(intent__kind=IntentKind.EXIT, status__in=UNRESOLVED).values("intent__leg_id")
    pausing = Intent.objects.open().filter(kind=IntentKind.EXIT, retry_at__gt=wall).values("leg_id")
    legs = (
        TradeLeg.objects.filter(trade__account__shard=shard, trade__status__in=LIVE_TRADES)
        .exclude(exit_reason="")
        .filter(entry_quantity__gt=F("exit_quantity"), handed_over=False)
        .exclude(pk__in=resting)
        .exclude(pk__in=pausing)
    )
    return list(legs.values_list("pk", "exit_reason"))


def settle_idle(*, shard: int, now: datetime, wall: datetime) -> int:
    """Settle trades with an open intent none of whose orders is on its way any more; returns how many.

    This is how refusals, denials and aborts, which no order book will ever report, reach the intent and the trade.
    """
    resting = Order.objects.unresolved().values("intent_id")
    idle = Intent.objects.open().filter(account__shard=shard, orders__isnull=False).exclude(pk__in=resting)
    trade_ids = set(idle.values_list("trade_id", flat=True))
    if trade_ids:
        with transaction.atomic():
            list(Trade.objects.select_for_update().filter(pk__in=trade_ids).order_by("pk"))
            announce_trades(settle(trade_ids, now=now, wall=wall))
            failpoints.reach("sweep.idle_settled")
    return len(trade_ids)


def retry_entries(*, shard: int, now: datetime, wall: datetime) -> int:
    """Give entries that were refused for haste alone their next order, once the broker's pause is over; returns how
    many orders."""
    due = (
        Intent.objects.open()
        .filter(account__shard=shard, kind=IntentKind.ENTRY, expires_at__gt=now, retry_at__lte=wall)
        .exclude(pk__in=Order.objects.unresolved().values("intent_id"))
    )
    trade_ids = set(due.values_list("trade_id", flat=True))
    if not trade_ids:
        return 0
    with transaction.atomic():
        list(Trade.objects.select_for_update().filter(pk__in=trade_ids).order_by("pk"))
        orders = [order for intent in due.select_related("leg", "account") for order in _next_orders(intent, now)]
        Order.objects.bulk_create(orders)
    return len(orders)


def _next_orders(intent: Intent, now: datetime) -> list[Order]:
    """What is asked of the broker again under the trade's lock: the same slices, under new tags."""
    refused = list(intent.orders.all())
    if not waits_for_broker(intent, refused, now):
        return []
    return [
        Order(
            account_id=order.account_id,
            intent=intent,
            instrument_id=order.instrument_id,
            slice_number=order.slice_number,
            attempt=order.attempt + 1,
            client_order_id=new_client_order_id(intent.account.broker),
            side=order.side,
            quantity=order.quantity,
            product=order.product,
            order_type=order.order_type,
            price=order.price,
            created_at=now,
        )
        for order in refused_for_haste(refused)
    ]


def sweep_entries(*, shard: int, now: datetime) -> int:
    """Withdraw what is left of entries whose time is over or that are halted: the unsent at once, the sent by
    cancelling. Returns how many. Those halted before they were sent are left to the claim, which says why."""
    entries = Order.objects.unresolved().filter(account__shard=shard, intent__kind=IntentKind.ENTRY)
    late = entries.filter(intent__expires_at__lte=now)
    aborted = abort_unsent(late.filter(status=OrderStatus.PENDING), code="EXPIRED", now=now)
    sent = entries.exclude(status=OrderStatus.PENDING).filter(cancel_requested_at__isnull=True)
    asked = sent.filter(Q(intent__expires_at__lte=now) | Q(pk__in=_halted(sent))).update(cancel_requested_at=now)
    return aborted + asked


def abort_unsent(orders: QuerySet[Order], *, code: str, now: datetime) -> int:
    """Give PENDING orders up; those just being claimed are left alone. Returns how many."""
    with transaction.atomic():
        rows = list(orders.select_for_update(of=("self",), skip_locked=True).select_related("intent").order_by("pk"))
        for order in rows:
            order.status, order.reason_code, order.finished_at = OrderStatus.ABORTED, code, now
        update_rows(rows, ["status", "reason_code", "finished_at"])
        data = {"status": OrderStatus.ABORTED, "code": code}
        record_all(Entry("order_aborted", "trading.order", row.pk, row.intent.tenant_id, data) for row in rows)
    return len(rows)


def _halted(orders: QuerySet[Order]) -> list[int]:
    """Return the entries at the brokers that a halt reaches: what fills after it would increase risk."""
    halts = ActiveHalts.load()
    if not halts.halts:
        return []
    rows = orders.values_list("pk", "intent__tenant_id", "intent__trade__strategy_id", "account_id")
    return [
        pk
        for pk, tenant_id, strategy_id, account_id in rows
        if halts.reason(tenant_id=tenant_id, strategy_id=strategy_id, account_id=account_id)
    ]
