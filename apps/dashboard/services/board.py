"""The parts of a trader's board: what the first page shows and the socket's snapshot carries."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from apps.dashboard.marks import Line
from apps.dashboard.wording import Words
from domain.venues import RUPEES


def purse(mode: str, currency: str) -> str:
    """Return the name of a sum over accounts: its mode, and its currency where that is not rupees.

    Amounts of two modes or of two currencies are never added.
    """
    return mode if currency == RUPEES else f"{mode}-{currency}"


@dataclass(frozen=True, slots=True)
class PriceMark:
    """Where an instrument stands. ``price`` is rupees, ``change`` percent of yesterday's close; ``None``: not known."""

    price: Decimal | None = None
    change: Decimal | None = None
    is_stale: bool = True
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class LegLine:
    """One leg of a trade; ``quantity`` is units ordered, ``open_quantity`` units held, ``lots`` of the order,
    ``decimals`` what its prices are written with."""

    id: int
    instrument_id: int
    symbol: str
    exchange: str
    name: str
    detail: str
    side: str
    quantity: int
    open_quantity: int
    lots: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    mark: PriceMark
    pnl: Decimal | None
    stop_price: Decimal | None
    target_price: Decimal | None
    trail_price: Decimal | None
    decimals: int


@dataclass(frozen=True, slots=True)
class CheckLine:
    """An order nobody can account for yet: what it is, since when (wall clock), and what the person can do."""

    order_id: int
    what: str
    words: Words
    advice: str
    since: datetime
    client_order_id: str
    is_parked: bool


@dataclass(frozen=True, slots=True)
class HeldUpLine:
    """An exit that cannot go on now, and why."""

    symbol: str
    why: str


@dataclass(frozen=True, slots=True)
class HaltLine:
    """What stops new entries of an account: in words, ``code`` for whoever asks, and what its owner can do."""

    scope: str
    code: str
    what: str
    why: str
    said: str
    advice: str
    since: datetime
    needs_login: bool
    needs_operator: bool


