"""What is everybody's: time, pairs, prices. https://developers.binance.com/docs/binance-spot-api-docs/rest-api"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from domain.instruments import Exchange
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import find_listing
from simulator.faces.binance.limits import rate_limits
from simulator.faces.binance.listings import listings_of, symbol_info
from simulator.faces.binance.wire import BinanceError, bad_symbol, illegal, stamp
from simulator.faces.desk import Desk
from simulator.market.types import Listing, MarketQuote

INTERVALS = {
    **{f"{count}m": timedelta(minutes=count) for count in (1, 3, 5, 15, 30)},
    **{f"{count}h": timedelta(hours=count) for count in (1, 2, 4, 6, 8, 12)},
    "1d": timedelta(days=1),
}
_USUAL, _MOST = 500, 1000
Row = Callable[[Listing], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class MarketData:
    """Public reads; ``asked`` names one pair, several, or none for all."""

    desk: Desk
    exchange: Exchange = Exchange.BINANCE

    async def ping(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /ping"""
        return {}

    async def time(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /time"""
        return {"serverTime": stamp(self.desk.now())}

    async def exchange_info(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /exchangeInfo"""
        listings, _ = self.named(asked)
        return {
            "timezone": "UTC",
            "serverTime": stamp(self.desk.now()),
            "rateLimits": rate_limits(),
            "exchangeFilters": [],
            "symbols": [symbol_info(listing) for listing in listings],
            "sors": [],
        }

    async def days(self, client: Client, asked: Asked) -> Any:
        """GET /ticker/24hr"""
        return self.answer(asked, self.day)

    async def prices(self, client: Client, asked: Asked) -> Any:
        """GET /ticker/price"""
        return self.answer(asked, self.price)

    async def touches(self, client: Client, asked: Asked) -> Any:
        """GET /ticker/bookTicker"""
        return self.answer(asked, self.touch)

    async def depth(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /depth"""
        listing = find_listing(asked, self.desk.exchange.market, self.exchange)
        return {"lastUpdateId": self.quote(listing).revision, **levels(self.desk, listing)}

    async def klines(self, client: Client, asked: Asked) -> list[list[Any]]:
        """GET /klines"""
        listing, text = find_listing(asked, self.desk.exchange.market, self.exchange), asked.text("interval")
        if text not in INTERVALS:
            raise BinanceError(-1120, "Invalid interval.")
        width, limit = INTERVALS[text], min(asked.whole("limit", default=_USUAL), _MOST)
        end = _moment(asked.whole("endTime", default=stamp(self.desk.now())))
        start = _moment(asked.whole("startTime")) if asked.params.get("startTime") else end - width * (limit - 1)
        bars = self.desk.exchange.market.candles(listing.token, start=start, end=end, width=width)
        return [_kline(bar, listing, width) for bar in bars[:limit]]

    def answer(self, asked: Asked, row: Row) -> Any:
        """Return one row, or a list where not exactly one symbol was named."""
        listings, is_one = self.named(asked)
        return row(listings[0]) if is_one else [row(listing) for listing in listings]

    def named(self, asked: Asked) -> tuple[Sequence[Listing], bool]:
        """Return the pairs a call names, and whether it names exactly one."""
        if asked.params.get("symbol"):
            return [find_listing(asked, self.desk.exchange.market, self.exchange)], True
        listings = {one.symbol: one for one in listings_of(self.desk.exchange.market, self.exchange).values()}
        if not asked.params.get("symbols"):
            return list(listings.values()), False
        names = _symbols(asked.params["symbols"])
        if not set(names) <= listings.keys():
            raise bad_symbol()
        return [listings[name] for name in names], False

    def quote(self, listing: Listing) -> MarketQuote:
        """Return what the market shows of a symbol."""
        return self.desk.exchange.market.quote(listing.token)

    def day(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/24hr``."""
        quote, step = self.quote(listing), listing.multiplier
        closed = quote.exchange_at or stamp(self.desk.now())
        return {
            **day_figures(quote),
            "symbol": listing.symbol,
            "lastPrice": to_decimal(quote.last_price),
            "lastQty": quote.last_quantity * step,
            "bidPrice": to_decimal(quote.bid),
            "bidQty": quote.bid_quantity * step,
            "askPrice": to_decimal(quote.ask),
            "askQty": quote.ask_quantity * step,
            "volume": quote.volume * step,
            "quoteVolume": quote.volume * step * to_decimal(quote.average_price),
            "openTime": closed - 86_400_000,
            "closeTime": closed,
            "firstId": 0,
            "lastId": quote.revision,
            "count": quote.revision,
        }

    def price(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/price``."""
        return {"symbol": listing.symbol, "price": to_decimal(self.quote(listing).last_price)}

    def touch(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/bookTicker``."""
        quote, step = self.quote(listing), listing.multiplier
        return {
            "symbol": listing.symbol,
            "bidPrice": to_decimal(quote.bid),
            "bidQty": quote.bid_quantity * step,
            "askPrice": to_decimal(quote.ask),
            "askQty": quote.ask_quantity * step,
        }


def day_figures(quote: MarketQuote) -> dict[str, Any]:
    """Return how the last price stands to the day's others."""
    last, close = to_decimal(quote.last_price), to_decimal(quote.close)
    change = last - close
    return {
        "priceChange": change,
        "priceChangePercent": f"{change * 100 / close:.3f}" if close else "0.000",
        "weightedAvgPrice": to_decimal(quote.average_price),
        "prevClosePrice": close,
        "openPrice": to_decimal(quote.open),
        "highPrice": to_decimal(quote.high),
        "lowPrice": to_decimal(quote.low),
    }


def levels(desk: Desk, listing: Listing) -> dict[str, Any]:
    """Return the book's best levels."""
    bids, asks = desk.exchange.market.depth(listing.token)
    sides = (("bids", bids), ("asks", asks))
    step = listing.multiplier
    return {name: [[to_decimal(one.price), one.quantity * step] for one in side] for name, side in sides}


def _kline(bar: Any, listing: Listing, width: timedelta) -> list[Any]:
    start, volume = stamp(bar.start), bar.volume * listing.multiplier
    prices = [to_decimal(price) for price in (bar.open, bar.high, bar.low, bar.close)]
    worth = volume * prices[-1]
    half = Decimal(2)
    end = start + int(width.total_seconds() * 1000) - 1
    return [start, *prices, volume, end, worth, 1, volume / half, worth / half, "0"]


def _moment(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise illegal("startTime", "^[0-9]{1,20}$") from None


def _symbols(text: str) -> list[str]:
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        raise illegal("symbols", r"^\[(\"[A-Z0-9]{1,20}\"(,\"[A-Z0-9]{1,20}\"){0,}){0,1}\]$")
    return names
