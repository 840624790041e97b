"""Our side of the evidence the invariants of order safety are checked on, read from Postgres in one snapshot.

Read the brokers' ledger first: then whatever is on the wire is something this snapshot must know.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.clock import market_clock
from apps.markets.models import BrokerInstrument, SessionKind, TradingSession
from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.trading.models import ExternalOrder, Fill, Intent, Order, Trade, TradeLeg
from apps.trading.services.names import PAPER, serving_broker
from bus.leases import is_dead
from bus.models import Heartbeat, Lease, Term
from domain.clock import MarketClock
from domain.exit_plan import from_json
from domain.invariants.evidence import (
    AccountRow,
    AuditRow,
    BrokerSessionRow,
    Evidence,
    ExternalRow,
    FillRow,
    HaltRow,
    HeartbeatRow,
    IntentRow,
    LeaseRow,
    LegRow,
    MarketSessionRow,
    NotificationRow,
    OrderRow,
    TermRow,
    TradeRow,
)
from domain.orders import LIVE_TRADES, Mode

ORDER, TRADE, ACCOUNT = "trading.order", "trading.trade", "broker_accounts.brokeraccount"

_STATUS_OF = {
    "order_submitted": "SUBMITTED",
    "order_denied": "DENIED",
    "order_aborted": "ABORTED",
    "order_absent": "ABSENT",
    "order_parked": "PARKED",
    "mode_live": Mode.LIVE.value,
    "mode_forced_to_paper": Mode.PAPER.value,
    "mode_held_on_paper": Mode.PAPER.value,
}
"""The states that audit entries tell of by their kind alone."""

_STANDING_BY = "standing_by"
"""What a process that refuses to trade says of itself with its heartbeat."""

CHUNK = 5000
_AROUND = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """The wall times looked at, and the same in market time; ``None`` is without end."""

    since: datetime | None
    until: datetime | None

    @property
    def market_since(self) -> datetime | None:
        """When it begins for the market."""
        return self.since and market_clock().at(self.since)

    @property
    def market_until(self) -> datetime | None:
        """When it ends for the market."""
        return self.until and market_clock().at(self.until)


def load_evidence(
    *, since: datetime | None, until: datetime | None, account_ids: Collection[int] | None = None
) -> Evidence:
    """Read everything about the trades that were alive between two wall times (``until`` excluded, ``None``: no bound),
    of all accounts or of the given ones, with all their orders and fills whenever those were. The ledger that is laid
    beside it must tell of the same times.

    One REPEATABLE READ transaction, so that a running platform is seen at one instant; inside a caller's transaction
    that one's isolation counts. The brokers' side is added by ``Evidence.with_ledger``.
    """
    span = Span(since, until)
    with transaction.atomic():
        if not connection.savepoint_ids:  # the outermost block: nothing was read yet
            _take_snapshot()
        return _Reader(span, account_ids).read()


def _take_snapshot() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class _Reader:
    """One reading; every method is one query."""

    def __init__(self, span: Span, account_ids: Collection[int] | None) -> None:
        self.span = span
        self.accounts = BrokerAccount.objects.order_by("pk")
        if account_ids is not None:
            self.accounts = self.accounts.filter(pk__in=list(account_ids))
        self.trades = _alive(Trade.objects.order_by("pk"), span)
        if account_ids is not None:
            self.trades = self.trades.filter(account_id__in=list(account_ids))
        self.moves = _moves()

    def read(self) -> Evidence:
        """Return everything."""
        wall = timezone.now()
        return Evidence(
            taken_at=wall,
            market_now=market_clock().at(wall),
            since=self.span.since,
            until=self.span.until,
            market_since=self.span.market_since,
            market_until=self.span.market_until,
            pace=_pace(market_clock()),
            orders=self._orders(),
            intents=self._intents(),
            trades=self._trades(),
            legs=self._legs(),
            fills=self._fills(),
            externals=self._externals(),
            accounts=self._accounts(),
            broker_sessions=self._broker_sessions(),
            market_sessions=self._market_sessions(),
            halts=self._halts(),
            notifications=self._notifications(),
            leases=tuple(LeaseRow(*row) for row in Lease.objects.values_list("name", "epoch", "holder", "until")),
            terms=tuple(TermRow(*row) for row in Term.objects.values_list("lease", "epoch", "ended_at")),
            heartbeats=tuple(map(_heartbeat, Heartbeat.objects.all())),
            audit=self._audit(),
        )

    def _orders(self) -> tuple[OrderRow, ...]:
        names = _broker_names()
        rows = Order.objects.filter(intent__trade__in=self.trades.order_by()).order_by("pk").values(*_ORDER)
        return tuple(_order(row, names, self.moves) for row in rows.iterator(chunk_size=CHUNK))

    def _intents(self) -> tuple[IntentRow, ...]:
        rows = Intent.objects.filter(trade__in=self.trades.order_by()).order_by("pk").values_list(*_INTENT)
        return tuple(_intent(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _trades(self) -> tuple[TradeRow, ...]:
        rows = self.trades.values_list(*_TRADE, "touched_at", "exit_plan")
        return tuple(_trade(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _legs(self) -> tuple[LegRow, ...]:
        rows = TradeLeg.objects.filter(trade__in=self.trades.order_by()).order_by("pk").values_list(*_LEG)
        return tuple(LegRow(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _fills(self) -> tuple[FillRow, ...]:
        fills = Fill.objects.filter(order__intent__trade__in=self.trades.order_by()).order_by("pk")
        return tuple(FillRow(*row) for row in fills.values_list(*_FILL).iterator(chunk_size=CHUNK))

    def _externals(self) -> tuple[ExternalRow, ...]:
        found = ExternalOrder.objects.filter(account__in=self.accounts.order_by()).order_by("pk")
        rows = _between(found, "seen_at", self.span.since, self.span.until)
        return tuple(ExternalRow(*row) for row in rows.values_list(*_EXTERNAL))

    def _accounts(self) -> tuple[AccountRow, ...]:
        rows = self.accounts.values_list("pk", "tenant_id", "user__tenant_id", "broker", "client_id", "shard", "mode")
        return tuple(AccountRow(*row[:5], lease=_lease(row[5]), mode=row[6]) for row in rows)

    def _broker_sessions(self) -> tuple[BrokerSessionRow, ...]:
        rows = BrokerSession.objects.filter(account__in=self.accounts.order_by()).order_by("pk")
        return tuple(
            BrokerSessionRow(*row) for row in rows.values_list("account_id", "opened_at", "expires_at", "lost_at")
        )

    def _market_sessions(self) -> tuple[MarketSessionRow, ...]:
        """With a day before and after, for what was carried over; a demo's leftovers do not open a real market."""
        rows = TradingSession.objects.order_by("pk")
        since, until = self.span.market_since, self.span.market_until
        rows = rows.filter(closes_at__gt=since - _AROUND) if since else rows
        rows = rows.filter(opens_at__lt=until + _AROUND) if until else rows
        rows = rows if settings.DEMO else rows.exclude(kind=SessionKind.DEMO)
        return tuple(MarketSessionRow(*row) for row in rows.values_list("exchange", "opens_at", "closes_at"))

    def _halts(self) -> tuple[HaltRow, ...]:
        """Those of the span, and those in force when it began."""
        rows = Halt.objects.order_by("pk")
        if self.span.since is not None:
            rows = rows.filter(Q(released_at__isnull=True) | Q(released_at__gt=self.span.since))
        return tuple(HaltRow(*row) for row in rows.values_list(*_HALT))

    def _notifications(self) -> tuple[NotificationRow, ...]:
        told = Notification.objects.order_by("pk")
        rows = _between(told, "created_at", self.span.since and self.span.since - _AROUND, None)
        return tuple(NotificationRow(*row) for row in rows.values_list("key", "code", "level", "created_at"))

    def _audit(self) -> tuple[AuditRow, ...]:
        """What was told of the orders and trades that were read, whenever, and of the accounts' modes."""
        orders = Order.objects.filter(intent__trade__in=self.trades.order_by()).order_by().values("pk")
        about = (
            Q(object_type=ORDER, object_id__in=orders)
            | Q(object_type=TRADE, object_id__in=self.trades.order_by().values("pk"))
            | Q(object_type=ACCOUNT, kind__in=_STATUS_OF, object_id__in=self.accounts.order_by().values("pk"))
        )
        rows = AuditEvent.objects.filter(about).order_by("pk")
        fields = ("pk", "kind", "object_type", "object_id", "at", "data")
        return tuple(_told(*row) for row in rows.values_list(*fields).iterator(chunk_size=CHUNK))


