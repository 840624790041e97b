"""From what orders became to what intents and trades are: derived anew each time, moved only along the tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.trading.models import Intent, Order, Trade, TradeLeg
from apps.trading.services.outside import broker_totals, shares_of
from apps.trading.services.rows import update_rows
from bus import failpoints
from domain.broker import NOTHING_AT_BROKER
from domain.exit_plan import from_json
from domain.orders import (
    INTENT_MOVES,
    OPEN_INTENTS,
    TRADE_MOVES,
    UNRESOLVED,
    ExitReason,
    IntentKind,
    IntentStatus,
    OrderStatus,
    Side,
    TradeStatus,
)

MAX_EXIT_REJECTS = 5
EXTERNAL_AFTER = 3
"""How often a broker must show nothing to leave, where orders from outside explain that, before a leg is let go."""

UNEXPLAINED_FOR = timedelta(seconds=60)
"""The same where nothing explains it: far longer than any broker's positions are known to lag behind its fills."""

LOOK_AGAIN = timedelta(seconds=2)
RETRY = timedelta(seconds=1)


def settle(trade_ids: Iterable[int], *, now: datetime, wall: datetime) -> list[Trade]:
    """Bring intents and trades in line with their orders; the trades are locked by the caller. Returns the changed."""
    ids = list(trade_ids)
    trades = {trade.pk: trade for trade in Trade.objects.filter(pk__in=ids).select_related("account")}
    legs = _grouped_legs(ids)
    intents, orders = _grouped_intents(ids, legs), _grouped_orders(ids)
    audit: list[Entry] = []
    changed: list[Trade] = []
    for pk, trade in trades.items():
        trade.touched_at, before = wall, trade.status
        for intent in intents[pk]:
            _settle_intent(trade, intent, orders[intent.pk], now=now, wall=wall)
        all_orders = [order for intent in intents[pk] for order in orders[intent.pk]]
        _settle_trade(trade, legs[pk], intents[pk], all_orders, now=now)
        if trade.status != before:  # an exit may have handed it over already
            audit.append(_entry(trade))
        changed.append(trade)
    flat = [intent for group in intents.values() for intent in group]
    update_rows(flat, ["status", "filled_quantity", "attempts", "retry_at", "note", "finished_at"])
    failpoints.reach("settle.intents_written")
    update_rows(
        changed, ["status", "gross_pnl", "charges", "close_reason", "opened_at", "closed_at", "version", "touched_at"]
    )
    update_rows([leg for group in legs.values() for leg in group], ["exit_reason", "handed_over"])
    record_all(audit)
    return changed


def _grouped_legs(ids: Sequence[int]) -> dict[int, list[TradeLeg]]:
    grouped: dict[int, list[TradeLeg]] = defaultdict(list)
    for leg in TradeLeg.objects.filter(trade_id__in=ids).select_related("instrument"):
        grouped[leg.trade_id].append(leg)
    return grouped


def _grouped_intents(ids: Sequence[int], legs: Mapping[int, Sequence[TradeLeg]]) -> dict[int, list[Intent]]:
    by_id = {leg.pk: leg for group in legs.values() for leg in group}
    grouped: dict[int, list[Intent]] = defaultdict(list)
    for intent in Intent.objects.filter(trade_id__in=ids).order_by("pk"):
        intent.leg = by_id[intent.leg_id]
        grouped[intent.trade_id].append(intent)
    return grouped


def _grouped_orders(ids: Sequence[int]) -> dict[int, list[Order]]:
    grouped: dict[int, list[Order]] = defaultdict(list)
    for order in Order.objects.filter(intent__trade_id__in=ids).order_by("pk"):
        grouped[order.intent_id].append(order)
    return grouped


def _settle_intent(trade: Trade, intent: Intent, orders: Sequence[Order], *, now: datetime, wall: datetime) -> None:
    intent.filled_quantity = sum(order.filled_quantity for order in orders)
    if intent.status not in OPEN_INTENTS and not _late(intent):
        return
    if any(order.status in UNRESOLVED for order in orders):
        _move_intent(intent, IntentStatus.WORKING, now) if intent.status == IntentStatus.NEW and _sent(orders) else None
    elif intent.kind == IntentKind.ENTRY:
        if not waits_for_broker(intent, orders, now):
            _end_entry(intent, orders, now)
    else:
        _end_or_retry_exit(trade, intent, orders, now=now, wall=wall)


