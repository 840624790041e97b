"""Sockets: what those of all faces have in common.

Every socket has a mailbox that keeps only which of its contracts changed, so a slow reader gets the latest values and
costs the others nothing.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from aiohttp import WSMsgType, web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.desk import Desk, cut
from simulator.faults import SOCKET_FAULTS, FaultKind

KEPT_UPDATES = 2000


@dataclass(eq=False, slots=True)
class Socket:
    """One connection: what changed and what it has not been told yet; ``client`` is ``None`` until it signed in."""

    request: web.Request
    stream: web.WebSocketResponse
    client: Client | None = None
    changed: set[int] = field(default_factory=set)
    texts: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    silent_until: float = 0.0

    def queue(self, text: bytes) -> None:
        """Queue a text frame."""
        self.texts.append(text)
        self.wake.set()

    async def tell(self) -> None:
        """Send the text frames that wait."""
        while self.texts:
            await self.stream.send_str(self.texts.popleft().decode())


AnySocket = TypeVar("AnySocket", bound=Socket)


async def opened(request: web.Request) -> web.WebSocketResponse:
    """Accept an upgrade."""
    stream = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
    await stream.prepare(request)
    return stream


class Sockets(ABC, Generic[AnySocket]):
    """The sockets of one kind at one face.

    ``heartbeat`` is how many seconds ``flush`` is let wait when nothing happens, ``None`` for ever; ``endpoint`` is
    the name faults go by.
    """

    heartbeat: float | None = None
    endpoint = "ticker"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._signed_in: dict[str, set[AnySocket]] = defaultdict(set)
        self._wanting: dict[int, set[AnySocket]] = defaultdict(set)
        desk.exchange.on_ticks(self._ticked)
        desk.recorder.subscribe(self._updated)

    @abstractmethod
    def obey(self, socket: AnySocket, text: str | bytes) -> None:
        """Do what a frame asks."""

    @abstractmethod
    async def flush(self, socket: AnySocket) -> None:
        """Send what a socket has not been told; raises ``ConnectionError``."""

    @abstractmethod
    def tell_order(self, socket: AnySocket, order: ClientOrder) -> None:
        """Queue an order update for one of its client's sockets."""

    def count(self) -> int:
        """Return the number of signed-in sockets."""
        return sum(map(len, self._signed_in.values()))

    def of(self, client: str) -> Sequence[AnySocket]:
        """Return the signed-in sockets of a client."""
        return tuple(self._signed_in.get(client, ()))

    async def aclose(self) -> None:
        """Say goodbye to everybody."""
        sockets = [socket for held in self._signed_in.values() for socket in held]
        await asyncio.gather(*(socket.stream.close(code=1001, message=b"going away") for socket in sockets))

    def enter(self, socket: AnySocket, client: Client) -> None:
        """Count a socket as its client's."""
        socket.client = client
        self._signed_in[client.client].add(socket)

    def leave(self, socket: AnySocket) -> None:
        """Forget a socket."""
        if socket.client is not None:
            self._signed_in[socket.client.client].discard(socket)
        self.unwatch(socket, [token for token, wanting in self._wanting.items() if socket in wanting])

    async def serve(self, socket: AnySocket) -> None:
        """Send and receive until the connection ends."""
        sender = asyncio.get_running_loop().create_task(self._send(socket))
        try:
            async for message in socket.stream:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self.obey(socket, message.data)
        finally:
            sender.cancel()
            self.leave(socket)

    def watch(self, socket: AnySocket, tokens: Iterable[int]) -> None:
        """Note every change of these contracts for a socket."""
        for token in tokens:
            self._wanting[token].add(socket)

    def unwatch(self, socket: AnySocket, tokens: Iterable[int]) -> None:
        """Stop noting changes."""
        for token in tokens:
            socket.changed.discard(token)
            wanting = self._wanting.get(token, set())
            wanting.discard(socket)
            if not wanting:
                self._wanting.pop(token, None)

    def _ticked(self, tokens: Sequence[int], now: datetime) -> None:
        touched: set[AnySocket] = set()
        for token in tokens:
            sockets = self._wanting.get(token)
            if sockets:
                touched |= sockets
                for socket in sockets:
                    socket.changed.add(token)
        for socket in touched:
            socket.wake.set()

    def _updated(self, order: ClientOrder) -> None:
        for socket in self._signed_in.get(order.client, ()):
            self.tell_order(socket, order)

    async def _send(self, socket: AnySocket) -> None:
        while True:
            try:
                async with asyncio.timeout(self.heartbeat):
                    await socket.wake.wait()
            except TimeoutError:
                pass
            socket.wake.clear()
            if self._is_spoilt(socket):
                continue
            try:
                await self.flush(socket)
            except ConnectionError:
                return

    def _is_spoilt(self, socket: AnySocket) -> bool:
        """Say whether a fault keeps this socket from being sent anything now."""
        now = asyncio.get_running_loop().time()
        if now < socket.silent_until:
            return True
        if socket.client is None:
            return False
        fault = self._desk.faults.draw(SOCKET_FAULTS, client=socket.client.client, endpoint=self.endpoint)
        if fault is None:
            return False
        if fault.kind is FaultKind.DROPPED_SOCKET:
            cut(socket.request)
        socket.silent_until = now + fault.seconds
        return True
