"""Binance's market streams: everybody's, so no key is sent.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams,
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams. The markets have sockets
of their own, and the futures exchange two: one for books, one for trades. They are opened as tokens need them and count
as one. Nothing reconnects here: a socket that drops raises, and the caller decides.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from brokers.adapter import Account
from brokers.binance.answers import BROKER
from brokers.binance.connection import SILENCE_SECONDS
from brokers.binance.futures.ticker import FuturesTickers
from brokers.binance.ids import FUTURES_MARK, SPOT_MARK
from brokers.binance.joined import Joined
from brokers.binance.line import Channel, Line, Ticker
from brokers.binance.spec import SPEC
from brokers.binance.ticker import Tickers
from brokers.steps import StepOf
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable, RawTick

_TOKEN = re.compile(r"(UM:|)([A-Z0-9]{2,30})", re.ASCII)


class _Market:
    """The sockets of one market, opened one after the other: what the first shows, a tick of the last needs."""

    def __init__(self, lines: Sequence[Line], ticker: Callable[[StepOf], Ticker]) -> None:
        self.lines = lines
        self.tokens: set[str] = set()
        self.is_open = False
        self._ticker = ticker

    async def open(self, joined: Joined[Sequence[RawTick]], step_of: StepOf) -> None:
        """Open the sockets and let them be read; raises ``BrokerUnavailable``, those opened being closed again."""
        self.is_open, ticker = True, self._ticker(step_of)
        try:
            for line in self.lines:
                socket = await line.open()
                await line.ask("SUBSCRIBE", _symbols(sorted(self.tokens)))
                joined.add(line.ticks(socket, ticker))
        except BrokerUnavailable:
            await self.aclose()
            raise

    async def ask(self, method: str, tokens: Sequence[str]) -> None:
        """Subscribe or unsubscribe at every socket."""
        for line in self.lines:
            await line.ask(method, _symbols(tokens))

    async def aclose(self) -> None:
        """Close the sockets."""
        self.is_open = False
        for line in self.lines:
            await line.aclose()


class BinanceFeed:
    """Tickers and trades of both markets."""

    def __init__(self, account: Account) -> None:
        self._wire, self._step_of = account.wire(), account.step_of
        silence = account.silence_seconds or SILENCE_SECONDS
        spot, futures = account.endpoint.socket_url, account.endpoint.futures_socket_url.rstrip("/")
        self._markets = {
            SPOT_MARK: _Market(_lines(self._wire, silence, Channel(spot, ("ticker", "aggTrade"))), Tickers),
            FUTURES_MARK: _Market(
                _lines(
                    self._wire,
                    silence,
                    Channel(f"{futures}/public/stream", ("depth5@500ms",)),
                    Channel(f"{futures}/market/stream", ("ticker", "aggTrade")),
                ),
                FuturesTickers,
            ),
        }
        self._joined: Joined[Sequence[RawTick]] | None = None

    @property
    def malformed_messages(self) -> int:
        """How many messages could not be read."""
        return sum(line.malformed for market in self._markets.values() for line in market.lines)

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield each tick as it comes until a socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        self._joined = joined = Joined[Sequence[RawTick]]()
        try:
            for market in self._wanted():
                await market.open(joined, self._step_of)
            async for ticks in joined.read():
                if any(ticks[0].token in market.tokens for market in self._markets.values()):
                    yield ticks
        finally:
            self._joined = None
            await joined.aclose()
            await self._close_sockets()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add tokens, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        held = {token for market in self._markets.values() for token in market.tokens}
        wanted = {token: _checked(token) for token in dict.fromkeys(tokens) if token not in held}
        if len(held) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} symbols")
        for mark, market in self._markets.items():
            await self._add(market, [token for token, where in wanted.items() if where == mark])

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop tokens; unknown ones are nothing to do."""
        for market in self._markets.values():
            dropped = [token for token in dict.fromkeys(tokens) if token in market.tokens]
            market.tokens.difference_update(dropped)
            await market.ask("UNSUBSCRIBE", dropped)

    async def aclose(self) -> None:
        """Close the sockets (a running ``connect`` then raises) and the session."""
        await self._close_sockets()
        await self._wire.aclose()

    async def _add(self, market: _Market, tokens: Sequence[str]) -> None:
        market.tokens.update(tokens)
        if market.is_open:
            await market.ask("SUBSCRIBE", tokens)
        elif tokens and self._joined is not None:
            await market.open(self._joined, self._step_of)

    async def _close_sockets(self) -> None:
        for market in self._markets.values():
            await market.aclose()

    def _wanted(self) -> Iterable[_Market]:
        """A feed of nothing yet has the spot socket open."""
        found = [market for market in self._markets.values() if market.tokens]
        return found or [self._markets[SPOT_MARK]]


def _lines(wire: Wire, silence_seconds: float, *channels: Channel) -> list[Line]:
    return [Line(wire, channel, silence_seconds) for channel in channels]


def _checked(token: str) -> str:
    """Return the mark of a token's market."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not a symbol")
    return found[1]


def _symbols(tokens: Sequence[str]) -> list[str]:
    return [token.removeprefix(FUTURES_MARK) for token in tokens]
