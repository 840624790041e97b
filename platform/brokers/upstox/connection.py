"""One open socket of Upstox: authorised over HTTP, whole messages, or ``BrokerUnavailable`` once it is dead or silent.

https://upstox.com/developer/api-documentation/v3/get-market-data-feed-authorize/. The token goes to the HTTP host only:
its answer names the socket, whose address holds a code that opens it once.
"""

from collections.abc import Awaitable, Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec

from brokers.payloads import decoded, malformed
from brokers.transport import ORDER_BODY_LIMIT, Wire, WireRequest
from brokers.upstox.answers import BROKER, read_data
from domain.broker import BrokerUnavailable

SILENCE_SECONDS = 60.0
"""Where there is nothing to say, Upstox pings now and then: this long without either is a dead socket."""

_NO_PINGS = 86_400.0
"""The pings are Upstox's: an answer to one of ours would make a socket that carries nothing look alive."""

_MESSAGE_LIMIT = 8_000_000
_WHAT = "socket"
_SECURE: Mapping[str, frozenset[str]] = {"https": frozenset({"wss"}), "http": frozenset({"ws", "wss"})}


class _Authorized(msgspec.Struct):
    authorized_redirect_uri: str


class Socket:
    """A socket that is open."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, silence_seconds: float) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds

    @classmethod
    async def open(cls, wire: Wire, request: WireRequest, *, silence_seconds: float) -> "Socket":
        """Ask for an address and connect to it.

        Raises ``SessionLost`` for a dead token, ``BrokerError`` for everything else.
        """
        answer = await wire.read(request, broker=BROKER, limit=ORDER_BODY_LIMIT)
        url = _address(read_data(answer, what=_WHAT), request)
        try:
            socket = await wire.socket(url, heartbeat=_NO_PINGS, max_message=_MESSAGE_LIMIT, autoping=False)
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The URL carries a code: only the kind of failure is told.
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from None
        return cls(socket, silence_seconds=silence_seconds)

    async def receive(self) -> bytes | str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        while True:
            message = await self._next()
            if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                content: bytes | str = message.data
                return content
            if message.type is aiohttp.WSMsgType.PING:
                await self._sent(self._socket.pong(message.data))
            elif message.type is not aiohttp.WSMsgType.PONG:
                raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")

    async def send(self, message: bytes) -> None:
        """Send one binary message; raises ``BrokerUnavailable``."""
        await self._sent(self._socket.send_bytes(message))

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()

    async def _next(self) -> aiohttp.WSMessage:
        try:
            return await self._socket.receive(timeout=self._silence_seconds)
        except TimeoutError as error:
            text = f"{BROKER} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", text) from error

    async def _sent(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error


def _address(data: msgspec.Raw, request: WireRequest) -> str:
    """Return where to connect; raises ``BrokerUnavailable`` for an address that is less secure than what named it."""
    url = decoded(data, _Authorized, broker=BROKER, what=_WHAT).authorized_redirect_uri
    if urlsplit(url).scheme not in _SECURE[urlsplit(request.url).scheme]:
        raise malformed(BROKER, _WHAT, "the address it names is no secure socket")
    return url
