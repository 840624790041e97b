"""One open socket: kept alive by our heartbeats, whole messages or ``BrokerUnavailable``."""

import time
from urllib.parse import urlencode

import aiohttp
import msgspec

from brokers.answers import refused_read
from brokers.mastertrust.access import Access
from brokers.mastertrust.answers import BROKER
from brokers.mastertrust.spec import SPEC
from brokers.transport import Wire
from domain.broker import BrokerUnavailable, Endpoint

SILENCE_SECONDS = 30.0
"""A market that trades moves long before: this long without a message is a dead socket, or a closed market."""

HEARTBEAT_SECONDS = 8.0
"""The documentation wants one every eight to ten seconds, busy or not."""

_PING_SECONDS = 10.0
_MESSAGE_LIMIT = 8_000_000
_HEARTBEAT = '{"a":"h","v":[],"m":""}'


class Socket:
    """A socket of one session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, silence_seconds: float) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds
        self._beaten_at = time.monotonic()

    @classmethod
    async def open(cls, wire: Wire, url: str, *, silence_seconds: float) -> "Socket":
        """Connect; raises ``SessionLost`` for a dead token, ``BrokerUnavailable`` for everything else."""
        try:
            socket = await wire.socket(url, heartbeat=_PING_SECONDS, max_message=_MESSAGE_LIMIT)
        except aiohttp.WSServerHandshakeError as error:
            text = "the socket was refused"
            refused = refused_read(SPEC, status=error.status, code="", message=text, what="socket", shown_code="SOCKET")
            raise refused from None
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The URL carries the token: only the kind of failure is told.
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from None
        return cls(socket, silence_seconds=silence_seconds)

    async def receive(self) -> bytes | str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        silent_at = time.monotonic() + self._silence_seconds
        while (left := silent_at - time.monotonic()) > 0:
            await self._keep_alive()
            try:
                return await self._next(min(left, HEARTBEAT_SECONDS))
            except TimeoutError:
                continue
        raise BrokerUnavailable("SILENT", f"{BROKER} socket: nothing for {self._silence_seconds} s")

    async def ask(self, action: str, values: list[list[int]] | list[str], mode: str) -> None:
        """Send one request; raises ``BrokerUnavailable``."""
        await self._send(msgspec.json.encode({"a": action, "v": values, "m": mode}).decode())

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()

    async def _next(self, seconds: float) -> bytes | str:
        message = await self._socket.receive(timeout=seconds)
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            content: bytes | str = message.data
            return content
        raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")

    async def _keep_alive(self) -> None:
        if time.monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self._beaten_at = time.monotonic()
            await self._send(_HEARTBEAT)

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error


def socket_url(access: Access, endpoint: Endpoint) -> str:
    """Return the socket's address; it carries the token, so it is never logged.

    Its documentation and its SDK call the token by different names: it goes under both.
    """
    query = urlencode({"login_id": access.client_id, "token": access.token, "access_token": access.token})
    return f"{endpoint.socket_url.rstrip('/')}/ws/v1/feeds?{query}"
