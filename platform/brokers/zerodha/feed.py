"""Kite's WebSocket: market packets for the feed account, order updates for every account.

https://kite.trade/docs/connect/v3/websocket/. Nothing reconnects here: a socket that drops raises, and the
caller decides.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlencode

import aiohttp
import msgspec

from brokers.adapter import OnOrder
from brokers.answers import refused_read
from brokers.lots import LotSizeOf
from brokers.transport import Wire
from brokers.zerodha.access import Access
from brokers.zerodha.answers import BROKER
from brokers.zerodha.mapping import socket_order
from brokers.zerodha.spec import SPEC
from brokers.zerodha.ticker import decode
from domain.broker import BrokerError, BrokerUnavailable, Endpoint, RawTick
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

SILENCE_SECONDS = 10.0
"""Kite sends a heartbeat every second when no market moves: this long without a byte is a dead socket."""

_PING_SECONDS = 5.0
_MESSAGE_LIMIT = 8_000_000
_TOKENS_PER_MESSAGE = 500
_MODE = "full"


class _Text(msgspec.Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Socket:
    """One open socket: whole messages, or ``BrokerUnavailable`` once it is dead or silent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, silence_seconds: float) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds

    @classmethod
    async def open(cls, wire: Wire, url: str, *, silence_seconds: float) -> "_Socket":
        """Raises ``SessionLost`` for a dead token, ``BrokerUnavailable`` for everything else."""
        try:
            socket = await wire.socket(url, heartbeat=_PING_SECONDS, max_message=_MESSAGE_LIMIT)
        except aiohttp.WSServerHandshakeError as error:
            code = "TokenException" if error.status == 403 else f"HTTP_{error.status}"
            text = "the socket was refused"
            raise refused_read(SPEC, status=error.status, code=code, message=text, what="socket") from None
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The URL carries the token: only the kind of failure is told.
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from None
        return cls(socket, silence_seconds=silence_seconds)

    async def receive(self) -> bytes | str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        try:
            message = await self._socket.receive(timeout=self._silence_seconds)
        except TimeoutError as error:
            detail = f"{BROKER} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", detail) from error
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            content: bytes | str = message.data
            return content
        raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")

    async def send(self, message: str) -> None:
        """Send one text message; raises ``BrokerUnavailable``."""
        try:
            await self._socket.send_str(message)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()


class ZerodhaFeed:
    """One market-data socket in full mode; an order update that comes along is handed to ``on_order``."""

    def __init__(
        self,
        *,
        wire: Wire,
        url: str,
        lot_size_of: LotSizeOf,
        on_order: OnOrder | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._wire = wire
        self._url = url
        self._lot_size_of = lot_size_of
        self._on_order = on_order
        self._silence_seconds = silence_seconds
        self._tokens: set[str] = set()
        self._socket: _Socket | None = None
        self.malformed_packets = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a batch per frame until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await _Socket.open(self._wire, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            await _send_all(socket, _subscribe_messages(sorted(self._tokens)))
            while True:
                ticks = self._ticks(await socket.receive())
                if ticks:
                    yield ticks
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [_checked(token) for token in tokens if token not in self._tokens]
        if len(self._tokens) + len(set(wanted)) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _send_all(self._socket, _subscribe_messages(wanted))

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in tokens if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await _send_all(self._socket, _messages("unsubscribe", dropped))

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    def _ticks(self, message: bytes | str) -> list[RawTick]:
        if isinstance(message, str):
            self._hand_on(message)
            return []
        frame = decode(message)
        self.malformed_packets += frame.malformed
        return frame.ticks

    def _hand_on(self, message: str) -> None:
        order = _order_in(message, self._lot_size_of)
        if order is not None and self._on_order is not None:
            self._on_order(order)


class ZerodhaOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(
        self, *, wire: Wire, url: str, lot_size_of: LotSizeOf, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        self._wire = wire
        self._url = url
        self._lot_size_of = lot_size_of
        self._silence_seconds = silence_seconds
        self._socket: _Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await _Socket.open(self._wire, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            while True:
                message = await socket.receive()
                order = _order_in(message, self._lot_size_of) if isinstance(message, str) else None
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


def socket_url(access: Access, endpoint: Endpoint) -> str:
    """Return the socket's address; it carries the token, so it is never logged."""
    query = urlencode({"api_key": access.api_key, "access_token": access.access_token})
    return f"{endpoint.socket_url.rstrip('/')}?{query}"


def _order_in(message: str, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    try:
        text = msgspec.json.decode(message, type=_Text)
        if text.type == "order":
            return socket_order(text.data, lot_size_of)
    except (msgspec.MsgspecError, BrokerUnavailable) as error:
        log.warning("an unreadable socket message was left out", extra={"broker": BROKER, "detail": str(error)})
        return None
    if text.type == "error":
        detail = bytes(text.data)[:200].decode(errors="replace")
        log.warning("the socket reports an error", extra={"broker": BROKER, "detail": detail})
    return None


def _checked(token: str) -> str:
    if not (token.isascii() and token.isdigit()):
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not an instrument token")
    return token


def _subscribe_messages(tokens: Sequence[str]) -> Iterator[str]:
    for chunk in _chunks(tokens):
        yield _message("subscribe", chunk)
        yield _message("mode", [_MODE, chunk])


def _messages(action: str, tokens: Sequence[str]) -> Iterator[str]:
    return (_message(action, chunk) for chunk in _chunks(tokens))


def _message(action: str, value: object) -> str:
    return msgspec.json.encode({"a": action, "v": value}).decode()


def _chunks(tokens: Sequence[str]) -> Iterator[list[int]]:
    for start in range(0, len(tokens), _TOKENS_PER_MESSAGE):
        yield [int(token) for token in tokens[start : start + _TOKENS_PER_MESSAGE]]


async def _send_all(socket: _Socket, messages: Iterator[str]) -> None:
    for message in messages:
        await socket.send(message)
