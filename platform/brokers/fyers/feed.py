"""Fyers' market socket. Nothing reconnects here: a socket that drops raises, and the caller decides.

It knows a client by a key that the access token holds, told in its first message: a handshake with an Authorization
header is accepted and never answered.
"""

import logging
from collections.abc import AsyncIterator, Sequence

from brokers.fyers import hsm
from brokers.fyers.answers import BROKER
from brokers.fyers.claims import claims_of
from brokers.fyers.connection import SILENCE_SECONDS, Socket
from brokers.fyers.spec import SPEC
from brokers.fyers.topics import is_topic
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost

log = logging.getLogger(__name__)


class FyersFeed:
    """One market socket in full mode."""

    def __init__(self, *, wire: Wire, url: str, access_token: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._wire = wire
        self._url = url
        self._access_token = access_token
        self._silence_seconds = silence_seconds
        self._topics: set[str] = set()
        self._socket: Socket | None = None
        self.malformed_messages = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a batch per message until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await Socket.open(
            self._wire,
            self._url,
            headers={},
            probe=hsm.full_mode_message(),
            silence_seconds=self._silence_seconds,
        )
        try:
            every = await self._sign_in(socket)
            self._socket = socket
            await socket.send(hsm.full_mode_message())
            await _send_topics(socket, hsm.SUBSCRIBE, sorted(self._topics))
            async for ticks in self._batches(socket, every):
                yield ticks
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [_checked(token) for token in dict.fromkeys(tokens) if token not in self._topics]
        if len(self._topics) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._topics.update(wanted)
        if self._socket is not None:
            await _send_topics(self._socket, hsm.SUBSCRIBE, wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._topics]
        self._topics.difference_update(dropped)
        if self._socket is not None:
            await _send_topics(self._socket, hsm.UNSUBSCRIBE, dropped)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    async def _sign_in(self, socket: Socket) -> int:
        """Return after how many data messages the socket wants to hear of one; raises ``SessionLost``."""
        await socket.send(hsm.auth_message(_key_of(self._access_token)))
        while True:
            message = await socket.receive()
            if isinstance(message, str) or hsm.kind_of(message) != hsm.AUTH:
                continue
            try:
                answer = hsm.read_answer(message)
            except ValueError as error:
                raise BrokerUnavailable("MALFORMED", f"{BROKER} socket: {error}") from error
            if not answer.is_ok:
                raise SessionLost("AUTH", f"{BROKER} socket: the sign-in was refused")
            return answer.acknowledge_every

    async def _batches(self, socket: Socket, every: int) -> AsyncIterator[Sequence[RawTick]]:
        topics, since = hsm.Topics(), 0
        while True:
            message = await socket.receive()
            if isinstance(message, str) or hsm.kind_of(message) != hsm.DATA:
                self._note(message)
                continue
            frame = topics.take(message)
            self.malformed_messages += frame.malformed
            since += 1
            if since == every:
                since = 0
                await socket.send(hsm.acknowledgement(frame.number))
            if frame.ticks:
                yield frame.ticks

    def _note(self, message: bytes | str) -> None:
        """Count what is no message of the socket, and tell of a request that was not obeyed."""
        try:
            if isinstance(message, str):
                raise ValueError("text")
            if hsm.kind_of(message) in (hsm.SUBSCRIBE, hsm.UNSUBSCRIBE) and not hsm.read_answer(message).is_ok:
                log.warning("the socket refused a request", extra={"broker": BROKER, "kind": hsm.kind_of(message)})
        except ValueError:
            self.malformed_messages += 1


def _key_of(access_token: str) -> str:
    """Return the socket's key; a token that holds none is sent as it is, and refused by the socket itself."""
    try:
        return claims_of(access_token).hsm_key or access_token
    except ValueError:
        return access_token


def _checked(token: str) -> str:
    if not is_topic(token):
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not like sf|nse_fo|54452")
    return token


async def _send_topics(socket: Socket, kind: int, topics: Sequence[str]) -> None:
    for message in hsm.topics_messages(kind, topics):
        await socket.send(message)
