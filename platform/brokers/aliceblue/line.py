"""The market socket of a session, which has only one: whoever listens in this process shares it.

It speaks the family's protocol (``brokers.noren``). A socket is opened for the first listener and closed with the last;
nothing reconnects here. Opening ends whatever socket the session had elsewhere.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from weakref import WeakValueDictionary

from brokers.adapter import Account
from brokers.aliceblue.access import Access
from brokers.aliceblue.answers import BROKER, read_result
from brokers.noren.connection import Fields, Manner, Socket
from brokers.noren.ticker import Message, read_message
from brokers.transport import ORDER_BODY_LIMIT, Wire
from domain.broker import BrokerUnavailable

SILENCE_SECONDS = 30.0
"""A subscription said again after half of it is acknowledged at once: this long of nothing is a dead socket."""

_HEARTBEAT = {"k": "", "t": "h"}
_ALWAYS_LISTED = "NSE|26000"
"""The Nifty 50, to ask for where nobody wants anything."""

_SOURCE = "API"
_KEPT = 10_000
_QUIET_SECONDS = 3.0


class Tap:
    """One listener's end of the line."""

    def __init__(self, line: "Line") -> None:
        self.wanted: set[str] = set()
        self._line = line
        self._heard: asyncio.Queue[str | BaseException] = asyncio.Queue(_KEPT)

    async def receive(self) -> str:
        """Return the next message; raises what ended the line."""
        heard = await self._heard.get()
        if isinstance(heard, BaseException):
            raise heard
        return heard

    async def subscribe(self, keys: Sequence[str]) -> None:
        """Ask for touchlines; each is shown whole once more. Raises ``BrokerUnavailable``."""
        self.wanted.update(keys)
        await self._line.say("t", keys)

    async def unsubscribe(self, keys: Sequence[str]) -> None:
        """Want touchlines no more; what somebody else wants goes on."""
        self.wanted.difference_update(keys)
        await self._line.release(keys)

    async def aclose(self) -> None:
        """Stop listening."""
        await self._line.leave(self)

    async def hear(self, text: str) -> None:
        """Take a message of the line."""
        await self._heard.put(text)

    def end(self, error: BaseException) -> None:
        """Take the end of the line, after what was heard before it."""
        if self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(error)

    def hang_up(self) -> None:
        """Hear no more: what was not read yet is gone, and the line does not wait for its being read."""
        while not self._heard.empty():
            self._heard.get_nowait()
        self._heard.put_nowait(BrokerUnavailable("DROPPED", f"{BROKER} socket: closed by us"))


