"""Quotes, history and where the masters are: for anybody with a consumer key."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from aiohttp import web

from domain.clock import IST
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.kotak.auth import base_url
from simulator.faces.kotak.calls import Call, DataCounter
from simulator.faces.kotak.mapping import quote_row
from simulator.faces.kotak.masters import FILES, file_of
from simulator.faces.kotak.names import unit
from simulator.faces.kotak.wire import Row, as_json, fault, refused
from simulator.faces.masters import DayFiles
from simulator.market.types import Candle, Listing

MOST_QUOTES = 50
_FOLDER = "wso2-scripmaster/v1/prod"
_NAMED = ("exchange_token", "display_symbol", "exchange")
_SHOWN: dict[str, tuple[str, ...]] = {
    "ltp": (*_NAMED, "ltp"),
    "ohlc": (*_NAMED, "ohlc"),
    "depth": (*_NAMED, "depth"),
    "market_depth": (*_NAMED, "depth"),
    "oi": (*_NAMED, "open_int"),
    "52W": (*_NAMED, "year_high", "year_low"),
    "52w": (*_NAMED, "year_high", "year_low"),
    "circuit_limits": (*_NAMED, "low_price_range", "high_price_range"),
    "scrip_details": _NAMED,
}
_INTERVALS = {
    **{f"{minutes}min": (timedelta(minutes=minutes), timedelta(days=30)) for minutes in (1, 3, 5)},
    **{f"{minutes}min": (timedelta(minutes=minutes), timedelta(days=60)) for minutes in (10, 15)},
    **{f"{minutes}min": (timedelta(minutes=minutes), timedelta(days=90)) for minutes in (30, 60)},
    "D": (timedelta(days=1), timedelta(days=180)),
    "W": (timedelta(days=7), timedelta(days=180)),
}
_HISTORY = frozenset({"nse_cm", "bse_cm", "nse_fo", "bse_fo"})


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    counter: DataCounter
    _files: DayFiles[bytes] = field(default_factory=DayFiles)

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def paths(self, client: Client, call: Call) -> web.Response:
        """GET /script-details/1.0/masterscrip/file-paths"""
        folder = f"{base_url(call.request)}/{_FOLDER}"
        paths = [f"{folder}/{self._day()}/{path}" for path in FILES.values()]
        return as_json({"data": {"filesPaths": paths, "baseFolder": folder}})

    async def master(self, request: web.Request) -> web.StreamResponse:
        """GET of a file: CSV for everybody, the same all day."""
        day, path = request.match_info["day"], request.match_info["path"]
        segment = next((name for name, known in FILES.items() if known == path), "")
        if day != self._day() or not segment:
            return web.Response(
                status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml"
            )
        make = partial(file_of, self.counter.names.listings, segment)
        return web.Response(body=self._files.get(segment, make, now=self.desk.now()), content_type="text/csv")

    async def quotes(self, client: Client, call: Call) -> web.Response:
        """GET /script-details/1.0/quotes/neosymbol/{symbols}/{kind}; the marks between symbols must not be quoted."""
        kind = call.request.match_info["kind"]
        asked = call.request.match_info["symbols"].split(",")
        is_quoted = "%7c" in call.request.raw_path.lower() or "%2c" in call.request.raw_path.lower()
        if is_quoted or len(asked) > MOST_QUOTES or kind not in ("all", *_SHOWN):
            raise refused(1009, "Invalid instrument/code")
        rows = [self._quote(listing, key) for key in asked if (listing := self.counter.names.quoted(key)) is not None]
        if not rows:
            raise refused(1009, "Invalid instrument/code")
        return as_json(rows if kind == "all" else [{name: row[name] for name in _SHOWN[kind]} for row in rows])

    async def history(self, client: Client, call: Call) -> web.Response:
        """GET /market-data/1.0/historical/details"""
        query = call.request.query
        listing = self.counter.names.quoted(query.get("neosymbol", ""))
        if listing is None or query.get("neosymbol", "").partition("|")[0] not in _HISTORY:
            raise fault("Invalid neosymbol")
        if query.get("interval") not in _INTERVALS:
            raise fault("Invalid interval")
        width, longest = _INTERVALS[query["interval"]]
        first, last = _day(query.get("fromdate", "")), _day(query.get("todate", ""))
        if not first <= last or last - first > longest:
            raise fault("Invalid date range")
        start, end = (datetime.combine(day, time(), tzinfo=IST) for day in (first, last + timedelta(days=1)))
        bars = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        if not bars:
            raise fault("No data found")
        return as_json({"status": "success", "data": {"candles": [_bar(bar, listing) for bar in bars]}})

    def _quote(self, listing: Listing, key: str) -> Row:
        market = self.desk.exchange.market
        bids, asks = market.depth(listing.token)
        return quote_row(listing, market.quote(listing.token), (tuple(bids), tuple(asks)), key=key.partition("|")[2])

    def _day(self) -> str:
        return self.desk.now().astimezone(IST).date().isoformat()


def _bar(bar: Candle, listing: Listing) -> list[Any]:
    prices = [float(to_decimal(price)) for price in (bar.open, bar.high, bar.low, bar.close)]
    counts = [bar.volume // unit(listing), bar.open_interest // unit(listing)]
    return [bar.start.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S%z"), *prices, *counts]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fault("Invalid date range") from None
