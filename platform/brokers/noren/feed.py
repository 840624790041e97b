"""Noren's socket in our terms: prices for the feed account, order updates for every account.

Nothing reconnects here: a socket that drops raises, and the caller decides. A session has one socket only, so the feed
hands on the order updates that come along, and an account that trades should not be the one that feeds.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from brokers.adapter import OnOrder
from brokers.lots import LotSizeOf
from brokers.noren.access import Access
from brokers.noren.connection import SILENCE_SECONDS, Manner, Socket
from brokers.noren.mapping import socket_order
from brokers.noren.ticker import Message, Touchlines, read_message
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerSpec, BrokerUnavailable, RawTick
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_HEARTBEAT = {"t": "h"}


class PriceSocket(Protocol):
    """What a feed needs of an open socket; all of it raises ``BrokerUnavailable``."""

    async def receive(self) -> str: ...
    async def subscribe(self, keys: Sequence[str]) -> None: ...
    async def unsubscribe(self, keys: Sequence[str]) -> None: ...
    async def aclose(self) -> None: ...


class TouchlineFeed(ABC):
    """The touchlines of a socket of the family, however it is opened; ``malformed_messages`` counts unusable ones."""

    def __init__(self, spec: BrokerSpec) -> None:
        self._spec = spec
        self._tokens: set[str] = set()
        self._socket: PriceSocket | None = None
        self.malformed_messages = 0

    @abstractmethod
    async def dial(self) -> PriceSocket:
        """Return an open, signed-in socket; raises ``BrokerError``."""

    @abstractmethod
    async def hang_up(self) -> None:
        """Close what is held beyond the socket."""

    def overheard(self, message: Message, text: str) -> None:  # noqa: B027 -- most sockets carry nothing else
        """Take a message that is no price."""

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield each tick as it comes until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await self.dial()
        self._socket, touchlines = socket, Touchlines()
        try:
            await socket.subscribe(sorted(self._tokens))
            while True:
                tick = self._taken(await socket.receive(), touchlines)
                if tick is not None:
                    yield [tick]
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        spec = self._spec
        wanted = [checked_key(token, spec.slug) for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(wanted) > spec.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{spec.slug} socket: at most {spec.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await self._socket.subscribe(wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await self._socket.unsubscribe(dropped)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self.hang_up()

    def _taken(self, text: str, touchlines: Touchlines) -> RawTick | None:
        message = _message_in(text, self._spec.slug)
        if message is None:
            self.malformed_messages += 1
            return None
        self.overheard(message, text)
        before = touchlines.malformed
        tick = touchlines.take(message)
        self.malformed_messages += touchlines.malformed - before
        return tick


class NorenFeed(TouchlineFeed):
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
        super().__init__(access.member.spec)
        self._wire = wire
        self._access = access
        self._url = url
        self._lot_size_of = lot_size_of
        self._on_order = on_order
        self._silence_seconds = silence_seconds or SILENCE_SECONDS

    async def dial(self) -> PriceSocket:
        """Open a socket that tells orders as well."""
        return await _opened(self._wire, self._access, self._url, silence_seconds=self._silence_seconds)

    async def hang_up(self) -> None:
        """Close the HTTP session."""
        await self._wire.aclose()

    def overheard(self, message: Message, text: str) -> None:
        """Hand an order update on."""
        if message.t != "om" or self._on_order is None:
            return
        order = _order_in(text, self._access, self._lot_size_of)
        if order is not None:
            self._on_order(order)


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
        socket = await _opened(self._wire, self._access, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
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


def checked_key(token: str, broker: str) -> str:
    """Return a contract's name on the socket; raises ``BrokerError`` with code ``TOKEN`` for what is none."""
    exchange, _, number = token.partition("|")
    if not (exchange.isascii() and exchange.isalpha() and number.isascii() and number.isdigit()):
        raise BrokerError("TOKEN", f"{broker} socket: {token!r} is not like NFO|54452")
    return token


async def _opened(wire: Wire, access: Access, url: str, *, silence_seconds: float) -> Socket:
    """Return a socket of the account that tells its orders."""
    user = access.user
    manner = Manner(
        broker=access.member.slug,
        hello={"t": "a", "uid": user, "actid": user, "source": "API", "accesstoken": access.token},
        heartbeat=_HEARTBEAT,
        nudge=lambda: _HEARTBEAT,
    )
    socket = await Socket.open(wire, url, manner, silence_seconds=silence_seconds)
    await socket.send(t="o", actid=user)
    return socket