def _pace(clock: MarketClock) -> float:
    """Return how fast market time runs at its fastest."""
    return max(clock.speed, _pace(clock.then)) if clock.then else clock.speed


def _alive(trades: QuerySet[Trade], span: Span) -> QuerySet[Trade]:
    """Return the trades that existed in the span and were not over before it."""
    if span.since is not None:
        trades = trades.filter(Q(touched_at__gte=span.since) | Q(status__in=LIVE_TRADES))
    return trades.filter(created_at__lt=span.market_until) if span.market_until else trades


Rows = TypeVar("Rows", bound=models.Model)


def _between(rows: QuerySet[Rows], name: str, since: datetime | None, until: datetime | None) -> QuerySet[Rows]:
    rows = rows.filter(**{f"{name}__gte": since}) if since else rows
    return rows.filter(**{f"{name}__lt": until}) if until else rows


_ORDER = (
    "pk",
    "client_order_id",
    "account_id",
    "intent_id",
    "slice_number",
    "attempt",
    "side",
    "quantity",
    "status",
    "filled_quantity",
    "average_price",
    "broker_order_id",
    "epoch",
    "created_at",
    "claimed_at",
    "submitted_at",
    "finished_at",
    "instrument_id",
    "intent__leg_id",
    "intent__trade_id",
    "intent__mode",
    "intent__kind",
    "intent__expires_at",
    "account__broker",
    "account__client_id",
    "account__shard",
    "instrument__exchange",
    "instrument__symbol",
    "instrument__lot_size",
    "instrument__freeze_quantity",
)
_INTENT = (
    "pk",
    "tenant_id",
    "account_id",
    "trade_id",
    "leg_id",
    "leg__position",
    "kind",
    "side",
    "quantity",
    "mode",
    "status",
    "signal__strategy_id",
    "signal__dedupe_key",
    "signal__tenant_id",
    "filled_quantity",
    "created_at",
    "finished_at",
)
_TRADE = (
    "pk",
    "tenant_id",
    "account_id",
    "strategy_id",
    "mode",
    "status",
    "strategy__tenant_id",
    "wave__signal__tenant_id",
    "square_off_at",
    "gross_pnl",
    "opened_at",
    "closed_at",
)
_LEG = (
    "pk",
    "trade_id",
    "instrument_id",
    "side",
    "quantity",
    "entry_quantity",
    "entry_value",
    "exit_quantity",
    "exit_value",
    "instrument__multiplier",
    "exit_reason",
)
_FILL = ("pk", "account_id", "order_id", "exchange_trade_id", "quantity", "price", "filled_at")
_EXTERNAL = ("account_id", "broker_order_id", "symbol", "side", "quantity", "filled_quantity", "status")
_HALT = ("pk", "scope", "created_at", "released_at", "tenant_id", "strategy_id", "account_id")

