"""One open socket of Fyers: whole messages, or ``BrokerUnavailable`` once it is dead or silent."""

from collections.abc import Mapping

import aiohttp

from brokers.fyers.answers import BROKER
from brokers.transport import Wire
from domain.broker import BrokerUnavailable, SessionLost

SILENCE_SECONDS = 20.0
"""Asked for a sign of life after half of it, Fyers answers at once: this long of nothing is a dead socket."""

_PING_SECONDS = 30.0
_MESSAGE_LIMIT = 8_000_000
_REFUSED = (401, 403)
_TYPES = (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT)


class Socket:
    """A socket that is asked for a sign of life when it falls silent, by a ``probe`` that is always answered."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, probe: bytes | str, silence_seconds: float) -> None:
        self._socket = socket
        self._probe = probe
        self._silence_seconds = silence_seconds

    @classmethod
    async def open(
        cls, wire: Wire, url: str, *, headers: Mapping[str, str], probe: bytes | str, silence_seconds: float
    ) -> "Socket":
        """Connect; raises ``SessionLost`` where the handshake is refused, else ``BrokerUnavailable``."""
        try:
            socket = await wire.socket(url, heartbeat=_PING_SECONDS, max_message=_MESSAGE_LIMIT, headers=headers)
        except aiohttp.WSServerHandshakeError as error:
            kind = SessionLost if error.status in _REFUSED else BrokerUnavailable
            raise kind(f"HTTP_{error.status}", f"{BROKER} socket: the handshake was refused") from error
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from error
        return cls(socket, probe=probe, silence_seconds=silence_seconds)

    async def receive(self) -> bytes | str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        try:
            return await self._next()
        except TimeoutError:
            await self.send(self._probe)
        try:
            return await self._next()
        except TimeoutError as error:
            text = f"{BROKER} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", text) from error

    async def send(self, message: bytes | str) -> None:
        """Send one message; raises ``BrokerUnavailable``."""
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()

    async def _next(self) -> bytes | str:
        message = await self._socket.receive(timeout=self._silence_seconds / 2)
        if message.type in _TYPES:
            content: bytes | str = message.data
            return content
        raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")
