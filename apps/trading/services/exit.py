"""Leaving: every trigger ends here, and only inserts or merges into the one open exit of a leg."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Intent, Order, Trade, TradeLeg
from apps.trading.services.announce import announce_trades
from apps.trading.services.orders import build_orders, limit_price, next_attempts, reserved_by_leg
from apps.trading.services.rows import insert_rows, update_rows
from apps.trading.services.touches import touches
from apps.users.models import User
from bus import clock, commands, failpoints
from domain.orders import (
    LIVE_TRADES,
    OPEN_INTENTS,
    UNRESOLVED,
    ExitReason,
    IntentKind,
    IntentStatus,
    OrderStatus,
    Side,
    TradeStatus,
)
from domain.pricing import Touch
from domain.sizing import SizeError

SIZE_RETRY = timedelta(seconds=5)
UNPRICED_FOR = timedelta(seconds=5)


def request_exit_of_trade(*, trade: Trade, reason: ExitReason, actor: User | None, now: datetime) -> list[Intent]:
    """Ask for every leg of a trade to go flat; returns the open exits, old and new."""
    return request_exit(leg_ids=list(trade.legs.values_list("pk", flat=True)), reason=reason, actor=actor, now=now)


def request_exit_of_all(
    *, user: User, reason: ExitReason, now: datetime, account_ids: Sequence[int] | None = None
) -> list[Intent]:
    """Ask for every live trade this person may see (of the given accounts) to be left."""
    trades = Trade.objects.for_user(user).live()
    if account_ids is not None:
        trades = trades.filter(account_id__in=account_ids)
    legs = list(TradeLeg.objects.filter(trade__in=trades).values_list("pk", flat=True))
    return request_exit(leg_ids=legs, reason=reason, actor=user, now=now)


def request_exit(
    *, leg_ids: Sequence[int], reason: ExitReason, now: datetime, actor: User | None = None
) -> list[Intent]:
    """Make sure each leg has its one open exit: merge by urgency, withdraw what is left of the entry, wake the shards.

    Safe to call any number of times by any number of processes: the unique open exit per leg decides.
    """
    if not leg_ids:
        return []
    market = touches(_instruments_of(leg_ids))
    failpoints.reach("exit.before_lock")
    with transaction.atomic():
        trades, legs = _lock(leg_ids)
        _mark(legs, reason)
        withdrawn = _withdraw_entries([leg.pk for leg in legs], now)
        intents = _open_exits(legs, reason, now)
        failpoints.reach("exit.opened")
        create_orders(intents, market, now=now)
        moved = _advance(trades, reason)
        record_all([*_audit(legs, reason), *withdrawn, *moved], actor=actor)
        commands.wake_execution({trade.account.shard for trade in trades})
        announce_trades(trades)
        failpoints.reach("exit.before_commit")
    return intents


def _instruments_of(leg_ids: Sequence[int]) -> set[int]:
    return set(TradeLeg.objects.filter(pk__in=leg_ids).values_list("instrument_id", flat=True))


def _lock(leg_ids: Sequence[int]) -> tuple[list[Trade], list[TradeLeg]]:
    """Lock the live trades of the legs, in id order, then read the legs as they stand under the lock."""
    trades = list(
        Trade.objects.select_for_update(of=("self",))
        .filter(legs__pk__in=leg_ids, status__in=LIVE_TRADES)
        .select_related("account")
        .order_by("pk")
    )
    by_id = {trade.pk: trade for trade in trades}
    legs = list(TradeLeg.objects.filter(pk__in=leg_ids, trade__in=by_id).select_related("instrument").order_by("pk"))
    for leg in legs:
        leg.trade = by_id[leg.trade_id]
    return list(by_id.values()), legs


def _mark(legs: Sequence[TradeLeg], reason: ExitReason) -> None:
    for leg in legs:
        if not leg.exit_reason or reason.urgency < ExitReason(leg.exit_reason).urgency:
            leg.exit_reason = reason
    update_rows(legs, ["exit_reason"])


def _withdraw_entries(leg_ids: Sequence[int], now: datetime) -> list[Entry]:
    """Entries not sent yet are aborted here; those at the broker are cancelled by their account's lane."""
    values: dict[str, Any] = {
        "now": now,
        "legs": list(leg_ids),
        "entry": IntentKind.ENTRY.value,
        "pending": OrderStatus.PENDING.value,
        "aborted": OrderStatus.ABORTED.value,
        "unresolved": [status.value for status in UNRESOLVED],
    }
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, values)
        rows = cursor.fetchall()
    data = {"status": OrderStatus.ABORTED, "code": "EXIT_FIRST"}
    aborted = ((pk, tenant_id) for pk, tenant_id, status in rows if status == OrderStatus.ABORTED)
    return [Entry("order_aborted", "trading.order", pk, tenant_id, data) for pk, tenant_id in aborted]


_WITHDRAW = """
UPDATE trading_order AS o SET
  status = CASE WHEN o.status = %(pending)s THEN %(aborted)s ELSE o.status END,
  reason_code = CASE WHEN o.status = %(pending)s THEN 'EXIT_FIRST' ELSE o.reason_code END,
  finished_at = CASE WHEN o.status = %(pending)s THEN %(now)s ELSE o.finished_at END,
  cancel_requested_at = CASE WHEN o.status = %(pending)s THEN o.cancel_requested_at ELSE %(now)s END
FROM trading_intent AS i
WHERE i.id = o.intent_id AND i.leg_id = ANY(%(legs)s) AND i.kind = %(entry)s
  AND o.status = ANY(%(unresolved)s) AND (o.status = %(pending)s OR o.cancel_requested_at IS NULL)
RETURNING o.id, i.tenant_id, o.status
"""


