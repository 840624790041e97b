"""Putting orders on the wire at most once: claim and commit, then send, then record what the answer proves.

``claim`` is the transaction before the wire, ``record_outcomes`` the one after it. Nothing here talks to a broker.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import AccountMode
from apps.markets.services.calendar import is_open
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.services.halts import ActiveHalts
from apps.trading.models import Intent, Order
from apps.trading.services.announce import announce_orders
from apps.trading.services.candidates import Candidate, read_candidates
from apps.trading.services.clamp import clamps
from apps.trading.services.names import names_of
from apps.trading.services.rows import update_rows
from bus import failpoints
from bus.leases import LeaseLost
from domain.broker import NOTHING_AT_BROKER, Outcome, Verdict
from domain.orders import (
    IntentKind,
    IntentStatus,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Side,
    TradeStatus,
    Validity,
)
from domain.prices import trimmed

Lane = tuple[int, str]
"""An account and a mode: what is served strictly one call after the other."""

RATE_PAUSE = timedelta(seconds=1)
EXIT_PATIENCE = timedelta(seconds=10)
"""The longest an exit waits because its broker asked for it."""

BLOCKED_RETRY = timedelta(seconds=2)
LOOK_AHEAD = 2
"""How many orders are read for each that may be claimed: some of them cannot go yet."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An order committed as SUBMITTED: it may be sent once, now, by whoever holds this."""

    order_id: int
    lane: Lane
    kind: str
    tenant_id: int
    strategy_id: int
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim brought: orders to send, lanes whose positions must be read before their exits can go, whether
    more waits than was asked for, and the halts it found in force (``None`` where it had nothing to decide)."""

    claims: tuple[Claim, ...]
    stale_lanes: frozenset[Lane]
    is_more: bool = False
    halts: ActiveHalts | None = None


def claim(
    *,
    shard: int,
    epoch: int,
    lease: str,
    ready: frozenset[Lane],
    without_entries: frozenset[Lane],
    now: datetime,
    wall: datetime,
    at_most: int | None = None,
) -> Claimed:
    """Claim at most one order per free lane, exits first, and commit them as SUBMITTED.

    ``without_entries`` are lanes whose rate budget is down to the reserve of exits. ``at_most`` bounds how many are
    claimed at once, so that the first of a wave are on the wire while the others are being claimed. Raises
    ``LeaseLost`` when another process has taken the shard over: the fence against a frozen leader that wakes up.
    """
    ahead = None if at_most is None else LOOK_AHEAD * at_most
    failpoints.reach("claim.before")
    with transaction.atomic():
        check_epoch(lease, epoch)
        failpoints.reach("claim.epoch_checked")
        orders = read_candidates(shard, {pk for pk, _ in ready}, wall=wall, at_most=ahead)
        is_cut = len(orders) == ahead
        decided = _Decider(_first_of_each(orders, ready, without_entries), epoch=epoch, now=now, wall=wall)
        claims = decided.claims(at_most)
        if is_cut and not claims:  # nothing of what comes first can go: it must not keep the rest waiting
            orders = read_candidates(shard, {pk for pk, _ in ready}, wall=wall)
            decided = _Decider(_first_of_each(orders, ready, without_entries), epoch=epoch, now=now, wall=wall)
            claims = decided.claims(at_most)
        return Claimed(tuple(claims), frozenset(decided.stale_lanes), is_cut or decided.is_more, decided.halts)


def check_epoch(lease: str, epoch: int) -> None:
    """Refuse to go on under an old epoch; the share lock keeps a takeover waiting until this commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch FROM bus_lease WHERE name = %s FOR SHARE", [lease])
        row = cursor.fetchone()
    if row is None or row[0] != epoch:
        raise LeaseLost(lease)


def _first_of_each(
    orders: Sequence[Candidate], ready: frozenset[Lane], without_entries: frozenset[Lane]
) -> list[Candidate]:
    """Return the first sendable order of each free lane."""
    chosen: dict[Lane, Candidate] = {}
    for order in orders:
        held_back = order.kind == IntentKind.ENTRY and order.lane in without_entries
        if order.lane in ready and order.lane not in chosen and not held_back:
            chosen[order.lane] = order
    return list(chosen.values())