def waits_for_broker(intent: Intent, orders: Iterable[Order], now: datetime) -> bool:
    """Whether an entry, refused for haste alone, is tried again within its time: nobody has asked to leave since."""
    if intent.leg.exit_reason or intent.expires_at is None or intent.expires_at <= now:
        return False
    return bool(refused_for_haste(orders))


def refused_for_haste(orders: Iterable[Order]) -> list[Order]:
    """Return each slice's last order where the broker proved not to have taken it because calls came too fast."""
    last = {order.slice_number: order for order in sorted(orders, key=lambda order: order.attempt)}
    return [
        order for order in last.values() if order.status == OrderStatus.REJECTED and order.reason_code == "RATE_LIMITED"
    ]


def _late(intent: Intent) -> bool:
    return intent.status == IntentStatus.EXPIRED and intent.filled_quantity > 0


def _sent(orders: Sequence[Order]) -> bool:
    return any(order.status != OrderStatus.PENDING for order in orders)


def _end_entry(intent: Intent, orders: Sequence[Order], now: datetime) -> None:
    if not orders:
        return
    last = orders[-1]
    if intent.filled_quantity:
        _move_intent(intent, IntentStatus.DONE, now)
    elif last.status in (OrderStatus.REJECTED, OrderStatus.DENIED):
        intent.note = last.reason[:200]
        _move_intent(intent, IntentStatus.FAILED, now)
    else:
        _move_intent(intent, IntentStatus.EXPIRED, now)


def _end_or_retry_exit(trade: Trade, intent: Intent, orders: Sequence[Order], *, now: datetime, wall: datetime) -> None:
    """An exit ends when its leg is flat; until then its next order is made by the sweep, after a pause if refused."""
    if intent.leg.open_quantity == 0:
        _move_intent(intent, IntentStatus.DONE, now)
        return
    refused = [order for order in orders if order.status in (OrderStatus.REJECTED, OrderStatus.DENIED)]
    refused = [order for order in refused if order.reason_code != "RATE_LIMITED"]
    if len(refused) == intent.attempts:
        return
    intent.attempts, intent.retry_at = len(refused), wall + RETRY * len(refused)
    external = [order for order in refused if order.reason_code == NOTHING_AT_BROKER]
    if refused[-1].reason_code == NOTHING_AT_BROKER:
        intent.retry_at = wall + min(LOOK_AGAIN, RETRY * len(refused))  # a book that lags must not hold the exit up
    if len(external) >= EXTERNAL_AFTER and _was_left_outside(trade, intent, external, wall):
        _hand_over(trade, intent, now)
    elif intent.attempts >= MAX_EXIT_REJECTS:
        intent.note = refused[-1].reason[:200]
        _page(intent, "EXIT_REFUSED", f"The broker refused the exit {intent.attempts} times: {intent.note}")


def _was_left_outside(trade: Trade, intent: Intent, denied: Sequence[Order], wall: datetime) -> bool:
    """Whether somebody else closed the leg: orders from outside say so, or the broker has shown nothing for long.

    Until then the exit goes on: positions that lag behind a fill look the same.
    """
    key = (trade.account_id, trade.mode, intent.leg.instrument_id)
    share = shares_of([trade.account_id]).of(*key)
    if share is not None and share.outside and not share.unexplained(broker_totals([trade.account_id]).get(key, 0)):
        return True
    since = denied[0].changed_at
    return since is not None and wall - since >= UNEXPLAINED_FOR


def _hand_over(trade: Trade, intent: Intent, now: datetime) -> None:
    """The leg was left outside the platform: it is the client's from here on, the other legs stay ours."""
    intent.note = "The broker shows no position to leave."
    intent.leg.handed_over = True
    _move_intent(intent, IntentStatus.FAILED, now)
    _page(intent, "HANDED_OVER", "A position was closed outside the platform; it was handed over.")


def _page(intent: Intent, code: str, text: str) -> None:
    notify(
        key=f"{code}:{intent.pk}",
        code=code,
        text=text,
        tenant_id=intent.tenant_id,
        user_id=None,
        level=Level.PAGE,
    )


