"""Binance's market streams: everybody's, so no key is sent.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams. Nothing reconnects here: a socket that
drops raises, and the caller decides.
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count

from brokers.binance.answers import BROKER
from brokers.binance.connection import SILENCE_SECONDS, Socket
from brokers.binance.spec import SPEC
from brokers.binance.ticker import Tickers
from brokers.steps import StepOf
from brokers.transport import Wire
from domain.broker import BrokerError, RawTick

_STREAMS = ("ticker", "aggTrade")
_PAIRS_PER_MESSAGE = 200
"""Five messages a second are taken: all the pairs a socket may have are asked for in three."""

_TOKEN = re.compile(r"[A-Z0-9]{2,30}", re.ASCII)


class BinanceFeed:
    """One socket of tickers and trades."""

    def __init__(self, *, wire: Wire, url: str, step_of: StepOf, silence_seconds: float | None = None) -> None:
        self._wire = wire
        self._url = url
        self._step_of = step_of
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._tokens: set[str] = set()
        self._socket: Socket | None = None
        self._numbers = count(1)
        self.malformed_messages = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield each tick as it comes until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await Socket.open(self._wire, self._url, silence_seconds=self._silence_seconds)
        self._socket, tickers = socket, Tickers(self._step_of)
        try:
            await self._ask(socket, "SUBSCRIBE", sorted(self._tokens))
            while True:
                tick = self._taken(await socket.receive(), tickers)
                if tick is not None and tick.token in self._tokens:
                    yield [tick]
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add pairs, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [_checked(token) for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} pairs")
        self._tokens.update(wanted)
        if self._socket is not None:
            await self._ask(self._socket, "SUBSCRIBE", wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop pairs; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await self._ask(self._socket, "UNSUBSCRIBE", dropped)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    def _taken(self, message: bytes, tickers: Tickers) -> RawTick | None:
        try:
            return tickers.read(message)
        except (ValueError, LookupError):
            self.malformed_messages += 1
            return None

    async def _ask(self, socket: Socket, method: str, tokens: Sequence[str]) -> None:
        for streams in _chunks(tokens):
            await socket.send({"method": method, "params": streams, "id": next(self._numbers)})


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not a pair")
    return token


def _chunks(tokens: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(tokens), _PAIRS_PER_MESSAGE):
        pairs = tokens[start : start + _PAIRS_PER_MESSAGE]
        yield [f"{pair.lower()}@{stream}" for pair in pairs for stream in _STREAMS]
