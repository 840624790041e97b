"""Quotes, depth, history, tokens of symbols, and the files of the masters."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from domain.clock import IST
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.fyers.calls import FyersCounter
from simulator.faces.fyers.mapping import depth_values, quote_values
from simulator.faces.fyers.masters import file_of
from simulator.faces.fyers.names import fy_token, unit
from simulator.faces.fyers.wire import BAD_SYMBOL, Row, bad_input, bad_symbol, number, read_json
from simulator.faces.masters import DayFiles
from simulator.market.types import Candle, Listing

MOST_QUOTES = 50
MOST_TOKENS = 500
RESOLUTIONS = {
    **{str(minutes): timedelta(minutes=minutes) for minutes in (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180, 240)},
    "D": timedelta(days=1),
    "1D": timedelta(days=1),
}
_LONGEST = {timedelta(days=1): timedelta(days=366)}
_LONGEST_INTRADAY = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what is the same for every client."""

    counter: FyersCounter
    _files: DayFiles[tuple[bytes, str] | None] = field(default_factory=DayFiles)

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def quotes(self, client: Client, request: web.Request) -> Row:
        """GET /data/quotes?symbols=NSE:SBIN-EQ,.."""
        symbols = [name for name in request.query.get("symbols", "").split(",") if name]
        if not 0 < len(symbols) <= MOST_QUOTES:
            raise bad_input(f"Please provide 1 to {MOST_QUOTES} symbols")
        return {"d": [self._quote(symbol) for symbol in symbols]}

    async def depth(self, client: Client, request: web.Request) -> Row:
        """GET /data/depth?symbol=..&ohlcv_flag=1"""
        listing = self._listing(request)
        market = self.desk.exchange.market
        values = depth_values(listing, market.quote(listing.token), market.depth(listing.token))
        return {"d": {request.query["symbol"]: values}}

    async def history(self, client: Client, request: web.Request) -> Row:
        """GET /data/history?symbol&resolution&date_format&range_from&range_to&cont_flag&oi_flag"""
        listing, width = self._listing(request), RESOLUTIONS.get(request.query.get("resolution", ""))
        if width is None:
            raise bad_input("Invalid resolution")
        start, end = _moment(request, "range_from"), _moment(request, "range_to", is_end=True)
        if not timedelta(0) <= end - start <= _LONGEST.get(width, _LONGEST_INTRADAY):
            raise bad_input("Invalid range")
        bars = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        has_interest = request.query.get("oi_flag") == "1"
        candles = [_candle(bar, unit(listing), has_interest=has_interest) for bar in bars]
        return {"candles": candles} if candles else {"s": "no_data", "candles": []}

    async def symbol_token(self, client: Client, request: web.Request) -> Row:
        """POST /data/symbol-token"""
        symbols = (await read_json(request)).get("symbols")
        if not isinstance(symbols, list) or not 0 < len(symbols) <= MOST_TOKENS:
            raise bad_input(f"Please provide 1 to {MOST_TOKENS} symbols")
        found = {str(symbol): self.counter.names.named("", str(symbol)) for symbol in symbols}
        return {
            "validSymbol": {symbol: fy_token(listing) for symbol, listing in found.items() if listing},
            "invalidSymbol": [symbol for symbol, listing in found.items() if not listing],
        }

    async def file(self, request: web.Request) -> web.StreamResponse:
        """GET /sym_details/{file}: for everybody, so a fault strikes it only where it names no client."""
        name, now = request.match_info["file"], self.desk.now()
        found = self._files.get(name, lambda: self._file(name, now), now=now)
        if found is None:
            return web.Response(status=404, text="Not Found")
        response = web.Response(body=found[0], content_type=found[1])
        return await self.counter.serve(request, response, name="instruments")

    def _file(self, name: str, now: datetime) -> tuple[bytes, str] | None:
        market = self.desk.exchange.market
        return file_of(name, [(row, market.quote(row.token)) for row in market.listings.values()], now=now)

    def _quote(self, symbol: str) -> Row:
        listing = self.counter.names.named("", symbol)
        if listing is None:
            return {"n": symbol, "s": "error", "v": {"code": BAD_SYMBOL, "errmsg": "invalid symbol provided"}}
        return {"n": symbol, "s": "ok", "v": quote_values(listing, self.desk.exchange.market.quote(listing.token))}

    def _listing(self, request: web.Request) -> Listing:
        listing = self.counter.names.named("", request.query.get("symbol", ""))
        if listing is None:
            raise bad_symbol()
        return listing


def _moment(request: web.Request, name: str, *, is_end: bool = False) -> datetime:
    """Read a time as ``date_format`` says: epoch seconds (0) or an Indian day (1), whose end it may be."""
    text = request.query.get(name, "")
    try:
        if request.query.get("date_format") == "0":
            return datetime.fromtimestamp(int(text), tz=UTC)
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=IST)
    except (ValueError, OverflowError, OSError):
        raise bad_input(f"Invalid {name}") from None
    return day + timedelta(days=1, seconds=-1) if is_end else day


def _candle(bar: Candle, per: int, *, has_interest: bool) -> list[int | float]:
    prices = (number(to_decimal(price)) for price in (bar.open, bar.high, bar.low, bar.close))
    row = [int(bar.start.timestamp()), *prices, bar.volume // per]
    return [*row, bar.open_interest // per] if has_interest else row