def _move_intent(intent: Intent, target: IntentStatus, now: datetime) -> None:
    if target in INTENT_MOVES[IntentStatus(intent.status)]:
        intent.status = target
        intent.finished_at = None if target in OPEN_INTENTS else now


def _settle_trade(
    trade: Trade, legs: Sequence[TradeLeg], intents: Sequence[Intent], orders: Sequence[Order], *, now: datetime
) -> None:
    """Recompute the money and move the status."""
    trade.gross_pnl = sum((realised(leg) for leg in legs), Decimal(0))
    trade.charges = sum((order.charges for order in orders), Decimal(0))
    target = _trade_target(trade, legs, intents)
    if target is not None and target != trade.status and target in TRADE_MOVES[TradeStatus(trade.status)]:
        trade.status, trade.version = target, trade.version + 1
        _stamp(trade, legs, now)
    _complete_or_leave(trade, legs, intents)


def realised(leg: TradeLeg) -> Decimal:
    """Return the rupees the closed part of a leg made, at the average entry."""
    if not leg.exit_quantity:
        return Decimal(0)
    cost = leg.entry_value * leg.exit_quantity / leg.entry_quantity
    return Side(leg.side).sign * (leg.exit_value - cost) * leg.instrument.multiplier


def _trade_target(trade: Trade, legs: Sequence[TradeLeg], intents: Sequence[Intent]) -> TradeStatus | None:
    entering = any(i.kind == IntentKind.ENTRY and i.status in OPEN_INTENTS for i in intents)
    if entering:
        return None
    entered, held = sum(leg.entry_quantity for leg in legs), sum(leg.open_quantity for leg in legs)
    if entered == 0:
        return TradeStatus.CLOSED if trade.status == TradeStatus.EXITING else TradeStatus.ENTRY_FAILED
    if held == 0:
        return TradeStatus.HANDED_OVER if any(leg.handed_over for leg in legs) else TradeStatus.CLOSED
    leaving = all(leg.exit_reason for leg in legs if leg.open_quantity)
    return TradeStatus.EXITING if leaving else TradeStatus.OPEN


def _stamp(trade: Trade, legs: Sequence[TradeLeg], now: datetime) -> None:
    if trade.status in (TradeStatus.OPEN, TradeStatus.EXITING, TradeStatus.CLOSED) and trade.opened_at is None:
        trade.opened_at = now
    if trade.status in (TradeStatus.OPEN, TradeStatus.EXITING):
        trade.closed_at = None
    if trade.status == TradeStatus.CLOSED:
        trade.closed_at = now
        trade.close_reason = _close_reason(legs) or trade.close_reason or ExitReason.EXTERNAL
    if trade.status == TradeStatus.HANDED_OVER:
        trade.closed_at, trade.close_reason = now, ExitReason.EXTERNAL


def _close_reason(legs: Sequence[TradeLeg]) -> str:
    """The reason of the leg that went last counts least: the most urgent one names the trade's end."""
    reasons = [ExitReason(leg.exit_reason) for leg in legs if leg.exit_reason]
    return min(reasons, key=lambda reason: reason.urgency) if reasons else ""


def _complete_or_leave(trade: Trade, legs: Sequence[TradeLeg], intents: Sequence[Intent]) -> None:
    """A wave that filled only some of its legs leaves the others: no leg stays naked. A trade that was already over
    but gained a late fill leaves it, too."""
    if any(i.kind == IntentKind.ENTRY and i.status in OPEN_INTENTS for i in intents):
        return
    keep = from_json(trade.exit_plan).keep_partial
    missing = [leg for leg in legs if leg.entry_quantity == 0 or (not keep and leg.entry_quantity < leg.quantity)]
    if missing and any(leg.open_quantity for leg in legs):
        for leg in legs:
            leg.exit_reason = leg.exit_reason or ExitReason.ENTRY_INCOMPLETE


def _entry(trade: Trade) -> Entry:
    data = {"status": trade.status, "reason": trade.close_reason, "gross": trade.gross_pnl, "charges": trade.charges}
    return Entry("trade_moved", "trading.trade", trade.pk, trade.tenant_id, data)