# Whoever leaves a trade locks it before its orders, a claim the orders first: waiting for the trade here would be a
# deadlock. A trade that is being left meanwhile becomes EXITING by that.
_ENTER = """
UPDATE trading_trade SET status = %(entering)s, version = version + 1
WHERE id IN (
  SELECT id FROM trading_trade
  WHERE status = %(pending)s AND id IN (SELECT trade_id FROM trading_intent WHERE id = ANY(%(intents)s))
  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING id, tenant_id
"""


class _Decider:
    """Decides what happens to each candidate, with every fact loaded once for all of them."""

    def __init__(self, orders: Sequence[Candidate], *, epoch: int, now: datetime, wall: datetime) -> None:
        self.orders, self.epoch, self.now, self.wall = orders, epoch, now, wall
        self.audit: list[Entry] = []
        self.stale_lanes: set[Lane] = set()
        self.is_more = False
        self.halts: ActiveHalts | None = None
        if not orders:
            return
        self.names = names_of(orders)
        self.halts = ActiveHalts.load()
        self.clamps = clamps([order for order in orders if order.kind == IntentKind.EXIT], wall=wall)
        self.open_exchanges = {e: is_open(e, now) for e in {order.exchange for order in orders}}

    def claims(self, at_most: int | None) -> list[Claim]:
        sendable: list[Candidate] = []
        for number, order in enumerate(self.orders):
            if at_most is not None and len(sendable) == at_most:
                self.is_more = number < len(self.orders)
                break
            if self._may_send(order):
                sendable.append(order)
                self._note(order, "order_submitted")
        if sendable:
            self._submit(sendable)
        record_all(self.audit)
        return [self._as_claim(order) for order in sendable]

    def _submit(self, orders: Sequence[Candidate]) -> None:
        Order.objects.filter(pk__in=[order.pk for order in orders]).update(
            status=OrderStatus.SUBMITTED, epoch=self.epoch, submitted_at=self.now, claimed_at=self.wall
        )
        failpoints.reach("claim.submitted")
        intents = [order.intent_id for order in orders]
        Intent.objects.filter(pk__in=intents, status__in=[IntentStatus.NEW, IntentStatus.BLOCKED]).update(
            status=IntentStatus.WORKING, note=""
        )
        self._enter(intents)
        failpoints.reach("claim.before_commit")

    def _enter(self, intents: Sequence[int]) -> None:
        """Trades whose first order goes out are ENTERING."""
        values: dict[str, Any] = {
            "entering": TradeStatus.ENTERING.value,
            "pending": TradeStatus.PENDING.value,
            "intents": intents,
        }
        data = {"status": TradeStatus.ENTERING}
        with connection.cursor() as cursor:
            cursor.execute(_ENTER, values)
            moved = cursor.fetchall()
        self.audit += [Entry("trade_moved", "trading.trade", pk, tenant_id, data) for pk, tenant_id in moved]

    def _may_send(self, order: Candidate) -> bool:
        return self._entry_allowed(order) if order.kind == IntentKind.ENTRY else self._exit_allowed(order)

    def _entry_allowed(self, order: Candidate) -> bool:
        """Entries fail closed: every doubt denies them, for good."""
        if order.expires_at is not None and order.expires_at <= self.now:
            return self._refuse(order, OrderStatus.ABORTED, "EXPIRED", "The entry's time ran out before it was sent.")
        if order.pk not in self.names:
            return self._refuse(order, OrderStatus.DENIED, "NO_INSTRUMENT", "The broker has no name for this contract.")
        if not self.open_exchanges[order.exchange]:
            return self._refuse(order, OrderStatus.DENIED, "SESSION_CLOSED", "The market is closed.")
        halts = self.halts or ActiveHalts.load()
        reason = halts.reason(tenant_id=order.tenant_id, strategy_id=order.strategy_id, account_id=order.account_id)
        if reason:
            return self._refuse(order, OrderStatus.DENIED, "HALTED", reason)
        if not self._mode_in_force(order):
            return self._refuse(order, OrderStatus.DENIED, "MODE_CHANGED", f"The account is no longer {order.mode}.")
        return order.reconciled_epoch == self.epoch

    def _mode_in_force(self, order: Candidate) -> bool:
        """Paper intents stay paper whatever the account became; live ones need the account live and signed in now."""
        return not order.is_live or (order.account_mode == AccountMode.LIVE and order.is_signed_in)

    def _exit_allowed(self, order: Candidate) -> bool:
        """Exits are never given up here: they wait, blocked and told, until they can go."""
        if not self.open_exchanges[order.exchange]:
            return self._block(order, "SESSION_CLOSED", "The market is closed.")
        if order.pk not in self.names:
            return self._block(order, "NO_INSTRUMENT", "The broker has no name for this contract.")
        if order.is_live and not order.is_signed_in:
            return self._block(order, "NO_BROKER_SESSION", "No broker session: log in to leave this trade.")
        return self._clamp_exit(order)

    def _clamp_exit(self, order: Candidate) -> bool:
        allowed = self.clamps[order.pk]
        if allowed is None:
            self.stale_lanes.add(order.lane)
            return False
        allowed -= allowed % order.lot_size
        if allowed <= 0:
            return self._refuse(order, OrderStatus.DENIED, NOTHING_AT_BROKER, "The broker shows no position to leave.")
        if allowed < order.quantity:
            order.quantity = allowed
            Order.objects.filter(pk=order.pk).update(quantity=allowed)
        return True

    def _refuse(self, order: Candidate, status: OrderStatus, code: str, reason: str) -> bool:
        rows = Order.objects.filter(pk=order.pk)
        rows.update(status=status, reason_code=code, reason=reason[:300], finished_at=self.now, changed_at=self.wall)
        self._note(order, f"order_{status.lower()}", code)
        announce_orders(rows.select_related("account", "intent"))
        return False

    def _block(self, order: Candidate, code: str, text: str) -> bool:
        Intent.objects.filter(pk=order.intent_id).update(
            status=IntentStatus.BLOCKED, note=text, retry_at=self.wall + BLOCKED_RETRY
        )
        notify(
            key=f"exit-blocked:{order.intent_id}:{code}",
            code=code,
            text=f"An exit of {order.symbol} cannot be sent. {text}",
            tenant_id=order.tenant_id,
            user_id=order.user_id,
            level=Level.PAGE,
        )
        return False

    def _note(self, order: Candidate, kind: str, code: str = "") -> None:
        data = {"client_order_id": order.client_order_id, "quantity": order.quantity, "code": code}
        self.audit.append(Entry(kind, "trading.order", order.pk, order.tenant_id, data))

    def _as_claim(self, order: Candidate) -> Claim:
        name = self.names[order.pk]
        request = OrderRequest(
            client_order_id=order.client_order_id,
            exchange=name.exchange,
            symbol=name.symbol,
            token=name.token,
            side=Side(order.side),
            quantity=order.quantity,
            lot_size=order.lot_size,
            product=Product(order.product),
            order_type=OrderType(order.order_type),
            validity=Validity(order.validity),
            price=trimmed(order.price),
            trigger_price=trimmed(order.trigger_price),
            algo_id=order.algo_id,
            reduce_only=order.kind == IntentKind.EXIT,
        )
        return Claim(order.pk, order.lane, order.kind, order.tenant_id, order.strategy_id, request)


