"""Quotes, search, history and the masters' files."""

import csv
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from domain.clock import IST
from domain.instruments import Kind
from domain.symbols import strike_text
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.masters import DayFiles
from simulator.faces.noren import fields as read
from simulator.faces.noren.calls import NorenCounter
from simulator.faces.noren.mapping import contract_row, rupees, security_row
from simulator.faces.noren.names import instrument_of, token_of, trading_symbol, unit
from simulator.faces.noren.quotes import day_fields, depth_fields
from simulator.faces.noren.wire import Fields, Row, day_first, invalid, no_data, optional, required, symbol_field
from simulator.market.types import Candle, Listing

COLUMNS = ("Exchange", "Token", "Lotsize", "Symbol", "Tradingsymbol", "Instrument", "Expiry", "Strike", "Optiontype")
INTERVALS = {"1", "3", "5", "10", "15", "30", "60", "120", "240"}
LONGEST = timedelta(days=60)
LONGEST_DAILY = timedelta(days=2000)
_FOUND = 50
_FILES = {
    ("NSE", "EQ"): "NSE_Equity.csv",
    ("NFO", "FUTIDX"): "Nfo_Index_Derivatives.csv",
    ("NFO", "OPTIDX"): "Nfo_Index_Derivatives.csv",
    ("NFO", "FUTSTK"): "Nfo_Equity_Derivatives.csv",
    ("NFO", "OPTSTK"): "Nfo_Equity_Derivatives.csv",
    ("MCX", "FUTCOM"): "Commodity.csv",
    ("MCX", "OPTFUT"): "Commodity.csv",
}


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    counter: NorenCounter
    _files: DayFiles[bytes] = field(default_factory=DayFiles)

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def master(self, request: web.Request) -> web.StreamResponse:
        """GET /scripmaster/{file}: CSV for everybody, the same all day."""
        name = request.match_info["file"]
        if name not in self.counter.member.masters:
            return web.Response(
                status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml"
            )
        body = self._files.get(name, lambda: self._csv(name), now=self.desk.now())
        return web.Response(body=body, content_type="text/csv")

    async def quote(self, client: Client, fields: Fields) -> Row:
        """POST /GetQuotes"""
        listing = read.numbered_listing(fields, self.counter.names)
        market = self.desk.exchange.market
        quote = market.quote(listing.token)
        row = security_row(listing) | day_fields(listing, quote)
        row |= {"uc": rupees(quote.upper_band), "lc": rupees(quote.lower_band)}
        if listing.kind is not Kind.INDEX:
            row |= depth_fields(listing, market.depth(listing.token))
        return row

    async def security(self, client: Client, fields: Fields) -> Row:
        """POST /GetSecurityInfo"""
        listing = read.numbered_listing(fields, self.counter.names)
        freeze = listing.freeze_quantity
        return security_row(listing) | ({"frzqty": str(freeze // unit(listing))} if freeze else {})

    async def search(self, client: Client, fields: Fields) -> Row:
        """POST /SearchScrip"""
        rows = self.counter.names.containing(required(fields, "exch"), symbol_field(fields, "stext"))
        if not rows:
            raise no_data()
        return {"values": [contract_row(row) | {"instname": instrument_of(row)} for row in rows[:_FOUND]]}

    async def indices(self, client: Client, fields: Fields) -> Row:
        """POST /GetIndexList"""
        exchange = required(fields, "exch")
        rows = [row for row in self.counter.names.listings if row.kind is Kind.INDEX and row.exchange == exchange]
        if not rows:
            raise no_data()
        return {"values": [{"idxname": trading_symbol(row), "token": token_of(row)} for row in rows]}

    async def option_chain(self, client: Client, fields: Fields) -> Row:
        """POST /GetOptionChain: ``cnt`` strikes on each side of ``strprc``, of the expiry ``tsym`` has."""
        asked = read.find_listing(fields, self.counter.names)
        middle, count = read.amount(fields, "strprc"), read.whole(fields, "cnt", low=1)
        rows = [row for row in self.counter.names.listings if row.strike is not None]
        rows = [row for row in rows if (row.underlying, row.expiry) == (asked.underlying, asked.expiry)]
        if middle is None or not rows:
            raise no_data()
        below = sorted({row.strike for row in rows if row.strike is not None and row.strike < middle})[-count:]
        above = sorted({row.strike for row in rows if row.strike is not None and row.strike >= middle})[:count]
        wanted = {*below, *above}
        found = [row for row in rows if row.strike in wanted]
        return {"values": [_chain_row(row) for row in found]}

    async def series(self, client: Client, fields: Fields) -> list[Row]:
        """POST /TPSeries: bars of ``intrv`` minutes between ``st`` and ``et``, newest first."""
        listing = read.numbered_listing(fields, self.counter.names)
        interval = optional(fields, "intrv") or "1"
        if interval not in INTERVALS:
            raise invalid("Invalid Interval")
        start, end = _moment(required(fields, "st")), _moment(optional(fields, "et") or "9999999999", self.desk.now())
        width = timedelta(minutes=int(interval))
        candles = self._candles(listing, start, end, width, LONGEST)
        return [_bar(candle, listing) for candle in reversed(candles)]

    async def daily(self, client: Client, fields: Fields) -> list[str]:
        """POST /EODChartData: day bars, newest first, each a string that holds JSON."""
        exchange, _, symbol = symbol_field(fields, "sym").partition(":")
        listing = self.counter.names.named(exchange, symbol)
        if listing is None:
            raise invalid("Invalid Trading Symbol")
        start, end = _moment(required(fields, "from")), _moment(required(fields, "to"), self.desk.now())
        candles = self._candles(listing, start, end, timedelta(days=1), LONGEST_DAILY)
        return [json.dumps(_day_bar(candle, listing)) for candle in reversed(candles)]

    def _candles(
        self, listing: Listing, start: datetime, end: datetime, width: timedelta, longest: timedelta
    ) -> list[Candle]:
        if not start <= end or end - start > longest:
            raise invalid("Invalid time range")
        candles = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        if not candles:
            raise no_data()
        return list(candles)

    def _csv(self, name: str) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for listing in self.counter.names.listings:
            if _FILES.get((listing.exchange.value, instrument_of(listing))) == name:
                writer.writerow(master_row(listing))
        return text.getvalue().encode()


def master_row(listing: Listing) -> list[str]:
    """Return one line of a master."""
    return [
        listing.exchange.value,
        token_of(listing),
        str(listing.lot_size // unit(listing)),
        listing.underlying,
        trading_symbol(listing),
        instrument_of(listing),
        listing.expiry.strftime("%d-%b-%Y").upper() if listing.expiry else "",
        strike_text(listing.strike) if listing.strike is not None else "",
        "" if listing.kind is Kind.EQUITY else listing.right.value or "XX",
    ]


def _chain_row(listing: Listing) -> Row:
    return contract_row(listing) | {
        "optt": listing.right.value,
        "strprc": strike_text(listing.strike) if listing.strike is not None else "",
    }


def _bar(candle: Candle, listing: Listing) -> Row:
    interest = candle.open_interest // unit(listing)
    return {
        "stat": "Ok",
        "time": day_first(candle.start),
        "ssboe": str(int(candle.start.timestamp())),
        "into": rupees(candle.open),
        "inth": rupees(candle.high),
        "intl": rupees(candle.low),
        "intc": rupees(candle.close),
        "intvwap": rupees((candle.high + candle.low + candle.close) // 3),
        "intv": str(candle.volume // unit(listing)),
        "intoi": "0",
        "v": str(candle.volume // unit(listing)),
        "oi": str(interest),
    }


def _day_bar(candle: Candle, listing: Listing) -> Row:
    """Return a day's bar; it is stamped with the day's midnight in UTC, as the recorded one is."""
    day = candle.start.astimezone(IST)
    return {
        "time": day.strftime("%d-%b-%Y").upper(),
        "into": rupees(candle.open),
        "inth": rupees(candle.high),
        "intl": rupees(candle.low),
        "intc": rupees(candle.close),
        "ssboe": str(int(day.replace(hour=0, minute=0, tzinfo=UTC).timestamp())),
        "intv": f"{candle.volume // unit(listing)}.00",
    }


def _moment(text: str, latest: datetime | None = None) -> datetime:
    """Read epoch seconds, which clients also write with a fraction."""
    try:
        moment = datetime.fromtimestamp(float(text), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise invalid("Invalid time") from None
    return min(moment, latest) if latest is not None else moment
