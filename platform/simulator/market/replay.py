"""A market that plays recorded last prices. There is no book: orders match at the recorded last price.

It is paced by whoever steps it: with market times from a ``domain.clock.MarketClock`` it runs at that
clock's speed. Each call of ``step`` plays one recorded instant, so that none is skipped however fast the
clock runs.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from domain.instruments import Kind
from simulator.market.bars import MinuteBars, widen
from simulator.market.types import Candle, Level, Listing, MarketQuote


class RecordedRow(NamedTuple):
    """One instrument at one recorded instant; ``last_price`` scaled, the others units, volume the day's."""

    at: datetime
    listing: Listing
    last_price: int
    volume: int
    open_interest: int


class ReplayMarket:
    """A recording as a market; implements ``Market``.

    Before its first recorded instant an instrument is listed and has no price (0). Raises ``ValueError``
    for a recording without rows, with a price that is not above zero, or with naive times.
    """

    def __init__(self, rows: Iterable[RecordedRow]) -> None:
        ordered = sorted(rows, key=lambda row: row.at)
        if not ordered:
            raise ValueError("a recording needs rows")
        for row in ordered:
            if row.last_price <= 0 or row.at.tzinfo is None:
                raise ValueError(f"{row.listing.symbol} at {row.at} has no usable price or time")
        self.halted = False
        self.listings = {row.listing.token: row.listing for row in ordered}
        self._by_symbol = {(row.exchange.value, row.symbol): row for row in self.listings.values()}
        self._quotes = {token: MarketQuote(token=token) for token in self.listings}
        self._instants: list[tuple[datetime, list[RecordedRow]]] = [
            (at, list(group)) for at, group in groupby(ordered, key=lambda row: row.at)
        ]
        self._played = 0
        self._bars = MinuteBars()
        self._spots = {row.underlying: token for token, row in self.listings.items() if row.kind is Kind.INDEX}

    @property
    def now(self) -> datetime:
        """The recorded instant played last; the first one before that."""
        return self._instants[max(self._played - 1, 0)][0].astimezone(UTC)

    @property
    def starts_at(self) -> datetime:
        """The first recorded instant."""
        return self._instants[0][0].astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """The last recorded instant."""
        return self._instants[-1][0].astimezone(UTC)

    def find(self, exchange: str, symbol: str) -> Listing | None:
        """Return the listing of a trading symbol, or ``None``."""
        return self._by_symbol.get((exchange, symbol))

    def quote(self, token: int) -> MarketQuote:
        """Return the current quote. Raises ``KeyError`` for an unlisted token."""
        return self._quotes[token]

    def depth(self, token: int) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return nothing: only last prices were recorded. Raises ``KeyError`` for an unlisted token."""
        _ = self._quotes[token]
        return (), ()

    def underlying_price(self, underlying: str) -> int:
        """Return the index's scaled price, 0 where none was recorded."""
        token = self._spots.get(underlying)
        return 0 if token is None else self._quotes[token].last_price

    def step(self, now: datetime) -> Sequence[int]:
        """Play the next recorded instant if it is not after ``now``; return the tokens it sets."""
        if self.halted or self._played == len(self._instants) or self._instants[self._played][0] > now:
            return []
        _, rows = self._instants[self._played]
        self._played += 1
        for row in rows:
            self._set(row)
        return [row.listing.token for row in rows]

    def next_change(self) -> datetime | None:
        """Return the next recorded instant; ``None`` at the end or while halted."""
        if self.halted or self._played == len(self._instants):
            return None
        return self._instants[self._played][0].astimezone(UTC)

    def candles(self, token: int, *, start: datetime, end: datetime, width: timedelta) -> Sequence[Candle]:
        """Return bars of what was played so far."""
        _ = self._quotes[token]
        return [bar for bar in widen(self._bars.read(token), width) if start <= bar.start <= end]

    def _set(self, row: RecordedRow) -> None:
        quote = self._quotes[row.listing.token]
        quote.exchange_at = quote.last_trade_at = round(row.at.timestamp() * 1000)
        quote.last_price = last = row.last_price
        quote.last_quantity = max(row.volume - quote.volume, 0) if quote.revision else 0  # unknown at first
        quote.volume = row.volume
        quote.open_interest = row.open_interest
        quote.open_interest_high = max(quote.open_interest_high, row.open_interest)
        quote.open_interest_low = min(quote.open_interest_low or row.open_interest, row.open_interest)
        quote.open = quote.open or last
        quote.high = max(quote.high, last)
        quote.low = min(quote.low or last, last)
        quote.revision += 1
        self._bars.record(quote)
