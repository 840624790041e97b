"""Taking in what a broker's books show: the truth about orders, one read per account, applied for many at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models import Q

from apps.audit.services.record import Entry, record_all
from apps.trading.models import ExternalOrder, Fill, Order, Trade, TradeLeg
from apps.trading.models.account_state import SYMBOL_LENGTH
from apps.trading.querysets import OrderQuerySet
from apps.trading.services.account_facts import Facts, note_reads, save_facts
from apps.trading.services.announce import announce_orders, announce_trades
from apps.trading.services.ledger import book_fills, order_charges
from apps.trading.services.rows import update_rows
from apps.trading.services.settle import settle
from apps.trading.services.submission import Lane
from bus import commands, failpoints
from domain.clock import IST
from domain.orders import FINAL, ORDER_MOVES, UNRESOLVED, BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderStatus
from domain.reconcile import Change, OurOrder, compare

ABSENT_SPACING = timedelta(seconds=2)
_STILL_OURS = [*UNRESOLVED, OrderStatus.ABSENT]


@dataclass(frozen=True, slots=True)
class Report:
    """What one account's books showed. ``read_at`` is the wall clock before the first request was sent.

    ``fills`` is ``None`` when the trade book was not read because the order book showed nothing new filled;
    ``sending`` are orders whose request was under way during the read: their absence means nothing. ``shown`` are the
    broker's ids of every order in the book, also of those whose rows are left out here because nothing changed.
    """

    lane: Lane
    read_at: datetime
    orders: Sequence[BrokerOrder]
    fills: Sequence[BrokerFill] | None = None
    positions: Sequence[BrokerPosition] | None = None
    funds: Funds | None = None
    sending: frozenset[int] = frozenset()
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying reports brought: lanes whose trade book must be read again, and trades that changed."""

    unfilled_lanes: frozenset[Lane]
    trade_ids: frozenset[int]


def apply_reports(reports: Sequence[Report], *, epoch: int, now: datetime, wall: datetime) -> Applied:
    """Book everything the reports prove, in one transaction. A report applied twice changes nothing."""
    with transaction.atomic():
        _lock_trades(reports)
        failpoints.reach("reports.locked")
        orders = _our_orders(reports)
        index = _Index(orders)
        pairs = [pair for report in reports for pair in index.pairs(report)]
        tagged = index.tagged_pairs(reports)
        booking = book_fills([*index.fill_pairs(reports, pairs), *tagged], wall=wall)
        _save_booking(booking.fills, booking.legs.values())
        failpoints.reach("reports.fills_booked")
        unfilled, changed = _apply_changes(pairs, now=now)
        absent = _note_absences(reports, orders, {order.pk for order, _, _ in pairs}, wall)
        proved = _take_for_proof([order for order, _ in tagged], {order.pk for order, _, _ in pairs}, now)
        touched = {order.pk: order for order in [*booking.orders.values(), *changed, *absent, *proved]}
        _save_orders(touched.values(), now)
        trade_ids = {order.intent.trade_id for order in touched.values()}
        trades = settle(trade_ids, now=now, wall=wall)
        save_facts(_facts(reports, booking.fills, wall), epoch=epoch)
        _save_externals(reports, index)
        record_all(_audit(touched.values()))
        announce_orders(touched.values())
        announce_trades(trades)
        commands.refresh_rules(trade_ids)
        failpoints.reach("reports.before_commit")
    failpoints.reach("reports.committed")
    return Applied(unfilled_lanes=frozenset(unfilled), trade_ids=frozenset(trade_ids))


def _lock_trades(reports: Sequence[Report]) -> None:
    """Lock the trades behind every order the reports may touch, in id order: the ledger's one locking rule."""
    ids = _orders_of(reports).values_list("intent__trade_id", flat=True)
    list(Trade.objects.select_for_update().filter(pk__in=set(ids)).order_by("pk").values_list("pk", flat=True))


def _orders_of(reports: Sequence[Report]) -> OrderQuerySet:
    tags = {row.client_order_id for report in reports for row in report.orders if row.client_order_id}
    tags |= {fill.client_order_id for report in reports for fill in report.fills or () if _bears_tag_alone(fill)}
    accounts = {report.lane[0] for report in reports}
    wanted = Q(status__in=_STILL_OURS) | Q(client_order_id__in=tags)
    return Order.objects.filter(wanted, account_id__in=accounts)


