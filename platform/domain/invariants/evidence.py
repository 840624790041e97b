"""What the invariants of order safety are checked on: three sides of the same story, as frozen records.

``wire`` is what reached the brokers, ``book`` what the brokers then held (both from the simulator's ledger, ``None`` on
a day without one), everything else is our own database. Quantities are units, prices rupees, times aware.

Mind the clocks. Wall time: ``at`` of the wire and the book, ``claimed_at``, halts, sessions at brokers, notifications,
heartbeats, leases, audit entries. Market time: ``market_at``, ``submitted_at``, ``created_at``, ``finished_at``,
``expires_at``, ``square_off_at``, market sessions. The two are the same outside replays and tests.

Read the ledger before the database: then every order on the wire is one the database must already know.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.invariants.broker_side import BrokerBook, WireRequest


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One violation: of which invariant, by what (``order 12``, ``leg 3``), and in words."""

    invariant: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One of our orders. ``broker`` serves it (``paper`` for paper orders), ``exchange`` and ``symbol`` are in that
    broker's words ("" when it has none any more), ``lease`` is that of its account's shard when it was claimed.
    ``may_shrink``: an exit of which its broker takes no more than there is to reduce."""

    pk: int
    tag: str
    account_id: int
    intent_id: int
    leg_id: int
    trade_id: int
    mode: str
    kind: str
    broker: str
    client_id: str
    exchange: str
    symbol: str
    lot_size: int
    freeze_quantity: int | None
    side: str
    quantity: int
    status: str
    filled_quantity: int = 0
    average_price: Decimal = Decimal(0)
    slice_number: int = 0
    attempt: int = 0
    broker_order_id: str = ""
    lease: str = ""
    epoch: int = 0
    market: str = ""  # our name of the exchange, whose sessions count
    may_shrink: bool = False
    created_at: datetime | None = None
    claimed_at: datetime | None = None
    submitted_at: datetime | None = None
    expires_at: datetime | None = None
    finished_at: datetime | None = None
    reduced_to: frozenset[int] = frozenset()  # totals its owner asked the broker to make it smaller to


@dataclass(frozen=True, slots=True)
class IntentRow:
    """One intent; ``signal`` names its signal by what makes it one (strategy and dedupe key), "" for exits without."""

    pk: int
    tenant_id: int
    account_id: int
    trade_id: int
    leg_id: int
    leg_position: int
    kind: str
    side: str
    quantity: int
    mode: str
    status: str
    signal: str = ""
    signal_tenant_id: int | None = None
    filled_quantity: int = 0
    created_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One trade; the tenants are those of its own row, its strategy, its wave's signal."""

    pk: int
    tenant_id: int
    account_id: int
    strategy_id: int
    mode: str
    status: str
    strategy_tenant_id: int | None = None
    signal_tenant_id: int | None = None
    square_off_at: datetime | None = None
    gross_pnl: Decimal = Decimal(0)
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    has_rules: bool = True  # its exit plan reads as rules that can be watched
    touched_at: datetime | None = None  # wall: when anything of it last changed
    flip_of: int | None = None  # the leg of ours that was turned round: this trade took over what stood on its far side


@dataclass(frozen=True, slots=True)
class LegRow:
    """One contract of a trade, with our ledger of it; ``side`` is the entry's."""

    pk: int
    trade_id: int
    instrument_id: int
    side: str
    quantity: int
    entry_quantity: int = 0
    entry_value: Decimal = Decimal(0)
    exit_quantity: int = 0
    exit_value: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)
    exit_reason: str = ""
    handed_over: bool = False  # closed outside the platform: the client's own

    @property
    def open_quantity(self) -> int:
        """Units held for the platform to leave."""
        return 0 if self.handed_over else self.entry_quantity - self.exit_quantity


