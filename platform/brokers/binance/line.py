"""One market socket: which streams it is asked for, and the ticks its messages are."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from brokers.binance.connection import Socket
from brokers.transport import Wire
from domain.broker import RawTick

_SYMBOLS_PER_MESSAGE = 200
"""Five messages a second are taken: all that a socket may have is asked for in three."""


class Ticker(Protocol):
    """Reads messages of a market; raises ``ValueError`` or ``LookupError`` for one that is no tick of it."""

    def read(self, message: bytes) -> RawTick | None: ...


@dataclass(frozen=True, slots=True)
class Channel:
    """A socket's address, and the streams each symbol has there."""

    url: str
    streams: tuple[str, ...]


@dataclass(slots=True)
class Line:
    """A channel, open between ``open`` and the end of ``ticks``; ``malformed`` counts what could not be read."""

    wire: Wire
    channel: Channel
    silence_seconds: float
    malformed: int = 0
    _socket: Socket | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def open(self) -> Socket:
        """Open the socket; raises ``BrokerUnavailable``."""
        self._socket = await Socket.open(self.wire, self.channel.url, silence_seconds=self.silence_seconds)
        return self._socket

    async def ticks(self, socket: Socket, ticker: Ticker) -> AsyncGenerator[Sequence[RawTick], None]:
        """Yield each tick as it comes until the socket drops, then raise ``BrokerUnavailable``."""
        try:
            while True:
                tick = self._taken(await socket.receive(), ticker)
                if tick is not None:
                    yield [tick]
        finally:
            await self.aclose()

    async def ask(self, method: str, symbols: Sequence[str]) -> None:
        """Subscribe or unsubscribe; nothing is asked for while the socket is not open."""
        for start in range(0, len(symbols), _SYMBOLS_PER_MESSAGE):
            if self._socket is not None:
                streams = self._streams(symbols[start : start + _SYMBOLS_PER_MESSAGE])
                await self._socket.send({"method": method, "params": streams, "id": next(self._numbers)})

    async def aclose(self) -> None:
        """Close the socket; ``ticks`` then raises."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.aclose()

    def _streams(self, symbols: Sequence[str]) -> list[str]:
        return [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in self.channel.streams]

    def _taken(self, message: bytes, ticker: Ticker) -> RawTick | None:
        try:
            return ticker.read(message)
        except (ValueError, LookupError):
            self.malformed += 1
            return None