Names = Mapping[tuple[str, int], tuple[str, str]]
"""What a broker calls an instrument: exchange and symbol by slug and instrument id."""


def _broker_names() -> Names:
    rows = BrokerInstrument.objects.values_list("broker", "instrument_id", "exchange", "symbol")
    return {(broker, pk): (exchange, symbol) for broker, pk, exchange, symbol in rows.iterator(chunk_size=CHUNK)}


Moves = Mapping[int, list[tuple[datetime, int]]]
"""When each account left which shard, in order."""


def _moves() -> Moves:
    moves: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = AuditEvent.objects.filter(object_type=ACCOUNT, kind="account_moved").order_by("pk")
    for account_id, at, data in rows.values_list("object_id", "at", "data"):
        if account_id is not None:
            moves[account_id].append((at, int(data["from"])))
    return moves


def _lease(shard: int) -> str:
    return f"execution.{shard}"


def _shard_at(row: Mapping[str, Any], moves: Moves) -> int:
    """Return the shard that claimed an order: the one its account left next, or has not left."""
    claimed_at = row["claimed_at"]
    later = (shard for at, shard in moves.get(row["account_id"], []) if claimed_at is not None and at >= claimed_at)
    return next(later, row["account__shard"])


def _order(row: Mapping[str, Any], names: Names, moves: Moves) -> OrderRow:
    broker = serving_broker(row["account__broker"], row["intent__mode"])
    own = (row["instrument__exchange"], row["instrument__symbol"])
    exchange, symbol = own if broker == PAPER else names.get((broker, row["instrument_id"]), ("", ""))
    return OrderRow(
        pk=row["pk"],
        tag=row["client_order_id"],
        account_id=row["account_id"],
        intent_id=row["intent_id"],
        leg_id=row["intent__leg_id"],
        trade_id=row["intent__trade_id"],
        mode=row["intent__mode"],
        kind=row["intent__kind"],
        broker=broker,
        client_id=row["account__client_id"],
        exchange=exchange,
        symbol=symbol,
        lot_size=row["instrument__lot_size"],
        freeze_quantity=row["instrument__freeze_quantity"],
        side=row["side"],
        quantity=row["quantity"],
        status=row["status"],
        filled_quantity=row["filled_quantity"],
        average_price=row["average_price"],
        slice_number=row["slice_number"],
        attempt=row["attempt"],
        broker_order_id=row["broker_order_id"],
        lease=_lease(_shard_at(row, moves)),
        epoch=row["epoch"],
        market=row["instrument__exchange"],
        created_at=row["created_at"],
        claimed_at=row["claimed_at"],
        submitted_at=row["submitted_at"],
        expires_at=row["intent__expires_at"],
        finished_at=row["finished_at"],
    )


