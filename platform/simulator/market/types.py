"""What a market lists and shows.

Prices in ``MarketQuote``, ``Level`` and ``Candle`` are integers of ``domain.prices.PRICE_SCALE`` to the
rupee (the tick hot path); ``domain.prices.to_decimal`` gives the rupee form. Quantities are always units
(barrels for CRUDEOIL), never lots: a face that speaks lots converts with ``Listing.lot_size``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from domain.instruments import Exchange, Kind, Right


@dataclass(frozen=True, slots=True)
class Listing:
    """A listed contract.

    ``token`` is ``exchange_token << 8 | segment`` (nse 1, nfo 2, mcx 7, indices 9, Binance 40, 41, MT5 50).
    Indices are on NSE with kind INDEX. ``symbol`` is the trading symbol in Kite's manner; other faces build theirs from
    the contract's facts. ``multiplier`` is the money one unit gains when the price rises by 1.
    """

    token: int
    exchange_token: int
    exchange: Exchange
    symbol: str
    underlying: str
    name: str
    kind: Kind
    expiry: date | None
    strike: Decimal | None
    right: Right
    lot_size: int
    tick_size: Decimal
    freeze_quantity: int | None
    multiplier: Decimal = Decimal(1)


class Level(NamedTuple):
    """One depth level; ``orders`` is the number of resting orders behind it."""

    price: int
    quantity: int
    orders: int


@dataclass(slots=True)
class MarketQuote:
    """The current state of one instrument; the market changes it in place, readers only read.

    ``last_price`` is 0 before the first price; ``bid`` and ``ask`` are 0 where there is no book (indices,
    replay). ``close`` is the previous session's. ``average_price`` is the day's volume-weighted one. Times
    are epoch milliseconds.
    """

    token: int
    last_price: int = 0
    last_quantity: int = 0
    bid: int = 0
    ask: int = 0
    bid_quantity: int = 0
    ask_quantity: int = 0
    volume: int = 0
    open_interest: int = 0
    open_interest_high: int = 0
    open_interest_low: int = 0
    average_price: int = 0
    open: int = 0
    high: int = 0
    low: int = 0
    close: int = 0
    lower_band: int = 0
    upper_band: int = 0
    total_buy_quantity: int = 0
    total_sell_quantity: int = 0
    last_trade_at: int = 0
    exchange_at: int = 0
    revision: int = 0


class Candle(NamedTuple):
    """One bar; ``start`` is aware (UTC), prices are scaled integers, volume and open interest units."""

    start: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    open_interest: int


class Market(Protocol):
    """A market the exchange can trade on. All times are market times, aware."""

    halted: bool

    @property
    def listings(self) -> Mapping[int, Listing]:
        """The listed contracts by token, of the Indian exchanges: an Indian broker's face lists them whole."""
        ...

    @property
    def now(self) -> datetime:
        """The market time of the latest change."""
        ...

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol (``NSE``, ``NFO``, ``MCX``), or ``None``."""
        ...

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        ...

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return bids and asks, best first, five levels each (fewer or none where there is no book)."""
        ...

    def step(self, now: datetime) -> Sequence[int]:
        """Advance to ``now``, or to the earliest recorded change not later than it, and return the changed
        tokens.
        """
        ...

    def next_change(self) -> datetime | None:
        """Return the market time of the next change; ``None`` when there will be none."""
        ...

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars whose start lies in [start, end], never later than the market's own time."""
        ...

    def underlying_price(self, underlying: str) -> int:
        """Return the scaled price margins are computed on: the moving spot, 0 where unknown."""
        ...
