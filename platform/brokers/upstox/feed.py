"""Upstox's two sockets: prices for the feed account, order updates for every account.

https://upstox.com/developer/api-documentation/v3/get-market-data-feed/. Nothing reconnects here: a socket that drops
raises, and the caller decides.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import uuid4

import msgspec

from brokers.lots import LotSizeOf
from brokers.rest import RestAccount
from brokers.upstox.access import Access
from brokers.upstox.answers import BROKER
from brokers.upstox.connection import SILENCE_SECONDS, Socket
from brokers.upstox.mapping import socket_order
from brokers.upstox.names import feed_key
from brokers.upstox.spec import SPEC
from brokers.upstox.ticker import decode
from domain.broker import BrokerError, BrokerUnavailable, RawTick
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_MODE = "full"
_KEYS_PER_MESSAGE = 500


class UpstoxFeed:
    """One market-data socket in full mode."""

    def __init__(self, account: RestAccount[Access], *, silence_seconds: float | None = None) -> None:
        self._account = account
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._tokens: set[str] = set()
        self._socket: Socket | None = None
        self.malformed_parts = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a batch per message until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        request = self._account.access.market_socket()
        socket = await Socket.open(self._account.wire, request, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            await _send_all(socket, _messages("sub", sorted(self._tokens)))
            while True:
                ticks = self._ticks(await socket.receive())
                if ticks:
                    yield ticks
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [feed_key(token, BROKER) for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _send_all(self._socket, _messages("sub", wanted))

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await _send_all(self._socket, _messages("unsub", dropped))

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._account.wire.aclose()

    def _ticks(self, message: bytes | str) -> list[RawTick]:
        if isinstance(message, str):
            self.malformed_parts += 1
            return []
        frame = decode(message)
        self.malformed_parts += frame.malformed
        return frame.ticks


class UpstoxOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(self, account: RestAccount[Access], *, silence_seconds: float | None = None) -> None:
        self._account = account
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        request = self._account.access.order_socket()
        socket = await Socket.open(self._account.wire, request, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            while True:
                order = _order_in(await socket.receive(), self._account.lot_size_of)
                if order is not None:
                    yield order
        finally:
            self._socket = None
            await socket.aclose()

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._account.wire.aclose()


def _order_in(message: bytes | str, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    text = message if isinstance(message, bytes) else message.encode()
    try:
        return socket_order(text, lot_size_of)
    except BrokerUnavailable as error:
        log.warning("an unreadable socket message was left out", extra={"broker": BROKER, "detail": str(error)})
        return None


def _messages(method: str, keys: Sequence[str]) -> Iterator[bytes]:
    """Requests are JSON in binary messages."""
    for start in range(0, len(keys), _KEYS_PER_MESSAGE):
        data = {"mode": _MODE, "instrumentKeys": keys[start : start + _KEYS_PER_MESSAGE]}
        yield msgspec.json.encode({"guid": uuid4().hex, "method": method, "data": data})


async def _send_all(socket: Socket, messages: Iterator[bytes]) -> None:
    for message in messages:
        await socket.send(message)
