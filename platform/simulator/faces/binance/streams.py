"""Market streams, and those of the spot market: /stream and /ws.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from domain.prices import to_decimal
from simulator.exchange.types import ClientOrder
from simulator.faces.binance.calls import ANONYMOUS
from simulator.faces.binance.listings import spot_listings
from simulator.faces.binance.market import day_figures, levels
from simulator.faces.binance.wire import UNREADABLE, dumps, stamp
from simulator.faces.desk import Desk
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.market.types import Listing, MarketQuote

_NAME = re.compile(r"([a-z0-9]{2,30})@([A-Za-z0-9@]{2,30})", re.ASCII)
_MOST = 1024
_OF_TRADES = frozenset({"aggTrade", "trade"})
Event = Callable[[Listing, MarketQuote, int], dict[str, Any]]
"""Makes a stream's event of what a contract shows now, in milliseconds."""


@dataclass(eq=False, slots=True)
class Watcher(Socket):
    """One connection; ``streams`` are those asked for, ``wrapped`` says whether events name theirs."""

    streams: set[str] = field(default_factory=set)
    wrapped: bool = False
    traded: dict[int, int] = field(default_factory=dict)


class MarketStreams(Sockets[Watcher]):
    """Everybody's sockets; ``events`` are made by what follows the symbol in a stream's name."""

    def __init__(self, desk: Desk, listings: Mapping[int, Listing], events: Mapping[str, Event]) -> None:
        super().__init__(desk)
        self._listings = {one.symbol.lower(): one for one in listings.values()}
        self._by_token = {one.token: one for one in listings.values()}
        self._events = events

    async def combined(self, request: web.Request) -> web.StreamResponse:
        """GET /stream?streams=a/b"""
        return await self._serve(request, request.query.get("streams", "").split("/"), wrapped=True)

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """GET /ws/a/b"""
        return await self._serve(request, request.match_info.get("streams", "").split("/"), wrapped=False)

    def obey(self, socket: Watcher, text: str | bytes) -> None:
        """Do what a message asks, and say so."""
        try:
            asked = orjson.loads(text)
            method, number = asked["method"], asked.get("id")
            params = asked.get("params", [])
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            socket.queue(dumps(UNREADABLE))
            return
        socket.queue(dumps(self._obeyed(socket, method, params) | {"id": number}))

    async def flush(self, socket: Watcher) -> None:
        """Send answers, and each stream's event of what changed."""
        await socket.tell()
        while socket.changed:
            token = socket.changed.pop()
            for name, data in self._told(socket, self._by_token[token]):
                event = {"stream": name, "data": data} if socket.wrapped else data
                await socket.stream.send_str(dumps(event).decode())

    def tell_order(self, socket: Watcher, order: ClientOrder) -> None:
        """Nobody's orders are told here."""

    async def _serve(self, request: web.Request, names: list[str], *, wrapped: bool) -> web.StreamResponse:
        socket = Watcher(request, await opened(request), wrapped=wrapped)
        self.enter(socket, ANONYMOUS)
        self._add(socket, [name for name in names if name])
        await self.serve(socket)
        return socket.stream

    def _obeyed(self, socket: Watcher, method: Any, params: Any) -> dict[str, Any]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(socket.streams)}
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not isinstance(params, list):
            return {"error": {"code": 2, "msg": "Invalid request: unknown method or parameters"}}
        names = [str(name) for name in params]
        if method == "SUBSCRIBE":
            self._add(socket, names)
        else:
            self._drop(socket, names)
        return {"result": None}

    def _add(self, socket: Watcher, names: list[str]) -> None:
        """A stream nobody knows is taken and stays silent."""
        socket.streams.update(names[: _MOST - len(socket.streams)])
        tokens = self._tokens(socket)
        self.watch(socket, tokens)
        socket.changed |= tokens
        socket.wake.set()

    def _drop(self, socket: Watcher, names: list[str]) -> None:
        before = self._tokens(socket)
        socket.streams.difference_update(names)
        self.unwatch(socket, before - self._tokens(socket))

    def _tokens(self, socket: Watcher) -> set[int]:
        found = (_NAME.fullmatch(name) for name in socket.streams)
        symbols = {match[1] for match in found if match and match[2] in self._events}
        return {self._listings[symbol].token for symbol in symbols & self._listings.keys()}

    def _told(self, socket: Watcher, listing: Listing) -> list[tuple[str, dict[str, Any]]]:
        quote = self._desk.exchange.market.quote(listing.token)
        if not quote.last_price:
            return []
        has_traded = socket.traded.get(listing.token) != quote.last_trade_at
        socket.traded[listing.token] = quote.last_trade_at
        now = stamp(self._desk.now())
        return [
            (name, self._events[kind](listing, quote, now))
            for name, kind in self._of(socket, listing)
            if has_traded or kind not in _OF_TRADES
        ]

    def _of(self, socket: Watcher, listing: Listing) -> list[tuple[str, str]]:
        found = [match for match in map(_NAME.fullmatch, sorted(socket.streams)) if match]
        return [
            (match[0], match[2]) for match in found if match[1] == listing.symbol.lower() and match[2] in self._events
        ]


