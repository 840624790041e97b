"""One open socket: signed in, kept alive, whole messages or ``BrokerUnavailable``."""

import time

import aiohttp
import msgspec

from brokers.noren.access import Access
from brokers.noren.ticker import read_message
from brokers.transport import Wire
from domain.broker import BrokerUnavailable, SessionLost

SILENCE_SECONDS = 20.0
"""Asked for a sign of life after half of it, the broker answers at once: this long of nothing is a dead socket."""

HEARTBEAT_SECONDS = 25.0
"""The documentation wants one every 30 s, busy or not."""

_NO_PINGS = 86_400.0
"""The family's sign of life is a message of its own; whether its servers answer WebSocket pings is not documented."""

_MESSAGE_LIMIT = 8_000_000
_HEARTBEAT = '{"t":"h"}'
_REPLACED = 1000
"""How the broker closes the first socket of a session that opens a second one."""


class Socket:
    """A socket of one session; the broker closes it when the same session opens another one."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, broker: str, silence_seconds: float) -> None:
        self._socket = socket
        self._broker = broker
        self._silence_seconds = silence_seconds
        self._beaten_at = time.monotonic()

    @classmethod
    async def open(cls, wire: Wire, access: Access, url: str, *, silence_seconds: float) -> "Socket":
        """Connect and sign in; raises ``SessionLost`` for a dead token, ``BrokerUnavailable`` for everything else."""
        broker = access.member.slug
        try:
            opened = await wire.socket(url, heartbeat=_NO_PINGS, max_message=_MESSAGE_LIMIT)
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{broker} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokerUnavailable("NO_CONNECTION", f"{broker} socket: {type(error).__name__}") from error
        socket = cls(opened, broker=broker, silence_seconds=silence_seconds)
        try:
            await socket._sign_in(access)
        except BaseException:
            await socket.aclose()
            raise
        return socket

    async def receive(self) -> str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        if time.monotonic() - self._beaten_at > HEARTBEAT_SECONDS:
            await self._beat()
        try:
            return await self._next()
        except TimeoutError:
            await self._beat()
        try:
            return await self._next()
        except TimeoutError as error:
            text = f"{self._broker} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", text) from error

    async def send(self, **fields: str) -> None:
        """Send one message; raises ``BrokerUnavailable``."""
        await self._send_text(msgspec.json.encode(fields).decode())

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()

    async def _sign_in(self, access: Access) -> None:
        await self.send(t="a", uid=access.user, actid=access.user, source="API", accesstoken=access.token)
        try:
            answer = read_message(await self.receive())
        except ValueError as error:
            raise BrokerUnavailable("MALFORMED", f"{self._broker} socket: {error}") from error
        if answer.t not in ("ak", "ck"):
            raise BrokerUnavailable("MALFORMED", f"{self._broker} socket: {answer.t!r} is no answer to a sign-in")
        if answer.s != "OK":
            raise SessionLost("Session Expired", f"{self._broker} socket: the sign-in was refused")

    async def _next(self) -> str:
        message = await self._socket.receive(timeout=self._silence_seconds / 2)
        if message.type is aiohttp.WSMsgType.TEXT:
            text: str = message.data
            return text
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else self._socket.close_code
        hint = " (another socket of the same session?)" if code == _REPLACED else ""
        raise BrokerUnavailable("DROPPED", f"{self._broker} socket: closed with {code}{hint}")

    async def _beat(self) -> None:
        self._beaten_at = time.monotonic()
        await self._send_text(_HEARTBEAT)

    async def _send_text(self, text: str) -> None:
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{self._broker} socket: {type(error).__name__}") from error