@dataclass(frozen=True, slots=True)
class FillRow:
    """One execution as we booked it."""

    pk: int
    account_id: int
    order_id: int
    exchange_trade_id: str
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class ExternalRow:
    """An order of the account that is not ours: declared, for the net of positions."""

    account_id: int
    broker_order_id: str
    symbol: str
    side: str
    quantity: int
    filled_quantity: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account: whose, at which broker, served under which lease."""

    pk: int
    tenant_id: int
    user_tenant_id: int
    broker: str
    client_id: str
    lease: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class BrokerSessionRow:
    """A sign-in at a broker, in force from ``opened_at`` until it expired or was lost."""

    account_id: int
    opened_at: datetime
    expires_at: datetime
    lost_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MarketSessionRow:
    """A stretch of trading of one exchange."""

    exchange: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class HaltRow:
    """A halt; the ids its scope does not need are ``None``."""

    pk: int
    scope: str
    since: datetime
    until: datetime | None = None
    tenant_id: int | None = None
    strategy_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """What somebody was told."""

    key: str
    code: str
    level: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Who leads now."""

    name: str
    epoch: int
    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class TermRow:
    """A term of leadership that ended."""

    name: str
    epoch: int
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class HeartbeatRow:
    """A process's last sign of life; ``prices_age`` is seconds since its newest tick, ``None`` when it does not say;
    ``is_standing_by``: it takes no entries, and says so; ``is_gone``: proved to run no more."""

    process: str
    build: str
    at: datetime
    started_at: datetime | None = None
    is_standing_by: bool = False
    is_gone: bool = False
    prices_age: float | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the trail about one object; ``status`` is the state it tells of, "" when it tells of none."""

    pk: int
    kind: str
    object_type: str
    object_id: int | None
    at: datetime
    status: str = ""
    filled: int | None = None  # units, where it tells of them


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a check may look at, as of ``taken_at`` (wall) and ``market_now``.

    ``pace`` is how much market time passes in one of wall time (1 but in replays). ``since`` and ``until`` (wall; in
    market time ``market_since``, ``market_until``) bound what the ledger tells and which sends are judged; trades are
    here with all their orders and fills, also those before and after. ``None``: no bound.
    """

    taken_at: datetime
    market_now: datetime
    since: datetime | None = None
    until: datetime | None = None
    market_since: datetime | None = None
    market_until: datetime | None = None
    pace: float = 1.0
    wire: tuple[WireRequest, ...] | None = None
    book: BrokerBook | None = None
    orders: tuple[OrderRow, ...] = ()
    intents: tuple[IntentRow, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    legs: tuple[LegRow, ...] = ()
    fills: tuple[FillRow, ...] = ()
    externals: tuple[ExternalRow, ...] = ()
    accounts: tuple[AccountRow, ...] = ()
    broker_sessions: tuple[BrokerSessionRow, ...] = ()
    market_sessions: tuple[MarketSessionRow, ...] = ()
    halts: tuple[HaltRow, ...] = ()
    notifications: tuple[NotificationRow, ...] = ()
    leases: tuple[LeaseRow, ...] = ()
    terms: tuple[TermRow, ...] = ()
    heartbeats: tuple[HeartbeatRow, ...] = ()
    audit: tuple[AuditRow, ...] = ()

    def with_ledger(self, wire: tuple[WireRequest, ...] | None, book: BrokerBook | None) -> "Evidence":
        """Return this with the brokers' side added."""
        return replace(self, wire=wire, book=book)

    def distinct(self) -> "Evidence":
        """Return this with records that were read twice counted once."""
        changes: dict[str, Any] = {
            one.name: tuple(dict.fromkeys(value))
            for one in fields(self)
            if isinstance(value := getattr(self, one.name), tuple)
        }
        if self.book is not None:
            orders, fills = tuple(dict.fromkeys(self.book.orders)), tuple(dict.fromkeys(self.book.fills))
            changes["book"] = BrokerBook(orders, fills)
        return replace(self, **changes)
