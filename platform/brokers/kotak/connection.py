"""One open socket of Kotak's: whole messages, or ``BrokerUnavailable`` once it is dead or silent."""

import aiohttp
import msgspec

from brokers.kotak.spec import SPEC
from brokers.transport import Wire
from domain.broker import BrokerUnavailable

_PING_SECONDS = 20.0
_MESSAGE_LIMIT = 8_000_000


class Socket:
    """A socket that is not signed in yet; how that is done differs between Kotak's two."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, wire: Wire, url: str) -> "Socket":
        """Connect; raises ``BrokerUnavailable``."""
        try:
            return cls(await wire.socket(url, heartbeat=_PING_SECONDS, max_message=_MESSAGE_LIMIT))
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{SPEC.slug} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokerUnavailable("NO_CONNECTION", f"{SPEC.slug} socket: {type(error).__name__}") from error

    async def receive(self, *, within: float | None) -> bytes | str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``DROPPED``, or ``SILENT`` when time is up.

        ``None`` waits as long as the connection itself is alive.
        """
        try:
            message = await self._socket.receive(timeout=within)
        except TimeoutError as error:
            raise BrokerUnavailable("SILENT", f"{SPEC.slug} socket: nothing for {within} s") from error
        if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            content: bytes | str = message.data
            return content
        raise BrokerUnavailable("DROPPED", f"{SPEC.slug} socket: closed with {self._socket.close_code}")

    async def say(self, **fields: object) -> None:
        """Send one message; raises ``BrokerUnavailable``."""
        await self.send(msgspec.json.encode(fields).decode())

    async def send(self, text: str) -> None:
        """Send a text as it is; raises ``BrokerUnavailable``."""
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{SPEC.slug} socket: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()
