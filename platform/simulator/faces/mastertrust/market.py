"""The masters, searches, quotes and history."""

import csv
import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from aiohttp import web

from domain.clock import IST
from domain.instruments import Kind
from domain.symbols import strike_text
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.mapping import market_row, scrip_row
from simulator.faces.mastertrust.names import CODES, instrument_of, number_of, segment_of, trading_symbol, unit
from simulator.faces.mastertrust.wire import Call, Row, as_json, found, invalid, required, rupees
from simulator.market.types import Candle, Listing

COLUMNS = (
    "exchange",
    "exchange_token",
    "trading_symbol",
    "company_name",
    "close_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_name",
    "option_type",
    "segment",
)
_FOUND = 50
_WIDTHS = {"1": timedelta(minutes=1), "2": timedelta(hours=1), "3": timedelta(days=1)}
_SEGMENTS = {"Capital": {}, "FutOpt": {"NSE": "NFO", "BSE": "BFO"}, "Currency": {"NSE": "CDS"}}
"""Segments of quotes, and which exchange an exchange's derivatives are listed on."""


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    counter: TradelabCounter
    _masters: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def contract(self, client: Client, asked: Call) -> web.Response:
        """GET /contract/{exchange}?info=scrip&token=.., and /contract/Compact?info=download[&exchanges=NSE,NFO]."""
        if asked.fields.get("info") == "download":
            return self._compact(asked.fields.get("exchanges", ""))
        listing = self.counter.names.numbered(asked.fields["exchange"], asked.fields.get("token", ""))
        if listing is None:
            return as_json({"error": {"code": 1, "message": "no such contract"}, "result": {}})
        return found(scrip_row(listing, self.desk.exchange.market.quote(listing.token)))

    async def search(self, client: Client, asked: Call) -> web.Response:
        """GET /search?key=.."""
        rows = self.counter.names.containing(required(asked.fields, "key"))[:_FOUND]
        return found([_found_row(row) for row in rows])

    async def quote(self, client: Client, asked: Call) -> object:
        """GET /marketdata/{exchange}/{segment}?token=..[&key=last_trade_price]"""
        exchange, segment = asked.fields["exchange"], asked.fields["segment"]
        venue = _SEGMENTS.get(segment, {}).get(exchange, exchange)
        listing = self.counter.names.numbered(venue, asked.fields.get("token", ""))
        if segment not in _SEGMENTS or listing is None:
            raise invalid("token")
        quote = self.desk.exchange.market.quote(listing.token)
        row = market_row(listing, quote, exchange=exchange, segment=segment)
        key = asked.fields.get("key")
        return row if key is None else row.get(key)

    async def history(self, client: Client, asked: Call) -> Row:
        """GET /charts/tdv?exchange=..&token=..&candletype=..&data_duration=..&starttime=..&endtime=.."""
        exchange = required(asked.fields, "exchange").removesuffix("_INDICES")
        listing = self.counter.names.numbered(exchange, required(asked.fields, "token"))
        if listing is None:
            raise invalid("token")
        kind, count = required(asked.fields, "candletype"), asked.fields.get("data_duration") or "1"
        if kind not in _WIDTHS or not count.isdigit() or not 0 < int(count) <= 1440:
            raise invalid("candletype")
        start, end = _moment(asked, "starttime"), min(_moment(asked, "endtime"), self.desk.now())
        width = _WIDTHS[kind] * int(count)
        candles = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        return {"candles": [_bar(candle, listing) for candle in candles]}

    async def contracts(self, request: web.Request) -> web.Response:
        """GET /api/v2/contracts.json?exchanges=NSE: the older master, for anybody."""
        wanted = set(request.query.get("exchanges", "").split(","))
        groups: dict[str, list[Row]] = defaultdict(list)
        for listing in self.counter.names.listings:
            if listing.exchange.value in wanted:
                groups[_group(listing)].append(_contract_row(listing))
        return as_json(groups)

    def _compact(self, exchanges: str) -> web.Response:
        day = self.desk.now().astimezone(IST).date().isoformat()
        if (day, exchanges) not in self._masters:
            self._masters[day, exchanges] = self._zipped([name for name in exchanges.split(",") if name])
        body = self._masters[day, exchanges]
        return web.Response(body=body, content_type="application/zip")

    def _zipped(self, exchanges: list[str]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in exchanges or [""]:
                archive.writestr(f"{name}CompactScrip.csv", self._csv(name))
        return packed.getvalue()

    def _csv(self, exchange: str) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for listing in self.counter.names.listings:
            if exchange in ("", listing.exchange.value):
                writer.writerow(self._line(listing))
        return text.getvalue()

    def _line(self, listing: Listing) -> list[object]:
        is_derivative = listing.kind in (Kind.FUTURE, Kind.OPTION)
        return [
            listing.exchange.value,
            number_of(listing),
            trading_symbol(listing),
            listing.underlying if is_derivative else listing.name,
            rupees(self.desk.exchange.market.quote(listing.token).close),
            listing.expiry.strftime("%d-%b-%Y") if listing.expiry else "",
            strike_text(listing.strike) if listing.strike is not None else 0,
            listing.tick_size.normalize(),
            listing.lot_size,
            instrument_of(listing),
            listing.right.value or ("XX" if is_derivative else ""),
            segment_of(listing),
        ]


def _found_row(listing: Listing) -> Row:
    return {
        "token": number_of(listing),
        "exchange": listing.exchange.value,
        "company": listing.name,
        "symbol": trading_symbol(listing).removesuffix("-EQ"),
        "trading_symbol": trading_symbol(listing),
        "display_name": trading_symbol(listing).replace("-", " "),
        "score": 1,
        "close_price": "",
        "segment": segment_of(listing),
        "alternate": {},
    }


def _group(listing: Listing) -> str:
    if listing.kind is Kind.INDEX:
        return f"{listing.exchange.value}-IND"
    if listing.kind is Kind.EQUITY:
        return listing.exchange.value
    venue = {"NFO": "NSE", "BFO": "BSE"}.get(listing.exchange.value, listing.exchange.value)
    return f"{venue}-{'OPT' if listing.kind is Kind.OPTION else 'FUT'}"


def _contract_row(listing: Listing) -> Row:
    row = {
        "code": str(number_of(listing)),
        "company": listing.name,
        "exchange": listing.exchange.value,
        "exchange_code": CODES[listing.exchange.value],
        "symbol": trading_symbol(listing).removesuffix("-EQ"),
        "trading_symbol": trading_symbol(listing),
        "lotSize": str(listing.lot_size),
    }
    if listing.expiry is None:
        return row
    return row | {"expiry": int(datetime.combine(listing.expiry, time(15, 30), tzinfo=IST).timestamp())}


def _bar(candle: Candle, listing: Listing) -> list[object]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    start = candle.start.astimezone(IST).isoformat()
    return [start, *map(rupees, prices), candle.volume // unit(listing)]


def _moment(asked: Call, name: str) -> datetime:
    text = required(asked.fields, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise invalid(name)
    return datetime.fromtimestamp(int(text), tz=UTC)
