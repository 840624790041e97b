"""Orders as the wire and the ledger know them, and the lifecycle tables of orders, intents and trades."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """BUY or SELL."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Product(StrEnum):
    """Intraday, carry-forward, delivery."""

    MIS = "MIS"
    NRML = "NRML"
    CNC = "CNC"


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class Validity(StrEnum):
    """How long an order rests."""

    DAY = "DAY"
    IOC = "IOC"


class Mode(StrEnum):
    """Whether money moves. Fixed on the intent, re-checked at the send."""

    PAPER = "PAPER"
    LIVE = "LIVE"


class OrderStatus(StrEnum):
    """Our order's state: one wire request and the broker's side of it in one row."""

    PENDING = "PENDING"  # written, not sent
    SUBMITTED = "SUBMITTED"  # claimed and committed: it may be on the wire
    UNKNOWN = "UNKNOWN"  # nobody knows yet; resolved by tag, never re-sent blindly
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"  # the broker refused, proved
    EXPIRED = "EXPIRED"
    DENIED = "DENIED"  # we refused before the wire
    ABORTED = "ABORTED"  # its time or lease ran out before the wire
    ABSENT = "ABSENT"  # an unknown order proved never to have reached the broker
    PARKED = "PARKED"  # unresolved at its deadline; a person was told


_S = OrderStatus
_BROKER_STATES = frozenset(
    {_S.OPEN, _S.TRIGGER_PENDING, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}
)

ORDER_MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.PENDING: frozenset({_S.SUBMITTED, _S.DENIED, _S.ABORTED}),
    _S.SUBMITTED: _BROKER_STATES | {_S.UNKNOWN, _S.ABORTED},
    _S.UNKNOWN: _BROKER_STATES | {_S.ABSENT, _S.PARKED},
    _S.PARKED: _BROKER_STATES | {_S.ABSENT},
    _S.ABSENT: _BROKER_STATES,  # a very late acceptance is adopted, never ignored
    _S.TRIGGER_PENDING: _BROKER_STATES - {_S.TRIGGER_PENDING},
    _S.OPEN: frozenset({_S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}),
    _S.PARTIALLY_FILLED: frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED}),
    _S.CANCELLED: frozenset({_S.FILLED}),  # a late fill after a cancel is a correction, not a regress
    _S.EXPIRED: frozenset({_S.FILLED}),
    _S.REJECTED: frozenset(),
    _S.FILLED: frozenset(),
    _S.DENIED: frozenset(),
    _S.ABORTED: frozenset(),
}
"""Legal moves of an order."""

UNRESOLVED = frozenset(
    {_S.PENDING, _S.SUBMITTED, _S.UNKNOWN, _S.PARKED, _S.OPEN, _S.TRIGGER_PENDING, _S.PARTIALLY_FILLED}
)
"""States in which a slice may still gain fills: at most one such order per (intent, slice)."""

IN_FLIGHT = frozenset({_S.SUBMITTED, _S.UNKNOWN, _S.PARKED})
"""States in which the broker may hold an order we cannot name."""

WORKING = frozenset({_S.OPEN, _S.TRIGGER_PENDING, _S.PARTIALLY_FILLED})
"""States in which the order rests at the broker."""

FINAL = frozenset(_S) - UNRESOLVED
"""States an order is expected to stay in."""


class IntentKind(StrEnum):
    """What an intent wants of the position."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"


class IntentStatus(StrEnum):
    """An intent's state."""

    NEW = "NEW"
    WORKING = "WORKING"
    DONE = "DONE"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    BLOCKED = "BLOCKED"


_I = IntentStatus
INTENT_MOVES: dict[IntentStatus, frozenset[IntentStatus]] = {
    _I.NEW: frozenset({_I.WORKING, _I.FAILED, _I.EXPIRED, _I.BLOCKED, _I.DONE}),
    _I.WORKING: frozenset({_I.DONE, _I.FAILED, _I.EXPIRED, _I.BLOCKED}),
    _I.BLOCKED: frozenset({_I.WORKING, _I.DONE, _I.FAILED, _I.EXPIRED}),
    _I.DONE: frozenset(),
    _I.FAILED: frozenset(),
    _I.EXPIRED: frozenset({_I.DONE}),  # a late fill of an expired entry
}
OPEN_INTENTS = frozenset({_I.NEW, _I.WORKING, _I.BLOCKED})
"""States in which an exit intent is *the* open exit of its leg."""


class TradeStatus(StrEnum):
    """One wave's entry-to-exit life in one account."""

    PENDING = "PENDING"
    ENTERING = "ENTERING"
    OPEN = "OPEN"
    EXITING = "EXITING"
    CLOSED = "CLOSED"
    ENTRY_FAILED = "ENTRY_FAILED"
    EXTERNAL = "EXTERNAL"
    HANDED_OVER = "HANDED_OVER"


