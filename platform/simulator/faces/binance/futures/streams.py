"""The routed market streams: books on /public, trades and prices on /market.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams. What is asked for on the
wrong route is taken and stays silent.
"""

from typing import Any

from domain.prices import to_decimal
from simulator.faces.binance.futures.listings import contracts, priced, sized
from simulator.faces.binance.futures.market import book_of
from simulator.faces.binance.market import day_figures
from simulator.faces.binance.streams import Event, MarketStreams, mini
from simulator.faces.desk import Desk
from simulator.market.types import Listing, MarketQuote

_DAY = 86_400_000
_SPEEDS = ("", "@100ms", "@250ms", "@500ms")


def public_streams(desk: Desk) -> MarketStreams:
    """Return the sockets of books."""

    def depth(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
        bids, asks = book_of(desk, listing)
        updates = {"U": quote.revision, "u": quote.revision, "pu": quote.revision - 1}
        times = {"E": now, "T": quote.exchange_at}
        return {"e": "depthUpdate", **times, "s": listing.symbol, **updates, "b": bids, "a": asks}

    levels: dict[str, Event] = {f"depth{count}{speed}": depth for count in (5, 10, 20) for speed in _SPEEDS}
    return MarketStreams(desk, contracts(desk.exchange.market), {"bookTicker": _book_ticker, **levels})


def market_streams(desk: Desk) -> MarketStreams:
    """Return the sockets of trades and prices."""
    events: dict[str, Event] = {
        "ticker": _ticker,
        "miniTicker": _mini_ticker,
        "aggTrade": _agg_trade,
        "markPrice": _mark_price,
        "markPrice@1s": _mark_price,
    }
    return MarketStreams(desk, contracts(desk.exchange.market), events)


def _ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    day = day_figures(quote)
    return {
        "e": "24hrTicker",
        "E": now,
        "s": listing.symbol,
        "p": priced(day["priceChange"], listing),
        "P": day["priceChangePercent"],
        "w": priced(day["weightedAvgPrice"], listing),
        "c": priced(to_decimal(quote.last_price), listing),
        "Q": sized(quote.last_quantity, listing),
        "o": priced(day["openPrice"], listing),
        "h": priced(day["highPrice"], listing),
        "l": priced(day["lowPrice"], listing),
        "v": sized(quote.volume, listing),
        "q": quote.volume * listing.multiplier * day["weightedAvgPrice"],
        "O": quote.exchange_at - _DAY,
        "C": quote.exchange_at,
        "F": 0,
        "L": quote.revision,
        "n": quote.revision,
    }


def _mini_ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    return mini(_ticker(listing, quote, now))


def _agg_trade(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    quantity = sized(quote.last_quantity, listing)
    return {
        "e": "aggTrade",
        "E": now,
        "a": quote.revision,
        "s": listing.symbol,
        "p": priced(to_decimal(quote.last_price), listing),
        "q": quantity,
        "nq": quantity,
        "f": quote.revision,
        "l": quote.revision,
        "T": quote.last_trade_at,
        "m": False,
    }


def _mark_price(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    last = to_decimal(quote.last_price)
    prices = {"p": last, "ap": last, "i": last, "P": last}
    return {"e": "markPriceUpdate", "E": now, "s": listing.symbol, **prices, "r": "0.00000000", "T": 0}


def _book_ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    return {
        "e": "bookTicker",
        "u": quote.revision,
        "E": now,
        "T": quote.exchange_at,
        "s": listing.symbol,
        "b": priced(to_decimal(quote.bid), listing),
        "B": sized(quote.bid_quantity, listing),
        "a": priced(to_decimal(quote.ask), listing),
        "A": sized(quote.ask_quantity, listing),
    }