class Line:
    """A session's socket and its listeners."""

    def __init__(self, *, wire: Wire, access: Access, url: str) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._taps: set[Tap] = set()
        self._turn = asyncio.Lock()
        self._socket: Socket | None = None
        self._reader: asyncio.Task[None] | None = None

    async def join(self, *, silence_seconds: float = SILENCE_SECONDS) -> Tap:
        """Return a listener's end, opening the socket for the first; raises ``BrokerError``."""
        async with self._turn:
            if self._socket is None:
                await self._open(silence_seconds)
            tap = Tap(self)
            self._taps.add(tap)
            return tap

    async def aclose(self) -> None:
        """Close what is held where nobody listens; a line that is joined again opens again."""
        async with self._turn:
            if not self._taps:
                await self._close()

    async def depths(self, keys: Sequence[str]) -> dict[str, str]:
        """Return what the broker shows of contracts, by key; it says nothing of those it does not know.

        Raises ``BrokerError``: also where it says nothing at all.
        """
        tap = await self.join()
        try:
            await self.say("d", keys)
            return await _collected(tap, set(keys))
        finally:
            with suppress(BrokerUnavailable):
                await self._end_depths(keys)
            await tap.aclose()

    async def say(self, kind: str, keys: Sequence[str]) -> None:
        """Send a message about contracts; a line that has ended has told so to its listeners."""
        if self._socket is not None:
            await self._socket.send_keys(kind, keys)

    async def release(self, keys: Sequence[str]) -> None:
        """Unsubscribe what nobody wants any more."""
        await self.say("u", [key for key in keys if key not in self._wanted()])

    async def leave(self, tap: Tap) -> None:
        """Forget a listener; the last one closes the socket."""
        async with self._turn:
            if tap not in self._taps:
                return
            self._taps.discard(tap)
            tap.hang_up()
            if not self._taps:
                await self._close()
                return
        with suppress(BrokerUnavailable):
            await self.release(sorted(tap.wanted))

    async def _open(self, silence_seconds: float) -> None:
        await self._renew_session()
        manner = Manner(broker=BROKER, hello=hello(self._access), heartbeat=_HEARTBEAT, nudge=self._nudge)
        self._socket = await Socket.open(self._wire, self._url, manner, silence_seconds=silence_seconds)
        self._reader = asyncio.get_running_loop().create_task(self._read(self._socket))
        self._reader.add_done_callback(partial(self._broken, self._socket))

    async def _renew_session(self) -> None:
        """End the session's former socket and announce a new one, as the broker wants it before each connection."""
        for name in ("invalidateWsSess", "createWsSess"):
            request = self._access.post(f"/od/v1/profile/{name}", {"source": _SOURCE, "userId": self._access.user})
            answer = await self._wire.read(request, broker=BROKER, limit=ORDER_BODY_LIMIT)
            read_result(answer, what="socket session")

    async def _read(self, socket: Socket) -> None:
        try:
            while True:
                text = await socket.receive()
                for tap in list(self._taps):
                    await tap.hear(text)
        except BrokerUnavailable as error:
            self._end(socket, error)
            await socket.aclose()  # may take a while: whoever listens has been told

    def _broken(self, socket: Socket, reader: "asyncio.Task[None]") -> None:
        """End the line with whatever nobody foresaw: a listener must not wait for a reader that is gone."""
        if not reader.cancelled() and (error := reader.exception()) is not None:
            self._end(socket, error)

    def _end(self, socket: Socket, error: BaseException) -> None:
        if socket is not self._socket:
            return  # closed by us
        self._socket, self._reader = None, None
        for tap in self._taps:
            tap.end(error)
        self._taps.clear()

    async def _close(self) -> None:
        socket, reader = self._socket, self._reader
        self._socket, self._reader = None, None
        if reader is not None:
            reader.cancel()
        if socket is not None:
            await socket.aclose()
        await self._wire.aclose()

    async def _end_depths(self, keys: Sequence[str]) -> None:
        """Depth asked beside a touchline may have taken its place: what is wanted is asked for again."""
        await self.say("ud", keys)
        await self.say("t", [key for key in keys if key in self._wanted()])

    def _wanted(self) -> set[str]:
        return set().union(*(tap.wanted for tap in self._taps))

    def _nudge(self) -> Fields:
        return {"t": "t", "k": next(iter(self._wanted()), _ALWAYS_LISTED)}


_LINES: "WeakValueDictionary[tuple[str, str, str], Line]" = WeakValueDictionary()


def line_of(account: Account, access: Access) -> Line:
    """Return the line of an account's session, not yet open."""
    key = (account.endpoint.socket_url, access.user, access.token)
    line = _LINES.get(key)
    if line is None:
        line = _LINES[key] = Line(wire=account.wire(), access=access, url=account.endpoint.socket_url)
    return line


def hello(access: Access) -> Fields:
    """Return what signs a socket in: the token goes there hashed twice."""
    user = f"{access.user}_{_SOURCE}"
    return {"susertoken": _hashed(_hashed(access.token)), "t": "c", "actid": user, "uid": user, "source": _SOURCE}


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _collected(tap: Tap, wanted: set[str]) -> dict[str, str]:
    """Return the depths shown of the wanted contracts, until all are or none comes for a while."""
    found: dict[str, str] = {}
    try:
        while wanted - found.keys():
            async with asyncio.timeout(_QUIET_SECONDS):
                key, text = await _next_depth(tap)
            found[key] = text
    except TimeoutError:
        if not found:
            raise BrokerUnavailable("TIMEOUT", f"{BROKER} quotes: nothing for {_QUIET_SECONDS} s") from None
    return found


async def _next_depth(tap: Tap) -> tuple[str, str]:
    while True:
        text = await tap.receive()
        message = _message(text)
        if message is not None and message.t == "dk":
            return f"{message.e}|{message.tk}", text


def _message(text: str) -> Message | None:
    try:
        return read_message(text)
    except ValueError:
        return None  # counted by the feed that shares the line