@dataclass(frozen=True, slots=True)
class TradeLine:
    """One trade; money is of the account's currency, ``unit`` to be written behind it ("" for rupees).

    ``pnl`` is gross, open and realised together.
    """

    id: int
    account_id: int
    account: str
    owner: str
    strategy: str
    mode: str
    status: str
    words: Words
    legs: tuple[LegLine, ...]
    pnl: Decimal | None
    charges: Decimal
    net_pnl: Decimal | None
    is_stale: bool
    is_open: bool
    can_exit: bool
    close_reason: str
    square_off_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    unit: str = ""
    broker: str = ""
    checks: tuple[CheckLine, ...] = ()
    held_up: tuple[HeldUpLine, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One subscription's day-loss limit; ``used`` is how much of ``limit`` (both rupees, above zero) is lost."""

    map_id: int
    strategy: str
    limit: Decimal
    used: Decimal
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One broker account. ``session_seconds`` is what is left of the broker session; ``None``: there is none.

    ``unit`` is to be written behind its money.
    """

    id: int
    label: str
    broker: str
    client_id: str
    owner: str
    mode: str
    wanted_mode: str
    mode_reason: str
    mode_text: str
    is_forced: bool
    session_seconds: float | None
    needs_session: bool
    funds: Decimal | None
    error: str
    open_trades: int
    pnl: Decimal | None
    limits: tuple[LimitLine, ...]
    halts: tuple[HaltLine, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class AskedLine:
    """What became of something a person asked of an order: in words, and why."""

    words: Words
    why: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order with its state in words and its reason, if any, in plain words and as the broker gave it.

    ``left`` is the total a person reduced it to (``None``: as placed), ``asked`` what became of the last thing a person
    asked of it, ``kept`` why a working order offers no button.
    """

    id: int
    account_id: int
    account: str
    trade_id: int
    symbol: str
    side: str
    kind: str
    mode: str
    quantity: int
    filled_quantity: int
    order_type: str
    price: Decimal
    average_price: Decimal
    decimals: int
    status: str
    words: Words
    reason: str
    raw_reason: str
    client_order_id: str
    broker_order_id: str
    created_at: datetime
    sent_ms: int | None
    answer_ms: int | None
    advice: str = ""
    checking_since: datetime | None = None
    broker: str = ""
    trigger_price: Decimal = Decimal(0)
    left: int | None = None
    is_cancelling: bool = False
    can_cancel: bool = False
    can_change: bool = False
    asked: AskedLine | None = None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class ExternalLine:
    """An order in the broker's book that the platform did not place; ``seen_at`` is the wall clock, ``decimals`` not
    known of a contract we do not know."""

    id: int
    account: str
    symbol: str
    side: str
    quantity: int
    filled_quantity: int
    average_price: Decimal
    decimals: int | None
    words: Words
    broker_order_id: str
    seen_at: datetime
    broker: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class WatchLine:
    """One watched instrument."""

    id: int
    instrument_id: int
    symbol: str
    exchange: str
    name: str
    detail: str
    mark: PriceMark
    decimals: int


@dataclass(frozen=True, slots=True)
class Total:
    """The day in one mode and currency. ``day`` is net of charges and includes open trades.

    Paper and live are never added, nor are two currencies; ``unit`` is to be written behind the money.
    """

    mode: str
    currency: str
    day: Decimal | None
    open: Decimal | None
    charges: Decimal
    trades: int
    open_trades: int
    is_stale: bool

    @property
    def key(self) -> str:
        """The name of the sum, as in ``day:LIVE`` and ``day:LIVE-USDT``."""
        return purse(self.mode, self.currency)

    @property
    def unit(self) -> str:
        """What is written behind the amounts."""
        return "" if self.currency == RUPEES else self.currency


@dataclass(frozen=True, slots=True)
class Board:
    """Everything one person's dashboard shows at one moment."""

    at: datetime
    accounts: tuple[AccountLine, ...]
    trades: tuple[TradeLine, ...]
    orders: tuple[OrderLine, ...]
    watchlist: tuple[WatchLine, ...]
    totals: tuple[Total, ...]
    lines: dict[str, Line] = field(repr=False)  # "trade:5", "leg:7", "map:2", "account:3:LIVE", "day:LIVE-USDT"

    def only(self, *, mode: str, find: str, account_ids: frozenset[int] | None = None) -> "Board":
        """Return the board with the trades of one mode, of some accounts, that contain a text; totals stay those of
        everything."""
        words = find.lower().split()
        kept = (trade for trade in self.trades if not mode or trade.mode == mode)
        kept = (trade for trade in kept if account_ids is None or trade.account_id in account_ids)
        return replace(self, trades=tuple(trade for trade in kept if all(word in _heard(trade) for word in words)))

    @property
    def open_trades(self) -> tuple[TradeLine, ...]:
        """Trades that hold or may gain a position."""
        return tuple(trade for trade in self.trades if trade.is_open)

    @property
    def closed_trades(self) -> tuple[TradeLine, ...]:
        """Trades of today that are over."""
        return tuple(trade for trade in self.trades if not trade.is_open)

    @property
    def instrument_ids(self) -> frozenset[int]:
        """Instruments whose price this board shows."""
        legs = (leg.instrument_id for trade in self.trades if trade.is_open for leg in trade.legs)
        return frozenset((*legs, *(item.instrument_id for item in self.watchlist)))

    @property
    def decimals(self) -> dict[int, int]:
        """What the prices this board shows are written with, by instrument."""
        legs = {leg.instrument_id: leg.decimals for trade in self.trades if trade.is_open for leg in trade.legs}
        return legs | {item.instrument_id: item.decimals for item in self.watchlist}

    @property
    def account_ids(self) -> frozenset[int]:
        """Accounts this person may see."""
        return frozenset(account.id for account in self.accounts)


def _heard(trade: TradeLine) -> str:
    """What a trade can be found by."""
    symbols = " ".join(leg.symbol for leg in trade.legs)
    return f"{trade.strategy} {trade.broker} {trade.account} {trade.owner} {trade.words.text} {symbols}".lower()