def _our_orders(reports: Sequence[Report]) -> list[Order]:
    lanes = {report.lane for report in reports}
    rows = _orders_of(reports).select_related(
        "account", "instrument", "intent__leg__instrument", "intent__trade__account"
    )
    return [order for order in rows.order_by("pk") if (order.account_id, order.intent.mode) in lanes]


class _Index:
    """Finds our order for a broker's row: by tag first, by the broker's id where it shows no tag."""

    def __init__(self, orders: Iterable[Order]) -> None:
        orders = list(orders)
        legs = {order.intent.leg_id: order.intent.leg for order in orders}
        trades = {order.intent.trade_id: order.intent.trade for order in orders}
        for order in orders:  # orders of one leg must see each other's bookings
            order.intent.leg, order.intent.trade = legs[order.intent.leg_id], trades[order.intent.trade_id]
        self._by_tag = {(order.account_id, order.client_order_id): order for order in orders}
        self._by_id = {(order.account_id, order.broker_order_id): order for order in orders if order.broker_order_id}

    def find(self, account_id: int, row: BrokerOrder) -> Order | None:
        by_tag = self._by_tag.get((account_id, row.client_order_id)) if row.client_order_id else None
        return by_tag or self._by_id.get((account_id, row.broker_order_id))

    def pairs(self, report: Report) -> list[tuple[Order, BrokerOrder, Report]]:
        found = ((self.find(report.lane[0], row), row) for row in report.orders)
        return [(order, row, report) for order, row in found if order is not None]

    def fill_pairs(
        self, reports: Sequence[Report], pairs: Sequence[tuple[Order, BrokerOrder, Report]]
    ) -> list[tuple[Order, BrokerFill]]:
        """Join executions to orders by the broker's order id, which a just adopted order learns from the order book."""
        ids = {(order.account_id, row.broker_order_id): order for order, row, _ in pairs} | self._by_id
        joined = [
            (ids.get((report.lane[0], fill.broker_order_id)), fill) for report in reports for fill in report.fills or ()
        ]
        return [(order, fill) for order, fill in joined if order is not None]

    def tagged_pairs(self, reports: Sequence[Report]) -> list[tuple[Order, BrokerFill]]:
        """Join executions of orders the book does not show by our tag; one being sent is joined by the next read."""
        joined = [
            (self._by_tag.get((report.lane[0], fill.client_order_id)), fill, report)
            for report in reports
            for fill in report.fills or ()
            if _bears_tag_alone(fill)
        ]
        return [
            (order, fill)
            for order, fill, report in joined
            if order is not None and _lane_of(order) == report.lane and order.pk not in report.sending
        ]


def _bears_tag_alone(fill: BrokerFill) -> bool:
    return bool(fill.client_order_id) and not fill.broker_order_id


def _save_booking(fills: Sequence[Fill], legs: Iterable[TradeLeg]) -> None:
    Fill.objects.bulk_create(fills)
    fields = [
        "entry_quantity",
        "entry_value",
        "exit_quantity",
        "exit_value",
        "stop_price",
        "target_price",
        "handed_over",
    ]
    update_rows(legs, fields)


def _apply_changes(
    pairs: Sequence[tuple[Order, BrokerOrder, Report]], *, now: datetime
) -> tuple[set[Lane], list[Order]]:
    unfilled: set[Lane] = set()
    changed: list[Order] = []
    for order, row, report in pairs:
        ours = OurOrder(OrderStatus(order.status), order.broker_order_id, order.filled_quantity, order.quantity)
        change = compare(ours, row)
        if change.needs_fills:
            unfilled.add(report.lane)
        if change.differs_from(ours):
            _apply_change(order, change, now)
            changed.append(order)
    return unfilled, changed


def _take_for_proof(executed: Iterable[Order], shown: set[int], now: datetime) -> list[Order]:
    """An order that its book does not show was accepted all the same, and is filled as far as its executions say."""
    proved = []
    for order in executed:
        status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        if order.pk not in shown and order.filled_quantity and status in ORDER_MOVES[OrderStatus(order.status)]:
            order.status, order.absent_reads = status, 0
            order.acknowledged_at = order.acknowledged_at or now
            order.finished_at = now if status in FINAL else None
            proved.append(order)
    return proved


