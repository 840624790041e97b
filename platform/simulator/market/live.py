"""A market that moves: seeded, repeatable, cheap.

Repeatable means: the same seed and start, stepped at the same market times with the same controls
between, shows the same prices. Open around the clock, so that a demonstration works whenever it is
started.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from math import exp
from random import Random

from domain.clock import IST
from domain.instruments import Exchange, Kind, Right
from domain.options import RATE
from domain.prices import to_scaled
from simulator.market.bars import INDIAN_HOURS, Hours, MinuteBars, made_up_days, widen
from simulator.market.calendar import previous_trading_day, settles_at
from simulator.market.contracts import FAMILIES, Family, list_contracts
from simulator.market.lines import FutureLine, Line, SpotLine, StrikeLine, Term, VixLine
from simulator.market.path import Path, Paths
from simulator.market.show import Board, depth_of
from simulator.market.types import Candle, Level, Listing, MarketQuote

AUCTION = (time(15, 15), time(15, 35))
GRID = 100  # milliseconds: what is due within one is priced together
_SPREAD = 6_000
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_MAX_GAP_SECONDS = 3600.0
_USUAL_LOTS = {
    Kind.OPTION: 30,
    Kind.FUTURE: 8,
    Kind.EQUITY: 300,
    Kind.INDEX: 0,
    Kind.SPOT: 50_000,  # half a bitcoin in steps of 0.00001
    Kind.PERPETUAL: 2_000,
}


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """``volatility_scale`` multiplies realised (not implied) volatility.

    ``auction_freeze`` freezes the published index value 15:15 to 15:35 IST as the closing auction does.
    """

    volatility_scale: float = 1.0
    auction_freeze: bool = False


@dataclass(frozen=True, slots=True)
class Stock:
    """What a market lists, the underlyings that move it, and when it trades."""

    families: dict[str, Family] = field(default_factory=lambda: FAMILIES)
    listed: Callable[[datetime], list[Listing]] = list_contracts
    hours: Hours = INDIAN_HOURS


INDIAN_STOCK = Stock()


class LiveMarket:
    """The seeded market; implements ``Market`` and adds the controls.

    ``start`` is the market time of the first prices. Raises ``ValueError`` for a naive start or a
    negative scale.
    """

    listings: Mapping[int, Listing]

    def __init__(
        self,
        *,
        seed: int,
        start: datetime,
        settings: MarketSettings = MarketSettings(),
        stock: Stock = INDIAN_STOCK,
    ) -> None:
        if start.tzinfo is None or settings.volatility_scale < 0:
            raise ValueError("start needs a time zone, and volatility_scale must not be negative")
        self.halted = False
        self.settings = settings
        self._seed = seed
        self._stock = stock
        self._random = Random(seed)
        self._paths = Paths(stock.families, scale=settings.volatility_scale, random=self._random)
        self._bars = MinuteBars()
        self._frozen: set[str] = set()
        self._now = _milliseconds(start)
        self._day = stock.hours.day_of(start)
        self._list(start)
        self._open()

    @property
    def now(self) -> datetime:
        """The market time of the latest prices."""
        return datetime.fromtimestamp(self._now / 1000.0, tz=UTC)

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol, or ``None``."""
        return self._by_symbol.get((exchange, symbol))

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        return self._boards[token].quote

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return five bids and five asks, best first; none for an index."""
        board = self._boards[token]
        return depth_of(board.quote, board.listing)

    def underlying_price(self, underlying: str) -> int:
        """Return the scaled moving spot, 0 for an unknown underlying."""
        path = self._paths.by_name.get(underlying)
        return to_scaled(Decimal(path.price)) if path else 0

    def step(self, now: datetime) -> Sequence[int]:
        """Move to ``now`` and return the tokens that changed; cheap when nothing is due. Time never runs
        back.
        """
        at = _milliseconds(now)
        if self.halted:
            self._now = max(at, self._now)
        if at <= self._now:
            return []
        due = [line for line in self._lines if line.due <= at]
        if not due:
            return []
        self._paths.move(min((at - self._now) / 1000.0, _MAX_GAP_SECONDS), now)
        self._now = at
        self._begin_day(now)
        self._set_frozen(now)
        return [token for line in due for token in self._price(line)]

    def next_change(self) -> datetime | None:
        """Return when the next price is due; ``None`` while halted."""
        if self.halted:
            return None
        due = max(min(line.due for line in self._lines), self._now + 1)
        return datetime.fromtimestamp(due / 1000.0, tz=UTC)

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars: today's as traded, earlier days' made up from the seed (the same at every call)."""
        board, hours = self._boards[token], self._stock.hours
        past = made_up_days(
            seed=self._seed,
            token=token,
            close=board.quote.close,
            tick=to_scaled(board.listing.tick_size),
            last_day=previous_trading_day(self._day, hours.is_trading_day),
            start=start,
            end=end,
            width=width,
            hours=hours,
        )
        began = datetime.combine(self._day, time(0), tzinfo=hours.zone)
        today = (bar for bar in self._bars.read(token) if bar.start >= began)
        bars = [*past, *widen(today, width, hours)]
        return [bar for bar in bars if start <= bar.start <= end]

    def shock(self, underlying: str, percent: Decimal) -> None:
        """Move an underlying and all its contracts at the next step.

        Raises ``KeyError`` for an unknown one, ``ValueError`` for a fall of 100 % or more.
        """
        path = self._paths.by_name[underlying]
        if percent <= -100:
            raise ValueError("a shock of -100 % or less leaves no price")
        self._place(path, path.price * (1.0 + float(percent) / 100.0))

    def set_price(self, token: int, price: Decimal) -> None:
        """Move an index, equity or future to a price (its whole family follows); pin an option until
        released.

        Takes effect at the next step. Raises ``KeyError`` for an unlisted token, ``ValueError`` for a
        price that is not above zero or for the volatility index.
        """
        board = self._boards[token]
        if price <= 0:
            raise ValueError("a price must be above zero")
        if board.listing.kind is Kind.OPTION:
            board.pinned = float(price)
            self._wake(board.listing.underlying)
        else:
            path = self._paths.by_name.get(board.listing.underlying)
            if path is None:
                raise ValueError(f"{board.listing.symbol} cannot be set")
            self._place(path, float(price) * self._spot_share(token))

    def release(self, token: int) -> None:
        """Let a pinned option follow its underlying again."""
        board = self._boards[token]
        board.pinned = None
        self._wake(board.listing.underlying)

    def freeze(self, underlying: str, *, on: bool = True) -> None:
        """Freeze the published index (or equity) price while its derivatives go on, as in the closing
        auction.

        Raises ``KeyError`` for an unknown one.
        """
        _ = self._paths.by_name[underlying]
        if on:
            self._frozen.add(underlying)
        else:
            self._frozen.discard(underlying)

    def halt(self, *, on: bool = True) -> None:
        """Stop every price; the exchange rejects orders meanwhile."""
        self.halted = on

    def _list(self, start: datetime) -> None:
        rows = self._stock.listed(start)
        self.listings = {row.token: row for row in rows}
        self._by_symbol = {(row.exchange.value, row.symbol): row for row in rows}
        self._boards = {row.token: Board(row, lots=_USUAL_LOTS[row.kind]) for row in rows}
        self._terms = self._make_terms()
        self._lines: list[Line] = list(self._make_lines())
        self._spot_lines: list[SpotLine] = [line for line in self._lines if isinstance(line, SpotLine)]

    def _make_terms(self) -> dict[tuple[str, int], Term]:
        """Return one term per family and settlement, ranked from the nearest."""
        ends = sorted({(row.underlying, _settles(row)) for row in self.listings.values() if row.expiry})
        ranks: dict[str, int] = {}
        terms = {}
        for underlying, settles in ends:
            rank = ranks[underlying] = ranks.get(underlying, -1) + 1
            terms[underlying, settles] = Term(self._paths.by_name[underlying], settles, rank)
        return terms

    def _make_lines(self) -> Iterator[Line]:
        for row in self.listings.values():
            board = self._boards[row.token]
            if row.kind is Kind.FUTURE:
                yield FutureLine(board, self._terms[row.underlying, _settles(row)])
            elif row.kind is not Kind.OPTION:
                yield self._spot_line(row, board)
            elif row.right is Right.CALL and row.strike is not None:
                put = self._boards[self._sibling(row).token]
                yield StrikeLine(board, put, self._terms[row.underlying, _settles(row)], float(row.strike))

    def _spot_line(self, row: Listing, board: Board) -> Line:
        path = self._paths.by_name.get(row.underlying)
        if path is None:
            return VixLine(board, self._paths.by_name["NIFTY"])
        return SpotLine(board, path, half_spread=float(row.tick_size))

    def _sibling(self, call: Listing) -> Listing:
        return self._by_symbol[call.exchange.value, f"{call.symbol.removesuffix('CE')}PE"]

    def _open(self) -> None:
        """Set the closes, gap away from them, and show every first price; then spread the lines over time."""
        for line in self._lines:
            line.set_close(self._now)
        self._paths.gap()
        for term in self._terms.values():
            term.stamp = -1
        for index, line in enumerate(self._lines):
            self._price(line)
            spread = self._now + 1 + index * _SPREAD // len(self._lines)
            line.due = -(-spread // GRID) * GRID

    def _price(self, line: Line) -> list[int]:
        line.price(self._now, self._random)
        line.due = -(-line.due // GRID) * GRID
        for board in line.boards:
            self._bars.record(board.quote)
        return [board.listing.token for board in line.boards]

    def _begin_day(self, now: datetime) -> None:
        if self._stock.hours.day_of(now) > self._day:
            self._day = self._stock.hours.day_of(now)
            for board in self._boards.values():
                board.begin_day()

    def _place(self, path: Path, price: float) -> None:
        path.place(price)
        self._wake(path.family.underlying)

    def _wake(self, underlying: str) -> None:
        for line in self._lines:
            if line.underlying == underlying:
                line.due = 0

    def _spot_share(self, token: int) -> float:
        """Return the spot per rupee of an instrument's price."""
        listing = self._boards[token].listing
        if listing.kind is not Kind.FUTURE:
            return 1.0
        term = self._terms[listing.underlying, _settles(listing)]
        term.refresh(self._now)
        return exp(-RATE * term.years)

    def _set_frozen(self, now: datetime) -> None:
        local = now.astimezone(IST).time()
        auction = self.settings.auction_freeze and AUCTION[0] <= local < AUCTION[1]
        for line in self._spot_lines:
            line.frozen = auction or line.underlying in self._frozen


def _settles(listing: Listing) -> int:
    assert listing.expiry is not None  # noqa: S101 - only called for derivatives
    return _milliseconds(settles_at(listing.expiry, commodity=listing.exchange is Exchange.MCX))


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND  # rounded down: a market is never ahead of its clock