def record_outcomes(outcomes: Iterable[tuple[Claim, Outcome]], *, epoch: int, now: datetime, wall: datetime) -> None:
    """Record what each answer proves. Only orders still SUBMITTED under this epoch move: what the order book or a
    successor said in the meantime stands."""
    answers = {claim.order_id: outcome for claim, outcome in outcomes}
    failpoints.reach("record.before")
    with transaction.atomic():
        orders = list(
            Order.objects.select_for_update(of=("self",))
            .filter(pk__in=answers, status=OrderStatus.SUBMITTED, epoch=epoch)
            .select_related("intent", "account")
            .only(*_ANSWERED)
            .order_by("pk")
        )
        for order in orders:
            _apply_outcome(order, answers[order.pk], now=now, wall=wall)
        fields = ["status", "broker_order_id", "reason_code", "reason", "acknowledged_at", "changed_at", "finished_at"]
        update_rows(orders, fields)
        _pause_limited(orders, answers, wall)
        record_all(_outcome_entry(order) for order in orders)
        announce_orders(orders)
        failpoints.reach("record.before_commit")
    failpoints.reach("record.committed")


_ANSWERED = (
    "status",
    "broker_order_id",
    "quantity",
    "filled_quantity",
    "reason",
    "reason_code",
    "acknowledged_at",
    "changed_at",
    "finished_at",
    "account__user_id",
    "intent__kind",
    "intent__tenant_id",
    "intent__trade_id",
)