def _apply_change(order: Order, change: Change, now: datetime) -> None:
    if order.acknowledged_at is None:
        order.acknowledged_at = now
    order.status, order.broker_order_id = change.status, change.broker_order_id
    if change.status in FINAL:
        order.finished_at = now
        order.reason = change.reason[:300]
    order.absent_reads = 0


def _save_orders(orders: Iterable[Order], now: datetime) -> None:
    rows = list(orders)
    for order in rows:
        order.charges = order_charges(order, on=order.intent.trade.trading_date)
    fields = ["status", "broker_order_id", "filled_quantity", "average_price", "charges", "reason", "acknowledged_at"]
    update_rows(rows, [*fields, "finished_at", "absent_reads", "last_absent_at"])


def _note_absences(reports: Sequence[Report], orders: Iterable[Order], seen: set[int], wall: datetime) -> list[Order]:
    """Count complete reads that lack an order whose fate is unknown; what the count leads to is the resolver's."""
    by_lane = {report.lane: report for report in reports}
    missing = [
        order
        for order in orders
        if order.status in (OrderStatus.UNKNOWN, OrderStatus.PARKED)
        and order.pk not in seen
        and order.pk not in by_lane[_lane_of(order)].sending
        and _tells_more(by_lane[_lane_of(order)], order)
    ]
    cut_short = _cut_short({_lane_of(order) for order in missing}, by_lane, wall) if missing else set()
    absent = [order for order in missing if _lane_of(order) not in cut_short]
    for order in absent:
        order.absent_reads, order.last_absent_at = order.absent_reads + 1, by_lane[_lane_of(order)].read_at
    return absent


def _tells_more(report: Report, order: Order) -> bool:
    """Whether a read that lacks the order says more than the one before: begun after its claim, and well apart."""
    if order.claimed_at is not None and report.read_at < order.claimed_at:
        return False
    return order.last_absent_at is None or report.read_at - order.last_absent_at >= ABSENT_SPACING


def _lane_of(order: Order) -> Lane:
    return order.account_id, order.intent.mode


def _cut_short(lanes: set[Lane], by_lane: Mapping[Lane, Report], wall: datetime) -> set[Lane]:
    """Return the lanes whose book lacks an order the broker took from us today: an empty, truncated or late book.

    Brokers show every order of the day, whatever became of it, so what a book does not show proves nothing when it
    also leaves out what it must show.
    """
    since = datetime.combine(wall.astimezone(IST).date(), time.min, tzinfo=IST)
    known = Order.objects.filter(account_id__in={pk for pk, _ in lanes}, claimed_at__gte=since).exclude(
        broker_order_id=""
    )
    rows = known.values_list("account_id", "intent__mode", "broker_order_id").order_by()
    return {
        (pk, mode) for pk, mode, broker_id in rows if (pk, mode) in lanes and broker_id not in by_lane[(pk, mode)].shown
    }


def _facts(reports: Sequence[Report], fills: Sequence[Fill], wall: datetime) -> list[Facts]:
    filled = {fill.account_id for fill in fills}
    return [
        Facts(
            lane=report.lane,
            read_at=report.read_at,
            positions=report.positions,
            funds=report.funds,
            fills_applied_at=wall if report.lane[0] in filled else None,
        )
        for report in reports
    ]


def note_unchanged(reports: Sequence[Report], *, epoch: int) -> None:
    """Note reads that brought nothing new."""
    note_reads([Facts(lane=r.lane, read_at=r.read_at, positions=r.positions) for r in reports], epoch=epoch)


def _save_externals(reports: Sequence[Report], index: _Index) -> None:
    rows = {
        (report.lane[0], row.broker_order_id): ExternalOrder(
            account_id=report.lane[0],
            broker_order_id=row.broker_order_id,
            symbol=row.symbol[:SYMBOL_LENGTH],
            side=row.side,
            quantity=row.quantity,
            filled_quantity=row.filled_quantity,
            average_price=row.average_price,
            status=row.status,
        )
        for report in reports
        for row in report.orders
        if index.find(report.lane[0], row) is None
    }
    ExternalOrder.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["account", "broker_order_id"],
        update_fields=["filled_quantity", "average_price", "status"],
    )


def _audit(orders: Iterable[Order]) -> list[Entry]:
    return [
        Entry(
            "order_reported",
            "trading.order",
            order.pk,
            order.intent.tenant_id,
            {"status": order.status, "filled": order.filled_quantity, "broker_order_id": order.broker_order_id},
        )
        for order in orders
    ]