_T = TradeStatus
TRADE_MOVES: dict[TradeStatus, frozenset[TradeStatus]] = {
    _T.PENDING: frozenset({_T.ENTERING, _T.ENTRY_FAILED, _T.OPEN, _T.EXITING}),
    _T.ENTERING: frozenset({_T.OPEN, _T.ENTRY_FAILED, _T.EXITING, _T.CLOSED}),
    _T.OPEN: frozenset({_T.EXITING, _T.CLOSED, _T.HANDED_OVER}),
    _T.EXITING: frozenset({_T.CLOSED, _T.OPEN, _T.HANDED_OVER}),
    _T.ENTRY_FAILED: frozenset({_T.OPEN, _T.EXITING}),  # a late fill: the position exists and is protected
    _T.CLOSED: frozenset({_T.OPEN, _T.EXITING}),  # a late fill reopens the books
    _T.EXTERNAL: frozenset({_T.HANDED_OVER, _T.CLOSED}),
    _T.HANDED_OVER: frozenset({_T.CLOSED, _T.OPEN, _T.EXITING}),  # a late fill of ours is ours to protect
}
LIVE_TRADES = frozenset({_T.PENDING, _T.ENTERING, _T.OPEN, _T.EXITING})
"""Trades that may hold or gain a position."""


class IllegalMove(ValueError):
    """A lifecycle was asked for a move its table does not have."""


def check_move(table: dict, source: StrEnum, target: StrEnum) -> None:  # type: ignore[type-arg]
    """Raise ``IllegalMove`` unless the table allows source to target."""
    if target not in table[source]:
        raise IllegalMove(f"{source} -> {target}")


class ExitReason(StrEnum):
    """Why a trade is left; declared in falling urgency (the first wins when several fire together)."""

    KILL_SWITCH = "KILL_SWITCH"
    MANUAL = "MANUAL"
    SQUARE_OFF = "SQUARE_OFF"
    DAY_LOSS = "DAY_LOSS"
    DAY_TARGET = "DAY_TARGET"
    STOP_LOSS = "STOP_LOSS"
    TRADE_STOP = "TRADE_STOP"
    TARGET = "TARGET"
    TRADE_TARGET = "TRADE_TARGET"
    TRAIL = "TRAIL"
    SIGNAL = "SIGNAL"
    ENTRY_INCOMPLETE = "ENTRY_INCOMPLETE"
    EXTERNAL = "EXTERNAL"

    @property
    def urgency(self) -> int:
        """Smaller is more urgent."""
        return list(ExitReason).index(self)


ID_LENGTH = 100
"""Characters a broker's order or execution id may have; the longest that are known have forty-odd."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is put on the wire, in our words.

    ``quantity`` is units; an adapter converts to lots where its SPEC says so (``lot_size`` travels along).
    ``reduce_only``: the order is an exit. Where a broker can be told so, it takes at most what is there to reduce (the
    book then shows a smaller order), and where nothing is, it refuses with ``NOTHING_AT_BROKER`` rather than open or
    turn a position. Elsewhere it says nothing on the wire, and the exit clamp alone holds it.
    """

    client_order_id: str
    exchange: str
    symbol: str  # the broker's own symbol
    token: str  # the broker's own instrument token
    side: Side
    quantity: int
    lot_size: int
    product: Product
    order_type: OrderType
    validity: Validity = Validity.DAY
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    algo_id: str = ""
    reduce_only: bool = False


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What a modify asks for; ``None`` leaves a field alone. Quantity is the order's new total, in units.

    ``symbol`` and ``token`` are the broker's own, ``side`` and ``product`` the order's, for brokers whose modify
    repeats them; "" and ``None`` where the caller has none.
    """

    order_type: OrderType
    quantity: int
    lot_size: int
    exchange: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    symbol: str = ""
    token: str = ""
    side: Side | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker's book shows it, normalised. Quantities in units, times aware."""

    broker_order_id: str
    client_order_id: str  # "" when the broker shows no tag
    exchange: str
    symbol: str
    side: Side
    quantity: int
    filled_quantity: int
    average_price: Decimal
    status: OrderStatus
    order_type: OrderType
    price: Decimal
    trigger_price: Decimal
    product: str
    raw_status: str
    reason: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """An execution as the broker's trade book shows it.

    ``client_order_id`` is our tag, where executions bear it; ``broker_order_id`` is "" where they do not say whose they
    are.
    """

    broker_order_id: str
    exchange_trade_id: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    filled_at: datetime
    client_order_id: str = ""


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """Net position of one instrument and product; ``quantity`` is signed units."""

    exchange: str
    symbol: str
    product: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Funds:
    """Money of the account's currency: free to use, in use, and in all."""

    available: Decimal
    used: Decimal
    total: Decimal