def _intent(*row: Any) -> IntentRow:
    strategy_id, dedupe_key = row[11:13]
    signal = "" if strategy_id is None else f"{strategy_id}:{dedupe_key}"
    fields = (*row[:11], signal, *row[13:])
    return IntentRow(*fields)


def _trade(*row: Any) -> TradeRow:
    *facts, touched_at, plan = row
    fields = (*facts, facts[5] not in LIVE_TRADES or _is_plan(plan), touched_at)
    return TradeRow(*fields)


def _is_plan(plan: dict[str, Any]) -> bool:
    try:
        from_json(plan)
    except msgspec.ValidationError:
        return False
    return True


def _heartbeat(beat: Heartbeat) -> HeartbeatRow:
    newest = beat.detail.get("newest_tick_ms")
    return HeartbeatRow(
        process=beat.process,
        build=beat.build,
        at=beat.beat_at,
        started_at=beat.started_at,
        is_gone=is_dead(beat.holder),
        is_standing_by=bool(beat.detail.get(_STANDING_BY)),
        prices_age=beat.beat_at.timestamp() - newest / 1000 if isinstance(newest, int) else None,
    )


def _told(pk: int, kind: str, object_type: str, object_id: int | None, at: datetime, data: dict[str, Any]) -> AuditRow:
    filled = data.get("filled")
    return AuditRow(
        pk=pk,
        kind=kind,
        object_type=object_type,
        object_id=object_id,
        at=at,
        status=str(data.get("status") or _STATUS_OF.get(kind, "")),
        filled=filled if isinstance(filled, int) else None,
    )
