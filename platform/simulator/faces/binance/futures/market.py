"""What is everybody's at the futures exchange: time, contracts, prices.

https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api
"""

from typing import Any

from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.futures.fields import contract_of
from simulator.faces.binance.futures.limits import rate_limits
from simulator.faces.binance.futures.listings import EXCHANGE, contract_info, contracts, priced, sized
from simulator.faces.binance.listings import QUOTE
from simulator.faces.binance.market import MarketData, day_figures
from simulator.faces.binance.wire import stamp
from simulator.faces.desk import Desk
from simulator.market.types import Level, Listing, MarketQuote

_DAY = 86_400_000


class FuturesMarketData(MarketData):
    """Public reads; ``asked`` names one contract, or none for all."""

    async def exchange_info(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /exchangeInfo"""
        return {
            "timezone": "UTC",
            "serverTime": stamp(self.desk.now()),
            "futuresType": "U_MARGINED",
            "rateLimits": rate_limits(),
            "exchangeFilters": [],
            "assets": [{"asset": QUOTE, "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": [contract_info(one) for one in contracts(self.desk.exchange.market).values()],
        }

    async def depth(self, client: Client, asked: Asked) -> dict[str, Any]:
        """GET /depth"""
        listing = contract_of(asked, self.desk.exchange.market)
        quote = self.quote(listing)
        times = {"E": stamp(self.desk.now()), "T": quote.exchange_at}
        bids, asks = book_of(self.desk, listing)
        return {"lastUpdateId": quote.revision, **times, "bids": bids, "asks": asks}

    async def mark(self, client: Client, asked: Asked) -> Any:
        """GET /premiumIndex: the mark price is the last one."""
        return self.answer(asked, self._mark)

    def day(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/24hr``, which has no book."""
        quote = self.quote(listing)
        figures = day_figures(quote)
        closed = quote.exchange_at or stamp(self.desk.now())
        prices = ("priceChange", "weightedAvgPrice", "openPrice", "highPrice", "lowPrice")
        return {
            "symbol": listing.symbol,
            **{name: priced(figures[name], listing) for name in prices},
            "priceChangePercent": figures["priceChangePercent"],
            "lastPrice": priced(to_decimal(quote.last_price), listing),
            "lastQty": sized(quote.last_quantity, listing),
            "volume": sized(quote.volume, listing),
            "quoteVolume": quote.volume * listing.multiplier * figures["weightedAvgPrice"],
            "openTime": closed - _DAY,
            "closeTime": closed,
            "firstId": 0,
            "lastId": quote.revision,
            "count": quote.revision,
        }

    def price(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/price``."""
        quote = self.quote(listing)
        last = priced(to_decimal(quote.last_price), listing)
        return {"symbol": listing.symbol, "price": last, "time": quote.exchange_at}

    def touch(self, listing: Listing) -> dict[str, Any]:
        """Return a row of ``ticker/bookTicker``."""
        quote = self.quote(listing)
        return {
            "symbol": listing.symbol,
            "bidPrice": priced(to_decimal(quote.bid), listing),
            "bidQty": sized(quote.bid_quantity, listing),
            "askPrice": priced(to_decimal(quote.ask), listing),
            "askQty": sized(quote.ask_quantity, listing),
            "time": quote.exchange_at,
        }

    def _mark(self, listing: Listing) -> dict[str, Any]:
        quote = self.quote(listing)
        return {"symbol": listing.symbol, **marked(quote), "interestRate": "0.00010000", "time": stamp(self.desk.now())}


def futures_market(desk: Desk) -> FuturesMarketData:
    """Return the reads of the futures exchange."""
    return FuturesMarketData(desk, EXCHANGE)


def marked(quote: MarketQuote) -> dict[str, Any]:
    """Return mark, index and funding: nothing is ever paid here."""
    last = to_decimal(quote.last_price)
    return {
        "markPrice": last,
        "indexPrice": last,
        "estimatedSettlePrice": last,
        "lastFundingRate": "0.00000000",
        "nextFundingTime": 0,
    }


def book_of(desk: Desk, listing: Listing) -> tuple[list[list[str]], list[list[str]]]:
    """Return the book's best levels."""

    def told(side: Level) -> list[str]:
        return [priced(to_decimal(side.price), listing), sized(side.quantity, listing)]

    bids, asks = desk.exchange.market.depth(listing.token)
    return [told(one) for one in bids], [told(one) for one in asks]