def spot_streams(desk: Desk) -> MarketStreams:
    """Return the spot market's sockets."""

    def depth(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
        return {"lastUpdateId": quote.revision, **levels(desk, listing)}

    events: dict[str, Event] = {
        "ticker": _ticker,
        "aggTrade": _agg_trade,
        "trade": _trade,
        "bookTicker": _book_ticker,
        "miniTicker": _mini_ticker,
        **dict.fromkeys(("depth5", "depth10", "depth20"), depth),
    }
    return MarketStreams(desk, spot_listings(desk.exchange.market), events)


def _ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    day, step = day_figures(quote), listing.multiplier
    return {
        "e": "24hrTicker",
        "E": now,
        "s": listing.symbol,
        "p": day["priceChange"],
        "P": day["priceChangePercent"],
        "w": day["weightedAvgPrice"],
        "x": day["prevClosePrice"],
        "c": to_decimal(quote.last_price),
        "Q": quote.last_quantity * step,
        "b": to_decimal(quote.bid),
        "B": quote.bid_quantity * step,
        "a": to_decimal(quote.ask),
        "A": quote.ask_quantity * step,
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": quote.volume * step,
        "q": quote.volume * step * day["weightedAvgPrice"],
        "O": quote.exchange_at - 86_400_000,
        "C": quote.exchange_at,
        "F": 0,
        "L": quote.revision,
        "n": quote.revision,
    }


def _mini_ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    return mini(_ticker(listing, quote, now))


def mini(ticker: dict[str, Any]) -> dict[str, Any]:
    """Return the short form of a ticker's event."""
    return {"e": "24hrMiniTicker", **{name: ticker[name] for name in ("E", "s", "c", "o", "h", "l", "v", "q")}}


def _agg_trade(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    return {
        "e": "aggTrade",
        "E": now,
        "s": listing.symbol,
        "a": quote.revision,
        "p": to_decimal(quote.last_price),
        "q": quote.last_quantity * listing.multiplier,
        "f": quote.revision,
        "l": quote.revision,
        "T": quote.last_trade_at,
        "m": False,
        "M": True,
    }


def _trade(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    whole = _agg_trade(listing, quote, now)
    return {**{name: whole[name] for name in ("E", "s", "p", "q", "T", "m", "M")}, "e": "trade", "t": whole["a"]}


def _book_ticker(listing: Listing, quote: MarketQuote, now: int) -> dict[str, Any]:
    whole = _ticker(listing, quote, now)
    return {"u": quote.revision, **{name: whole[name] for name in ("s", "b", "B", "a", "A")}}
