"""One open socket: signed in, kept alive, whole messages or ``BrokerUnavailable``."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import msgspec

from brokers.noren.ticker import read_message
from brokers.transport import Wire
from domain.broker import BrokerUnavailable, SessionLost

SILENCE_SECONDS = 20.0
"""Asked for a sign of life after half of it, the broker answers at once: this long of nothing is a dead socket."""

HEARTBEAT_SECONDS = 25.0
"""The documentation wants one every 30 s, busy or not."""

NO_PINGS = 86_400.0
"""The family's sign of life is a message of its own; whether its servers answer WebSocket pings is not documented."""

Fields = Mapping[str, str]

_MESSAGE_LIMIT = 8_000_000
_KEYS_PER_MESSAGE = 100
_SIGN_IN_ANSWERS = frozenset({"ak", "ck", "cf"})
_REPLACED = 1000
"""How the broker closes the first socket of a session that opens a second one."""


def signed_in(text: str) -> bool:
    """Read the answer to a sign-in; raises ``ValueError`` for what is none."""
    answer = read_message(text)
    if answer.t not in _SIGN_IN_ANSWERS:
        raise ValueError(f"{answer.t!r} is no answer to a sign-in")
    return "OK" in (answer.s, answer.k)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a socket is talked to: what differs between the members.

    ``hello`` signs in, ``heartbeat`` keeps the socket open. ``nudge`` is said where the broker says nothing; where
    ``answers_nudges``, one that still says nothing is dead, elsewhere only a ping that is not answered within
    ``ping_seconds`` tells that.
    """

    broker: str
    hello: Fields = field(repr=False)
    heartbeat: Fields
    nudge: Callable[[], Fields]
    is_welcome: Callable[[str], bool] = signed_in
    answers_nudges: bool = True
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    ping_seconds: float = NO_PINGS


class Socket:
    """A socket of one session; the broker closes it when the same session opens another one."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, manner: Manner, *, silence_seconds: float) -> None:
        self._socket = socket
        self._manner = manner
        self._silence_seconds = silence_seconds
        self._beaten_at = time.monotonic()

    @classmethod
    async def open(cls, wire: Wire, url: str, manner: Manner, *, silence_seconds: float) -> "Socket":
        """Connect and sign in; raises ``SessionLost`` for a dead token, ``BrokerUnavailable`` for everything else."""
        broker = manner.broker
        try:
            opened = await wire.socket(url, heartbeat=manner.ping_seconds, max_message=_MESSAGE_LIMIT)
        except TimeoutError as error:
            raise BrokerUnavailable("TIMEOUT", f"{broker} socket: no handshake in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BrokerUnavailable("NO_CONNECTION", f"{broker} socket: {type(error).__name__}") from error
        socket = cls(opened, manner, silence_seconds=silence_seconds)
        try:
            await socket._sign_in()
        except BaseException:
            await socket.aclose()
            raise
        return socket

    async def receive(self) -> str:
        """Return the next message; raises ``BrokerUnavailable`` with code ``SILENT`` or ``DROPPED``."""
        is_nudged = False
        while True:
            if time.monotonic() - self._beaten_at > self._manner.heartbeat_seconds:
                await self._say(self._manner.heartbeat)
            try:
                return await self._next()
            except TimeoutError as error:
                if is_nudged and self._manner.answers_nudges:
                    text = f"{self._manner.broker} socket: nothing for {self._silence_seconds} s"
                    raise BrokerUnavailable("SILENT", text) from error
            await self._say(self._manner.nudge())
            is_nudged = True

    async def send(self, **fields: str) -> None:
        """Send one message; raises ``BrokerUnavailable``."""
        await self._say(fields)

    async def subscribe(self, keys: Sequence[str]) -> None:
        """Ask for touchlines of ``NFO|54452`` and the like; raises ``BrokerUnavailable``."""
        await self.send_keys("t", keys)

    async def unsubscribe(self, keys: Sequence[str]) -> None:
        """Ask for them no more; raises ``BrokerUnavailable``."""
        await self.send_keys("u", keys)

    async def send_keys(self, kind: str, keys: Sequence[str]) -> None:
        """Send a message about contracts, in parts where they are many; raises ``BrokerUnavailable``."""
        for part in _parts(keys):
            await self.send(t=kind, k=part)

    async def aclose(self) -> None:
        """Close it."""
        await self._socket.close()

    async def _sign_in(self) -> None:
        await self._say(self._manner.hello)
        try:
            is_welcome = self._manner.is_welcome(await self.receive())
        except ValueError as error:
            raise BrokerUnavailable("MALFORMED", f"{self._manner.broker} socket: {error}") from error
        if not is_welcome:
            raise SessionLost("Session Expired", f"{self._manner.broker} socket: the sign-in was refused")

    async def _next(self) -> str:
        message = await self._socket.receive(timeout=self._silence_seconds / 2)
        if message.type is aiohttp.WSMsgType.TEXT:
            text: str = message.data
            return text
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else self._socket.close_code
        hint = " (another socket of the same session?)" if code == _REPLACED else ""
        raise BrokerUnavailable("DROPPED", f"{self._manner.broker} socket: closed with {code}{hint}")

    async def _say(self, fields: Fields) -> None:
        if fields == self._manner.heartbeat:
            self._beaten_at = time.monotonic()
        try:
            await self._socket.send_str(msgspec.json.encode(fields).decode())
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise BrokerUnavailable("DROPPED", f"{self._manner.broker} socket: {type(error).__name__}") from error


def _parts(keys: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(keys), _KEYS_PER_MESSAGE):
        yield "#".join(keys[start : start + _KEYS_PER_MESSAGE])
