"""Contract files and history."""

import csv
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from domain.instruments import Kind
from domain.prices import to_decimal
from domain.symbols import strike_text
from simulator.clients import Client
from simulator.faces.aliceblue import fields as read
from simulator.faces.aliceblue.calls import AliceCounter, Call
from simulator.faces.aliceblue.wire import Row, as_json, stamp
from simulator.faces.desk import Desk
from simulator.faces.masters import DayFiles
from simulator.faces.noren.names import Names, instrument_of, token_of, trading_symbol, unit
from simulator.market.types import Candle, Listing

_TERMS = "Lot Size,Tick Size"
_NAMES = "Instrument Name,Formatted Ins Name,Trading Symbol"
_EQUITY = f"Exch,Exchange Segment,Group Name,Symbol,Token,{_NAMES},{_TERMS}".split(",")
_KIND = "Instrument Type,Option Type,Strike Price"
_DERIVATIVE = f"Exch,Exchange Segment,Symbol,Token,{_KIND},{_NAMES},Expiry Date,{_TERMS}".split(",")
_INDICES = ("exch", "symbol", "token")
_SEGMENTS = {"NSE": "nse_cm", "NFO": "nse_fo", "MCX": "mcx_fo"}
_WIDTHS = {"1": timedelta(minutes=1), "D": timedelta(days=1), "1D": timedelta(days=1)}
_SERVED = frozenset({"NSE", "NFO", "CDS", "MCX"})
_INDEX = "::index"
FILES = ("NSE", "NFO", "BSE", "BFO", "MCX", "CDS", "BCD", "INDICES")


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    counter: AliceCounter
    _files: DayFiles[bytes] = field(default_factory=DayFiles)

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def contracts(self, request: web.Request) -> web.StreamResponse:
        """GET /restpy/static/contract_master[/V2]/{file}: CSV for everybody, the same all day."""
        name, _, ending = request.match_info["file"].partition(".")
        if name not in FILES or ending != "csv":
            return web.Response(status=404, text="404 Not Found")
        body = self._files.get(name, lambda: contract_file(name, self.counter.names), now=self.desk.now())
        response = web.Response(body=body, content_type="text/csv")
        return await self.counter.serve(request, response, name="instruments")

    async def history(self, client: Client, call: Call) -> web.Response:
        """POST /ChartAPIService/api/chart/history, oldest first."""
        exchange = read.text(call.fields, "exchange").removesuffix(_INDEX)
        width = _WIDTHS.get(read.text(call.fields, "resolution"))
        listing = self.counter.names.numbered(exchange, read.text(call.fields, "token"))
        span = [_moment(read.text(call.fields, name)) for name in ("from", "to")]
        if width is None or listing is None or exchange not in _SERVED or None in span:
            return as_json({"stat": "Not_Ok", "emsg": "Invalid input"})
        start, end = (at for at in span if at is not None)
        candles = self.desk.exchange.market.candles(
            listing.token, start=start, end=min(end, self.desk.now()), width=width
        )
        return as_json({"stat": "Ok", "result": [_bar(candle, listing) for candle in candles]})


def contract_file(name: str, names: Names) -> bytes:
    """Return a file of contracts, by the exchange it is called after."""
    rows = [row for row in names.listings if _file_of(row) == name]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if name == "INDICES":
        writer.writerow(_INDICES)
        writer.writerows([row.exchange.value, trading_symbol(row).upper(), token_of(row)] for row in rows)
    elif name in ("NSE", "BSE"):
        writer.writerow(_EQUITY)
        writer.writerows(_equity(row) for row in rows)
    else:
        writer.writerow(_DERIVATIVE)
        writer.writerows(_derivative(row) for row in rows)
    return text.getvalue().encode()


def _file_of(listing: Listing) -> str:
    return "INDICES" if listing.kind is Kind.INDEX else listing.exchange.value


def _equity(row: Listing) -> list[object]:
    symbol = trading_symbol(row)
    return [
        row.exchange.value,
        _SEGMENTS[row.exchange.value],
        "EQ",
        row.symbol,
        token_of(row),
        row.name,
        row.symbol,
        symbol,
        row.lot_size,
        row.tick_size,
    ]


def _derivative(row: Listing) -> list[object]:
    expiry = row.expiry.isoformat() if row.expiry else ""
    return [
        row.exchange.value,
        _SEGMENTS[row.exchange.value],
        row.underlying,
        token_of(row),
        instrument_of(row),
        row.right.value or "XX",
        strike_text(row.strike) if row.strike is not None else "0",
        row.underlying,
        f"{row.underlying} {expiry}",
        trading_symbol(row),
        expiry,
        row.lot_size // unit(row),
        row.tick_size,
    ]


def _bar(candle: Candle, listing: Listing) -> Row:
    prices = {name: to_decimal(getattr(candle, name)) for name in ("open", "high", "low", "close")}
    return {**prices, "volume": candle.volume // unit(listing), "time": stamp(candle.start)}


def _moment(text: str) -> datetime | None:
    """Read epoch milliseconds; ``None`` for anything else."""
    try:
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
