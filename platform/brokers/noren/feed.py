"""Noren's socket in our terms: prices for the feed account, order updates for every account.

Nothing reconnects here: a socket that drops raises, and the caller decides. A session has one socket only, so the feed
hands on the order updates that come along, and an account that trades should not be the one that feeds.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from brokers.adapter import OnOrder
from brokers.lots import LotSizeOf
from brokers.noren.access import Access
from brokers.noren.connection import SILENCE_SECONDS, Socket
from brokers.noren.mapping import socket_order
from brokers.noren.ticker import Message, Touchlines, read_message
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable, RawTick
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_KEYS_PER_MESSAGE = 100


class NorenFeed:
    """One socket of touchlines; order updates that come along are handed to ``on_order``."""

    def __init__(
        self,
        *,
        wire: Wire,
        access: Access,
        url: str,
        lot_size_of: LotSizeOf,
        on_order: OnOrder | None = None,
        silence_seconds: float | None = None,
    ) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._lot_size_of = lot_size_of
        self._on_order = on_order
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._tokens: set[str] = set()
        self._socket: Socket | None = None
        self.malformed_messages = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield each tick as it comes until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await Socket.open(self._wire, self._access, self._url, silence_seconds=self._silence_seconds)
        self._socket, touchlines = socket, Touchlines()
        try:
            await socket.send(t="o", actid=self._access.user)
            await _send_keys(socket, "t", sorted(self._tokens))
            while True:
                tick = self._taken(await socket.receive(), touchlines)
                if tick is not None:
                    yield [tick]
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        spec = self._access.member.spec
        wanted = [_checked(token, spec.slug) for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(wanted) > spec.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{spec.slug} socket: at most {spec.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _send_keys(self._socket, "t", wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await _send_keys(self._socket, "u", dropped)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    def _taken(self, text: str, touchlines: Touchlines) -> RawTick | None:
        message = _message_in(text, self._access.member.slug)
        if message is None:
            self.malformed_messages += 1
            return None
        if message.t == "om" and self._on_order is not None:
            order = _order_in(text, self._access, self._lot_size_of)
            if order is not None:
                self._on_order(order)
            return None
        before = touchlines.malformed
        tick = touchlines.take(message)
        self.malformed_messages += touchlines.malformed - before
        return tick


class NorenOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(
        self,
        *,
        wire: Wire,
        access: Access,
        url: str,
        lot_size_of: LotSizeOf,
        silence_seconds: float | None = None,
    ) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._lot_size_of = lot_size_of
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(self._wire, self._access, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            await socket.send(t="o", actid=self._access.user)
            while True:
                text = await socket.receive()
                message = _message_in(text, self._access.member.slug)
                is_order = message is not None and message.t == "om"
                order = _order_in(text, self._access, self._lot_size_of) if is_order else None
                if order is not None:
                    yield order
        finally:
            self._socket = None
            await socket.aclose()

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()


def _message_in(text: str, broker: str) -> Message | None:
    try:
        return read_message(text)
    except ValueError as error:
        log.warning("an unreadable socket message was left out", extra={"broker": broker, "detail": str(error)})
        return None


def _order_in(text: str, access: Access, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    try:
        return socket_order(access.member.spec, text.encode(), lot_size_of)
    except (BrokerUnavailable, msgspec.MsgspecError) as error:
        detail = {"broker": access.member.slug, "detail": str(error)}
        log.warning("an unreadable order update was left out", extra=detail)
        return None


def _checked(token: str, broker: str) -> str:
    exchange, _, number = token.partition("|")
    if not (exchange.isascii() and exchange.isalpha() and number.isascii() and number.isdigit()):
        raise BrokerError("TOKEN", f"{broker} socket: {token!r} is not like NFO|54452")
    return token


def _chunks(tokens: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(tokens), _KEYS_PER_MESSAGE):
        yield "#".join(tokens[start : start + _KEYS_PER_MESSAGE])


async def _send_keys(socket: Socket, kind: str, tokens: Sequence[str]) -> None:
    for keys in _chunks(tokens):
        await socket.send(t=kind, k=keys)
