"""Instruments, quotes and history."""

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from domain.clock import IST
from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.zerodha.mapping import ltp_row, ohlc_row, quote_row, unit
from simulator.faces.zerodha.wire import input_error, number
from simulator.market.types import Candle, Listing, MarketQuote

COLUMNS = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
INTERVALS = {
    "minute": timedelta(minutes=1),
    "3minute": timedelta(minutes=3),
    "5minute": timedelta(minutes=5),
    "10minute": timedelta(minutes=10),
    "15minute": timedelta(minutes=15),
    "30minute": timedelta(minutes=30),
    "60minute": timedelta(hours=1),
    "day": timedelta(days=1),
}
LONGEST = {"day": timedelta(days=2000)}
LONGEST_INTRADAY = timedelta(days=60)
MAX_QUOTES = 500
MAX_PRICES = 1000

Row = dict[str, Any]
Found = Sequence[tuple[str, Listing]]


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    desk: Desk
    _master: dict[tuple[str, str], bytes] = field(default_factory=dict)

    async def instruments(self, client: Client, request: web.Request) -> web.Response:
        """GET /instruments[/{exchange}]: gzipped CSV, the same all day."""
        exchange = request.match_info.get("exchange", "")
        day = self.desk.now().astimezone(IST).date().isoformat()
        if (day, exchange) not in self._master:
            self._master.clear()
            self._master[day, exchange] = gzip.compress(self._csv(exchange), compresslevel=6)
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=self._master[day, exchange], content_type="text/csv", headers=headers)

    async def quote(self, client: Client, request: web.Request) -> Row:
        """GET /quote?i=NSE:INFY&i=.."""
        market = self.desk.exchange.market
        return {
            key: quote_row(listing, market.quote(listing.token), market.depth(listing.token))
            for key, listing in self._asked(request, most=MAX_QUOTES)
        }

    async def ohlc(self, client: Client, request: web.Request) -> Row:
        """GET /quote/ohlc?i=.."""
        return self._short(request, ohlc_row)

    async def ltp(self, client: Client, request: web.Request) -> Row:
        """GET /quote/ltp?i=.."""
        return self._short(request, ltp_row)

    async def historical(self, client: Client, request: web.Request) -> Row:
        """GET /instruments/historical/{token}/{interval}?from=..&to=..&oi=0|1"""
        listing = self._listing(request.match_info["token"])
        interval = request.match_info["interval"]
        if interval not in INTERVALS:
            raise input_error("invalid interval")
        start, end = _moment(request, "from"), _moment(request, "to")
        _check_span(interval, start, end)
        width = INTERVALS[interval]
        candles = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        open_interest = request.query.get("oi") == "1"
        return {"candles": [_candle(candle, unit(listing), open_interest) for candle in candles]}

    def _short(self, request: web.Request, row: Callable[[MarketQuote], Row]) -> Row:
        asked = self._asked(request, most=MAX_PRICES)
        return {key: row(self.desk.exchange.market.quote(listing.token)) for key, listing in asked}

    def _asked(self, request: web.Request, *, most: int) -> Found:
        keys = request.query.getall("i", [])
        if not keys or len(keys) > most:
            raise input_error(f"Between 1 and {most} instruments `i` are expected.")
        found = ((key, self._named(key)) for key in dict.fromkeys(keys))
        return [(key, listing) for key, listing in found if listing is not None]

    def _named(self, key: str) -> Listing | None:
        if key.isascii() and key.isdigit():
            return self.desk.exchange.market.listings.get(int(key))
        exchange, _, symbol = key.partition(":")
        return self.desk.exchange.market.find(exchange, symbol)

    def _listing(self, token: str) -> Listing:
        known = token.isascii() and token.isdigit()
        listing = self.desk.exchange.market.listings.get(int(token)) if known else None
        if listing is None:
            raise input_error("invalid token")
        return listing

    def _csv(self, exchange: str) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for listing in self.desk.exchange.market.listings.values():
            if exchange in ("", listing.exchange):
                writer.writerow(master_row(listing))
        return text.getvalue().encode()


def master_row(listing: Listing) -> list[object]:
    """Return one line of the instrument master; on MCX the lot size is always 1."""
    return [
        listing.token,
        listing.exchange_token,
        listing.symbol,
        listing.symbol if listing.kind is Kind.INDEX else listing.name,
        0,
        listing.expiry.isoformat() if listing.expiry else "",
        number(listing.strike) if listing.strike else 0,
        listing.tick_size.normalize(),
        listing.lot_size // unit(listing),
        listing.right.value or _TYPES[listing.kind],
        _segment(listing),
        listing.exchange.value,
    ]


_TYPES = {Kind.INDEX: "EQ", Kind.EQUITY: "EQ", Kind.FUTURE: "FUT"}
_SUFFIX = {Kind.FUTURE: "-FUT", Kind.OPTION: "-OPT"}


def _segment(listing: Listing) -> str:
    if listing.kind is Kind.INDEX:
        return "INDICES"
    return f"{listing.exchange.value}{_SUFFIX.get(listing.kind, '')}"


def _moment(request: web.Request, name: str) -> datetime:
    text = request.query.get(name, "")
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
    raise input_error(f"invalid {name} date")


def _check_span(interval: str, start: datetime, end: datetime) -> None:
    longest = LONGEST.get(interval, LONGEST_INTRADAY)
    if end < start:
        raise input_error("`from` date should be before `to` date")
    if end - start > longest:
        raise input_error(f"interval exceeds max limit: {longest.days} days")


def _candle(candle: Candle, per: int, open_interest: bool) -> list[object]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    start = candle.start.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S%z")
    row: list[object] = [start, *(number(to_decimal(price)) for price in prices), candle.volume // per]
    return [*row, candle.open_interest // per] if open_interest else row
