"""Reading a Redis channel at full speed: the socket's bytes go straight to hiredis, no client in between.

A subscription hears nothing while its connection is down, and says so (``gaps``): whoever must miss nothing
re-reads what it needs from the last prices or from Postgres.
"""

import asyncio
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

import hiredis
import msgspec
from django.conf import settings
from redis.connection import parse_url

from bus.connection import CONNECT_SECONDS

T = TypeVar("T")
log = logging.getLogger(__name__)

PING_SECONDS = 5.0
SILENCE_SECONDS = 15.0  # three unanswered pings: the other side is gone, whatever the socket says
LONGEST_WAIT_SECONDS = 1.0
MOST_WAITING = 50_000  # messages; a reader this far behind loses the oldest instead of the process its memory

Address = dict[str, Any]


class _Inbox(asyncio.Protocol):
    """One connection: what it hears goes to the owner's queue."""

    def __init__(self, owner: "Subscriber") -> None:
        self._owner = owner
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self.heard_at = asyncio.get_running_loop().time()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self._reader.feed(data)
        try:
            self._owner.take(self._replies())
        except (hiredis.ProtocolError, hiredis.ReplyError) as error:
            log.warning("the bus answered nonsense, reconnecting", extra={"reason": str(error)})
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def send(self, *words: str) -> None:
        if self._transport is not None:
            self._transport.write(hiredis.pack_command(cast(Any, words)))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _replies(self) -> list[bytes]:
        found: list[bytes] = []
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.ReplyError):
                raise reply
            if not isinstance(reply, list):
                continue
            if reply[0] == b"message":
                found.append(reply[2])
            elif reply[0] == b"subscribe":
                self._owner.connected.set()
        return found


class Subscriber:
    """The messages of one channel, newest connection or not; ``async for`` yields all that wait, as a list.

    Cancelling a wait loses nothing. ``gaps`` counts lost connections, ``lost`` messages a slow reader missed.
    """

    def __init__(self, channel: str, *, url: str = "") -> None:
        self._channel = channel
        self._address: Address = dict(parse_url(url or settings.REDIS_BUS_URL))
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()
        self.gaps = 0
        self.lost = 0

    def __aiter__(self) -> "Subscriber":
        return self

    async def __anext__(self) -> list[bytes]:
        self.start()
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        found = list(self._waiting)
        self._waiting.clear()
        return found

    def start(self) -> None:
        """Begin to listen; ``connected`` is set once the server confirmed a connection."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name=f"bus-{self._channel}")

    async def aclose(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def take(self, messages: Sequence[bytes]) -> None:
        """Queue what a connection heard."""
        self._waiting.extend(messages)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        if messages:
            self._arrived.set()

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                inbox = await self._connect()
            except (OSError, TimeoutError) as error:
                failures += 1
                log.warning("the bus cannot be reached", extra={"channel": self._channel, "reason": str(error)})
            else:
                failures = 0
                await self._listen(inbox)
                self.gaps += 1
            longest = min(LONGEST_WAIT_SECONDS, 0.05 * 2 ** min(failures, 6))
            await asyncio.sleep(longest * random.uniform(0.5, 1.0))

    async def _connect(self) -> _Inbox:
        loop = asyncio.get_running_loop()
        make = partial(_Inbox, self)
        async with asyncio.timeout(CONNECT_SECONDS):
            if path := self._address.get("path"):
                _, inbox = await loop.create_unix_connection(make, path)
            else:
                host, port = self._address.get("host", "localhost"), self._address.get("port", 6379)
                _, inbox = await loop.create_connection(make, host, port, ssl=self._tls())
        return inbox

    def _tls(self) -> ssl.SSLContext | None:
        secured = "SSL" in getattr(self._address.get("connection_class"), "__name__", "")
        return ssl.create_default_context() if secured else None

    async def _listen(self, inbox: _Inbox) -> None:
        if password := self._address.get("password"):
            inbox.send("AUTH", *filter(None, (self._address.get("username"), password)))
        inbox.send("SUBSCRIBE", self._channel)
        try:
            while not inbox.closed.done():
                await asyncio.wait({inbox.closed}, timeout=PING_SECONDS)
                if asyncio.get_running_loop().time() - inbox.heard_at > SILENCE_SECONDS:
                    return
                inbox.send("PING")
        finally:
            self.connected.clear()
            inbox.close()


class Stream(Generic[T]):
    """A channel's messages, decoded: ``async for`` yields everything that waits as one list, oldest first.

    ``decode`` turns a message into its parts and raises ``MsgspecError`` for one that is none of ours;
    ``garbage`` counts those. A wait may be cancelled without loss.
    """

    def __init__(self, channel: str, decode: Callable[[bytes], list[T]], *, url: str = "") -> None:
        self._subscriber = Subscriber(channel, url=url)
        self._decode = decode
        self.garbage = 0

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> list[T]:
        while True:
            found: list[T] = []
            for message in await anext(self._subscriber):
                try:
                    found += self._decode(message)
                except msgspec.MsgspecError:
                    self.garbage += 1
            if found:
                return found

    @property
    def gaps(self) -> int:
        """Connections lost so far; what was said in between was not heard."""
        return self._subscriber.gaps

    @property
    def lost(self) -> int:
        """Messages dropped because the reader was too slow."""
        return self._subscriber.lost

    async def ready(self) -> None:
        """Wait until the subscription is in force."""
        self._subscriber.start()
        await self._subscriber.connected.wait()

    async def aclose(self) -> None:
        """Stop listening."""
        await self._subscriber.aclose()