_STATUS_OF = {
    Verdict.ACKNOWLEDGED: OrderStatus.OPEN,
    Verdict.REJECTED: OrderStatus.REJECTED,
    Verdict.RATE_LIMITED: OrderStatus.REJECTED,
    Verdict.SESSION_LOST: OrderStatus.REJECTED,
    Verdict.UNKNOWN: OrderStatus.UNKNOWN,
}


def _apply_outcome(order: Order, outcome: Outcome, *, now: datetime, wall: datetime) -> None:
    order.status = _STATUS_OF[outcome.verdict]
    order.changed_at = wall
    if outcome.verdict is Verdict.ACKNOWLEDGED:
        order.broker_order_id, order.acknowledged_at = outcome.broker_order_id, now
        return
    order.reason_code = (outcome.code or outcome.verdict.value)[:40]
    order.reason = outcome.message[:300]
    if outcome.verdict in (Verdict.RATE_LIMITED, Verdict.SESSION_LOST):
        order.reason_code = outcome.verdict.value
    if order.status == OrderStatus.REJECTED:
        order.finished_at = now


def _pause_limited(orders: Sequence[Order], answers: Mapping[int, Outcome], wall: datetime) -> None:
    """Wait as long as the broker asks; an exit not much longer than it must be tried again anyway."""
    by_pause: dict[timedelta, list[int]] = defaultdict(list)
    for order in orders:
        if order.reason_code == Verdict.RATE_LIMITED:
            asked = timedelta(seconds=answers[order.pk].retry_after or 0)
            longest = EXIT_PATIENCE if order.intent.kind == IntentKind.EXIT else asked
            by_pause[max(RATE_PAUSE, min(asked, longest))].append(order.intent_id)
    for pause, intents in by_pause.items():
        Intent.objects.filter(pk__in=intents).update(retry_at=wall + pause)


def _outcome_entry(order: Order) -> Entry:
    data = {"status": order.status, "broker_order_id": order.broker_order_id, "code": order.reason_code}
    return Entry("order_answered", "trading.order", order.pk, order.intent.tenant_id, data)


def abort(claims: Iterable[Claim], *, epoch: int, reason_code: str, reason: str = "", now: datetime) -> None:
    """Take back claims that were provably never sent: nothing of them reached a socket."""
    ids = [claim.order_id for claim in claims]
    with transaction.atomic():
        orders = list(
            Order.objects.select_for_update(of=("self",))
            .filter(pk__in=ids, status=OrderStatus.SUBMITTED, epoch=epoch)
            .select_related("intent", "account")
            .order_by("pk")
        )
        for order in orders:
            order.status, order.finished_at = OrderStatus.ABORTED, now
            order.reason_code, order.reason = reason_code, reason[:300]
        update_rows(orders, ["status", "reason_code", "reason", "finished_at"])
        record_all(_outcome_entry(order) for order in orders)
        announce_orders(orders)