def _open_exits(legs: Sequence[TradeLeg], reason: ExitReason, now: datetime) -> list[Intent]:
    """Return each held leg's open exit: the existing one, made more urgent where due, or a new one."""
    held = [leg for leg in legs if leg.open_quantity > 0]
    Intent.objects.bulk_create([_exit_intent(leg, reason, now) for leg in held], ignore_conflicts=True)
    by_leg = {leg.pk: leg for leg in held}
    existing = list(Intent.objects.filter(leg_id__in=by_leg, kind=IntentKind.EXIT, status__in=OPEN_INTENTS))
    for intent in existing:
        intent.leg, intent.trade = by_leg[intent.leg_id], by_leg[intent.leg_id].trade
    hurried = [intent for intent in existing if reason.urgency < intent.urgency]
    for intent in hurried:
        intent.urgency, intent.reason = reason.urgency, reason
    update_rows(hurried, ["urgency", "reason"])
    return existing


def _exit_intent(leg: TradeLeg, reason: ExitReason, now: datetime) -> Intent:
    return Intent(
        tenant_id=leg.trade.tenant_id,
        account_id=leg.trade.account_id,
        trade=leg.trade,
        leg=leg,
        kind=IntentKind.EXIT,
        side=Side(leg.side).opposite,
        quantity=leg.open_quantity,
        mode=leg.trade.mode,
        reason=reason,
        urgency=reason.urgency,
        created_at=now,
    )


def create_orders(intents: Iterable[Intent], market: Mapping[int, Touch], *, now: datetime) -> list[Order]:
    """Give each open exit without unresolved orders its next ones, for what the leg holds and nothing has reserved.

    An exit without a known price waits: the sweep comes back to it, and somebody is told when that lasts.
    """
    intents = list(intents)
    waiting = [intent for intent in intents if intent.leg.instrument_id in market]
    _tell_unpriced([intent for intent in intents if intent.leg.instrument_id not in market], now)
    reserved = reserved_by_leg([intent.leg_id for intent in waiting])
    attempts = next_attempts(waiting)
    orders: list[Order] = []
    for intent in waiting:
        quantity = intent.leg.open_quantity - reserved[intent.leg_id]
        if reserved[intent.leg_id] == 0 and quantity > 0:
            orders += _orders_of(intent, quantity, market[intent.leg.instrument_id], attempts[intent.pk])
    for order in orders:
        order.created_at = now
    return list(insert_rows(orders))


def _tell_unpriced(intents: Iterable[Intent], now: datetime) -> None:
    for intent in intents:
        if now - intent.created_at >= UNPRICED_FOR:
            notify(
                key=f"exit-price:{intent.pk}",
                code="EXIT_NO_PRICE",
                text=f"An exit of {intent.leg.instrument.symbol} waits: nobody shows a price. Leave it at the broker.",
                tenant_id=intent.tenant_id,
                user_id=intent.trade.account.user_id,
                level=Level.PAGE,
            )


def _orders_of(intent: Intent, quantity: int, touch: Touch, attempt: int) -> list[Order]:
    """A size the contract no longer takes (lot or freeze changed) pages its owner and holds up nobody else."""
    price = limit_price(intent, touch, aggressive=True)
    try:
        return build_orders(intent, quantity=quantity, price=price, attempt=attempt)
    except SizeError as error:
        Intent.objects.filter(pk=intent.pk).update(note=str(error)[:200], retry_at=clock.now() + SIZE_RETRY)
        notify(
            key=f"exit-size:{intent.pk}",
            code="EXIT_SIZE",
            text=f"An exit of {intent.leg.instrument.symbol} cannot be sized: {error}. Leave it at the broker.",
            tenant_id=intent.tenant_id,
            user_id=intent.trade.account.user_id,
            level=Level.PAGE,
        )
        return []


def _advance(trades: Sequence[Trade], reason: ExitReason) -> list[Entry]:
    """EXITING once every leg is on its way out; touched in any case, so that the risk engine looks again."""
    moved: list[Entry] = []
    staying = set(TradeLeg.objects.filter(trade__in=trades, exit_reason="").values_list("trade_id", flat=True))
    for trade in trades:
        trade.touched_at = clock.now()
        if trade.status != TradeStatus.EXITING and trade.pk not in staying:
            trade.status, trade.close_reason, trade.version = TradeStatus.EXITING, reason, trade.version + 1
            data = {"status": trade.status, "reason": reason}
            moved.append(Entry("trade_moved", "trading.trade", trade.pk, trade.tenant_id, data))
    update_rows(trades, ["status", "close_reason", "version", "touched_at"])
    return moved


def _audit(legs: Sequence[TradeLeg], reason: ExitReason) -> list[Entry]:
    return [
        Entry(
            kind="exit_requested",
            object_type="trading.tradeleg",
            object_id=leg.pk,
            tenant_id=leg.trade.tenant_id,
            data={"trade": leg.trade_id, "reason": reason, "open": leg.open_quantity},
        )
        for leg in legs
    ]


def block_exit(intent: Intent, *, note: str) -> None:
    """Hold an exit that cannot be sent now (no session, market closed); the sweep unblocks it."""
    Intent.objects.filter(pk=intent.pk, status__in=[IntentStatus.NEW, IntentStatus.WORKING]).update(
        status=IntentStatus.BLOCKED, note=note[:200]
    )
