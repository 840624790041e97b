"""Instruments, quotes and history."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from aiohttp import web

from domain.clock import IST
from simulator.clients import Client
from simulator.faces.masters import DayFiles
from simulator.faces.upstox.calls import UpstoxCounter
from simulator.faces.upstox.mapping import Row, master_row, price_row, quote_row
from simulator.faces.upstox.names import quoted_as, unit
from simulator.faces.upstox.wire import dumps, invalid_input, invalid_key, not_found, rupees
from simulator.market.types import Candle, Listing

MOST_QUOTES = 500
FILES = {"complete": ("NSE", "BSE", "MCX"), "NSE": ("NSE",), "BSE": ("BSE",), "MCX": ("MCX",)}
WIDTHS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
MOST_OF = {"minutes": 300, "hours": 5, "days": 1}
MONTH, QUARTER, DECADE = timedelta(days=31), timedelta(days=92), timedelta(days=3653)

_FEW_MINUTES = 15
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of history: one contract's bars of a width."""

    listing: Listing
    unit: str
    count: int

    @property
    def width(self) -> timedelta:
        """How long a bar is."""
        return WIDTHS[self.unit] * self.count

    @property
    def longest(self) -> timedelta:
        """How long a span may be."""
        if self.unit == "days":
            return DECADE
        return MONTH if self.unit == "minutes" and self.count <= _FEW_MINUTES else QUARTER


class MarketData:
    """Answers what is the same for every client."""

    def __init__(self, counter: UpstoxCounter) -> None:
        self._desk = counter.desk
        self._names = counter.names
        self._masters: DayFiles[bytes] = DayFiles()

    async def instruments(self, request: web.Request) -> web.Response:
        """GET /market-quote/instruments/exchange/{file}.json.gz: a gzip file, the same all day."""
        file = request.match_info["file"]
        if file not in FILES:
            raise not_found()
        return web.Response(
            body=self._masters.get(file, lambda: self._master(file), now=self._desk.now()),
            content_type="application/gzip",
        )

    async def quotes(self, client: Client, request: web.Request) -> Row:
        """GET /v2/market-quote/quotes?instrument_key=a,b; the official SDK says ``symbol``, the older name."""
        market = self._desk.exchange.market
        return self._shown(
            request, lambda listing: quote_row(listing, market.quote(listing.token), market.depth(listing.token))
        )

    async def prices(self, client: Client, request: web.Request) -> Row:
        """GET /v3/market-quote/ltp?instrument_key=a,b"""
        market = self._desk.exchange.market
        return self._shown(request, lambda listing: price_row(listing, market.quote(listing.token)))

    async def history(self, request: web.Request) -> Row:
        """GET /v3/historical-candle/{key}/{unit}/{interval}/{to}/{from}: days that are over."""
        asked = self._asked(request)
        first, last = _day(request, "from_date"), _day(request, "to_date")
        if last < first:
            raise invalid_input("'to_date' must be greater than or equal to 'from_date'", "UDAPI1015")
        if (last - first) >= asked.longest:
            raise invalid_input("Invalid date range", "UDAPI1148")
        return self._candles(asked, first, min(last, self._today() - _DAY))

    async def today(self, request: web.Request) -> Row:
        """GET /v3/historical-candle/intraday/{key}/{unit}/{interval}"""
        return self._candles(self._asked(request), self._today(), self._today())

    def _shown(self, request: web.Request, row: Callable[[Listing], Row]) -> Row:
        """Return the rows of the keys that are listed; one that is no key spoils them all."""
        asked = request.query.get("instrument_key") or request.query.get("symbol") or ""
        keys = [key for key in asked.split(",") if key]
        if not keys or not all("|" in key for key in keys):
            raise invalid_input("One of either symbol or instrument_key is invalid", "UDAPI1087")
        if len(keys) > MOST_QUOTES:
            raise invalid_input("Maximum of 500 instruments allowed", "UDAPI100042")
        found = (self._names.keyed(key) for key in keys)
        return {quoted_as(listing): row(listing) for listing in found if listing is not None}

    def _asked(self, request: web.Request) -> Asked:
        listing = self._names.keyed(request.match_info["key"])
        if listing is None:
            raise invalid_key()
        unit_name, count = request.match_info["unit"], request.match_info["interval"]
        if unit_name not in WIDTHS:
            raise invalid_input("Invalid unit", "UDAPI1146")
        if not (count.isascii() and count.isdigit()) or not 0 < int(count) <= MOST_OF[unit_name]:
            raise invalid_input("Invalid interval for the unit", "UDAPI1147")
        return Asked(listing, unit_name, int(count))

    def _candles(self, asked: Asked, first: date, last: date) -> Row:
        start, end = _midnight(first), _midnight(last) + _DAY - timedelta(seconds=1)
        market = self._desk.exchange.market
        bars = market.candles(asked.listing.token, start=start, end=end, width=asked.width) if first <= last else []
        return {"candles": [_candle(bar, unit(asked.listing)) for bar in reversed(bars)]}

    def _today(self) -> date:
        return self._desk.now().astimezone(IST).date()

    def _master(self, file: str) -> bytes:
        rows = map(master_row, self._desk.exchange.market.listings.values())
        listed = [row for row in rows if row["exchange"] in FILES[file]]
        return gzip.compress(dumps(listed), compresslevel=6)


def _day(request: web.Request, name: str) -> date:
    try:
        return date.fromisoformat(request.match_info[name])
    except ValueError:
        raise invalid_input(f"The '{name}' is invalid", "UDAPI1022") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=IST)


def _candle(candle: Candle, per: int) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    start = candle.start.astimezone(IST).isoformat(timespec="seconds")
    return [start, *map(rupees, prices), candle.volume // per, candle.open_interest // per]
