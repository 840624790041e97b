"""One open socket of Binance's: whole text messages, or ``BrokerUnavailable`` once it is dead or silent."""

import aiohttp
import msgspec

from brokers.answers import refused_read
from brokers.binance.answers import BROKER
from brokers.binance.spec import SPEC
from brokers.transport import Wire
from domain.broker import BrokerUnavailable

SILENCE_SECONDS = 60.0
"""Binance pings every 20 seconds, and its tickers come every second: this long without a word is a dead socket."""

_PING_SECONDS = 15.0
_MESSAGE_LIMIT = 8_000_000


class Socket:
    """Opened by ``open``."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, silence_seconds: float | None) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds

    @classmethod
    async def open(cls, wire: Wire, url: str, *, silence_seconds: float | None) -> "Socket":
        """Raises ``BrokerUnavailable``; ``silence_seconds`` ``None`` waits as long as pings are answered."""
        try:
            socket = await wire.socket(url, heartbeat=_PING_SECONDS, max_message=_MESSAGE_LIMIT)
        except aiohttp.WSServerHandshakeError as error:
            code, text = f"HTTP_{error.status}", "the socket was refused"
            raise refused_read(SPEC, status=error.status, code=code, message=text, what="socket") from None
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from error
        return cls(socket, silence_seconds=silence_seconds)

    async def receive(self) -> bytes:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        try:
            message = await self._socket.receive(timeout=self._silence_seconds)
        except TimeoutError as error:
            detail = f"{BROKER} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", detail) from error
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")

    async def send(self, message: object) -> None:
        """Send one message as JSON; raises ``BrokerUnavailable``."""
        try:
            await self._socket.send_str(msgspec.json.encode(message).decode())
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()
