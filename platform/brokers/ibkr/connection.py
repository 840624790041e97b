"""One open socket of a session: signed in by the cookie a tickle gives, kept alive, whole messages or an error."""

import time
from urllib.parse import urlencode

import aiohttp

from brokers.ibkr.access import Access
from brokers.ibkr.answers import BROKER
from brokers.ibkr.pulse import tickle
from brokers.rest import RestAccount
from domain.broker import BrokerUnavailable, SessionLost

SILENCE_SECONDS = 30.0
"""IBKR sends a heartbeat every ten seconds or so: this long of nothing is a dead socket."""

BEAT_SECONDS = 50.0
"""The session wants to be asked for at least once a minute."""

_NO_PINGS = 86_400.0
"""The sign of life is a message of its own; whether IBKR answers WebSocket pings is not documented."""

_MESSAGE_LIMIT = 8_000_000
_BEAT = "tic"
_BROWSER = "ClientPortalGW/1"
_REFUSED = frozenset({401, 403})


class Socket:
    """A socket of one account."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, silence_seconds: float) -> None:
        self._socket = socket
        self._silence_seconds = silence_seconds
        self._beaten_at = time.monotonic()

    @classmethod
    async def open(cls, account: RestAccount[Access], url: str, *, silence_seconds: float) -> "Socket":
        """Connect; raises ``SessionLost`` for a dead session, another ``BrokerError`` for everything else."""
        session = (await tickle(account)).session
        headers = {"Cookie": f"api={session}", "User-Agent": _BROWSER}
        address = f"{url.rstrip('/')}?{urlencode({'oauth_token': account.access.oauth_token})}"
        try:
            opened = await account.wire.socket(
                address, heartbeat=_NO_PINGS, max_message=_MESSAGE_LIMIT, headers=headers
            )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in _REFUSED:
                raise SessionLost(f"HTTP_{error.status}", f"{BROKER} socket: the session was refused") from None
            raise BrokerUnavailable(f"HTTP_{error.status}", f"{BROKER} socket: it was refused") from None
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The address carries the token: only the kind of failure is told.
            raise BrokerUnavailable("NO_CONNECTION", f"{BROKER} socket: {type(error).__name__}") from None
        return cls(opened, silence_seconds=silence_seconds)

    async def receive(self) -> str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        if time.monotonic() - self._beaten_at > BEAT_SECONDS:
            self._beaten_at = time.monotonic()
            await self.send(_BEAT)
        try:
            message = await self._socket.receive(timeout=self._silence_seconds)
        except TimeoutError as error:
            text = f"{BROKER} socket: nothing for {self._silence_seconds} s"
            raise BrokerUnavailable("SILENT", text) from error
        if message.type is aiohttp.WSMsgType.TEXT:
            text_message: str = message.data
            return text_message
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data).decode(errors="replace")
        raise BrokerUnavailable("DROPPED", f"{BROKER} socket: closed with {self._socket.close_code}")

    async def send(self, message: str) -> None:
        """Send one message; raises ``BrokerUnavailable``."""
        try:
            await self._socket.send_str(message)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{BROKER} socket: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()
