"""Our side of the evidence the invariants of order safety are checked on, read from Postgres in one snapshot.

Read the brokers' ledger first: then whatever is on the wire is something this snapshot must know.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.clock import market_clock
from apps.markets.models import SessionKind, TradingSession
from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.trading.models import ExternalOrder, Fill, Intent, Order, Trade, TradeLeg
from apps.trading.services.evidence_rows import (
    ACCOUNT,
    CHUNK,
    EXTERNAL_FIELDS,
    FILL_FIELDS,
    HALT_FIELDS,
    INTENT_FIELDS,
    LEG_FIELDS,
    ORDER,
    ORDER_FIELDS,
    STATUS_OF,
    TRADE,
    TRADE_FIELDS,
    audit_row,
    broker_names,
    heartbeat_row,
    intent_row,
    lease_of,
    moves_of_accounts,
    order_row,
    reductions_of_orders,
    trade_row,
)
from bus.models import Heartbeat, Lease, Term
from domain.clock import MarketClock
from domain.invariants.evidence import (
    AccountRow,
    AuditRow,
    BrokerSessionRow,
    Evidence,
    ExternalRow,
    FillRow,
    HaltRow,
    IntentRow,
    LeaseRow,
    LegRow,
    MarketSessionRow,
    NotificationRow,
    OrderRow,
    TermRow,
    TradeRow,
)
from domain.orders import LIVE_TRADES

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
        self.moves = moves_of_accounts()

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
            heartbeats=tuple(map(heartbeat_row, Heartbeat.objects.all())),
            audit=self._audit(),
        )

    def _orders(self) -> tuple[OrderRow, ...]:
        names, reductions = broker_names(), reductions_of_orders()
        rows = Order.objects.filter(intent__trade__in=self.trades.order_by()).order_by("pk").values(*ORDER_FIELDS)
        return tuple(order_row(row, names, self.moves, reductions) for row in rows.iterator(chunk_size=CHUNK))

    def _intents(self) -> tuple[IntentRow, ...]:
        rows = Intent.objects.filter(trade__in=self.trades.order_by()).order_by("pk").values_list(*INTENT_FIELDS)
        return tuple(intent_row(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _trades(self) -> tuple[TradeRow, ...]:
        rows = self.trades.values_list(*TRADE_FIELDS, "touched_at", "flip_of_id", "exit_plan")
        return tuple(trade_row(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _legs(self) -> tuple[LegRow, ...]:
        rows = TradeLeg.objects.filter(trade__in=self.trades.order_by()).order_by("pk").values_list(*LEG_FIELDS)
        return tuple(LegRow(*row) for row in rows.iterator(chunk_size=CHUNK))

    def _fills(self) -> tuple[FillRow, ...]:
        fills = Fill.objects.filter(order__intent__trade__in=self.trades.order_by()).order_by("pk")
        return tuple(FillRow(*row) for row in fills.values_list(*FILL_FIELDS).iterator(chunk_size=CHUNK))

    def _externals(self) -> tuple[ExternalRow, ...]:
        found = ExternalOrder.objects.filter(account__in=self.accounts.order_by()).order_by("pk")
        rows = _between(found, "seen_at", self.span.since, self.span.until)
        return tuple(ExternalRow(*row) for row in rows.values_list(*EXTERNAL_FIELDS))

    def _accounts(self) -> tuple[AccountRow, ...]:
        rows = self.accounts.values_list("pk", "tenant_id", "user__tenant_id", "broker", "client_id", "shard", "mode")
        return tuple(AccountRow(*row[:5], lease=lease_of(row[5]), mode=row[6]) for row in rows)

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
        return tuple(HaltRow(*row) for row in rows.values_list(*HALT_FIELDS))

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
            | Q(object_type=ACCOUNT, kind__in=STATUS_OF, object_id__in=self.accounts.order_by().values("pk"))
        )
        rows = AuditEvent.objects.filter(about).order_by("pk")
        fields = ("pk", "kind", "object_type", "object_id", "at", "data")
        return tuple(audit_row(*row) for row in rows.values_list(*fields).iterator(chunk_size=CHUNK))


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
