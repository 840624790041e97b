"""The market socket: a client tells its key, subscribes topics, and is sent a snapshot and then what changes.

A handshake with an Authorization header is accepted and never answered, as at the real one.
"""

from collections import deque
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.fyers import hsm
from simulator.faces.fyers.calls import FyersCounter
from simulator.faces.fyers.tokens import socket_key
from simulator.faces.sockets import Socket, Sockets, opened

TOPICS_PER_SOCKET = 5000
ACKNOWLEDGE_EVERY = 200
KEPT_ANSWERS = 2000


@dataclass(slots=True)
class Topic:
    """A subscribed topic: the contract's token, the id it goes by, and what was last sent of it."""

    name: str
    token: int
    number: int
    sent: hsm.Values = ()


@dataclass(eq=False, slots=True)
class HsmSocket(Socket):
    """One connection: its topics by name, and what is to be told."""

    topics: dict[str, Topic] = field(default_factory=dict)
    answers: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_ANSWERS))
    is_lite: bool = False
    is_paused: bool = False
    is_mute: bool = False
    numbers: int = 0
    messages: int = 0
    acknowledged: int = 0

    def answer(self, message: bytes) -> None:
        """Queue an answer."""
        self.answers.append(message)
        self.wake.set()


class Ticker(Sockets[HsmSocket]):
    """All market sockets of the face."""

    def __init__(self, counter: FyersCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /hsm/v1-5/prod with an upgrade."""
        socket = HsmSocket(request=request, stream=await opened(request))
        socket.is_mute = hdrs.AUTHORIZATION in request.headers
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: HsmSocket, text: str | bytes) -> None:
        """Do what a message asks; what cannot be read is passed over."""
        if isinstance(text, str) or socket.is_mute:
            return
        try:
            self._obey(socket, hsm.read_request(text))
        except hsm.BadRequest:
            return

    async def flush(self, socket: HsmSocket) -> None:
        """Send answers, then one message with every topic that changed."""
        while socket.answers:
            await socket.stream.send_bytes(socket.answers.popleft())
        if socket.is_paused or not socket.changed:
            return
        tokens, socket.changed = socket.changed, set()
        wanted = [topic for topic in socket.topics.values() if topic.token in tokens]
        records = [record for topic in wanted if (record := self._record(socket, topic))]
        if records:
            socket.messages += 1
            await socket.stream.send_bytes(hsm.data(socket.messages, records))

    def tell_order(self, socket: HsmSocket, order: ClientOrder) -> None:
        """Orders have a socket of their own."""

    def _obey(self, socket: HsmSocket, request: hsm.Request) -> None:
        if request.kind == hsm.AUTH:
            self._sign_in(socket, request)
        elif socket.client is None:
            return
        elif request.kind in (hsm.SUBSCRIBE, hsm.UNSUBSCRIBE):
            is_done = (self._want if request.kind == hsm.SUBSCRIBE else self._forget)(socket, request.topics())
            socket.answer(hsm.answer(request.kind, hsm.OK if is_done else hsm.NOT_OK))
        elif request.kind in (hsm.MODE, hsm.PAUSE, hsm.RESUME):
            self._switch(socket, request)
            socket.answer(hsm.answer(request.kind, hsm.OK))
        elif request.kind == hsm.ACKNOWLEDGE:
            socket.acknowledged = hsm.number_in(request.fields.get(1, b""))

    def _sign_in(self, socket: HsmSocket, request: hsm.Request) -> None:
        name, token = socket_key(request.fields.get(1, b"").decode("ascii", errors="replace"))
        try:
            client = self._counter.signed_in(self._counter.named(name), token)
        except FaceError:
            socket.answer(hsm.answer(hsm.AUTH, hsm.NOT_OK))
            return
        self.enter(socket, client)
        socket.answer(hsm.answer(hsm.AUTH, hsm.OK, hsm.acknowledge_every(ACKNOWLEDGE_EVERY)))

    def _switch(self, socket: HsmSocket, request: hsm.Request) -> None:
        if request.kind == hsm.MODE:
            socket.is_lite = request.fields.get(2) == hsm.LITE
        else:
            socket.is_paused = request.kind == hsm.PAUSE

    def _want(self, socket: HsmSocket, names: list[str]) -> bool:
        listed = {name: listing for name in names if (listing := self._counter.names.topical(name))}
        if len(socket.topics.keys() | listed.keys()) > TOPICS_PER_SOCKET:
            return False
        for name, listing in listed.items():
            socket.numbers += 1
            socket.topics[name] = Topic(name, listing.token, socket.numbers)
        tokens = {listing.token for listing in listed.values()}
        self.watch(socket, tokens)
        socket.changed |= tokens
        return True

    def _forget(self, socket: HsmSocket, names: list[str]) -> bool:
        dropped = [topic for name in names if (topic := socket.topics.pop(name, None))]
        kept = {topic.token for topic in socket.topics.values()}
        self.unwatch(socket, [topic.token for topic in dropped if topic.token not in kept])
        return True

    def _record(self, socket: HsmSocket, topic: Topic) -> bytes:
        """Return a topic's snapshot the first time, later what changed; nothing where nothing did."""
        market = self._desk.exchange.market
        listing, quote = market.listings[topic.token], market.quote(topic.token)
        if not quote.last_price:
            return b""
        values = hsm.values_of(topic.name, listing, quote, market.depth(topic.token))
        before, topic.sent = topic.sent, values
        if not before:
            return hsm.snapshot(topic.number, topic.name, values, listing)
        if values == before:
            return b""
        return hsm.lite(topic.number, values) if socket.is_lite else hsm.update(topic.number, values, before)
