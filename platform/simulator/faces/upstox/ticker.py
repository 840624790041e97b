"""The market socket: Protocol Buffers out, JSON in binary messages in.

The first message says which segments are open, the next one shows what was subscribed as it stands, then what changes.
A contract's feed is encoded once per mode, however many sockets want it.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.faces.upstox.calls import UpstoxCounter
from simulator.faces.upstox.gates import Gate
from simulator.faces.upstox.names import key_of
from simulator.faces.upstox.packets import Mode, Type, feed, market_info, response
from simulator.faces.upstox.wire import failure, too_many

SOCKETS_PER_USER = 2
KEYS = {Mode.LTPC: 5000, Mode.GREEKS: 3000, Mode.FULL: 2000, Mode.D30: 50}
PING_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class FeedSocket(Socket):
    """One connection: the mode it wants each contract in, and which it has not been shown as they stand."""

    modes: dict[int, Mode] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    greeted: bool = False


class Ticker(Sockets[FeedSocket]):
    """The market sockets of the face."""

    heartbeat = PING_SECONDS

    def __init__(self, counter: UpstoxCounter) -> None:
        super().__init__(counter.desk)
        self._names = counter.names
        self._feeds: dict[tuple[int, Mode], tuple[int, bytes]] = {}
        self.gate = Gate(counter, "/market-data-feeder/v3/upstox-developer-api/feeds")

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET of the gate's address, with an upgrade."""
        try:
            client = self._admit(request)
        except FaceError as error:
            return failure(error)
        socket = FeedSocket(request=request, stream=await opened(request))
        self.enter(socket, client)
        socket.wake.set()
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: FeedSocket, text: str | bytes) -> None:
        """Subscribe, unsubscribe or change modes; what cannot be read is passed over."""
        method, mode, keys = _parsed(text)
        tokens = [listing.token for key in keys if (listing := self._names.keyed(key)) is not None]
        if method in ("sub", "change_mode"):
            self._want(socket, tokens, mode)
        elif method == "unsub":
            for token in tokens:
                socket.modes.pop(token, None)
                socket.fresh.discard(token)
            self.unwatch(socket, tokens)

    async def flush(self, socket: FeedSocket) -> None:
        """Send what is new, or a ping where nothing is."""
        at = int(self._desk.now().timestamp() * 1000)
        messages = [] if socket.greeted else [market_info(at=at)]
        socket.greeted = True
        fresh, socket.fresh = socket.fresh, set()
        changed, socket.changed = socket.changed - fresh, set()
        for kind, tokens in ((Type.INITIAL, fresh), (Type.LIVE, changed)):
            feeds = self._shown(socket, tokens)
            messages += [response(kind, feeds, at=at)] if feeds else []
        for message in messages:
            await socket.stream.send_bytes(message)
        if not messages:
            await socket.stream.ping()

    def tell_order(self, socket: FeedSocket, order: ClientOrder) -> None:
        """Say nothing: orders have a socket of their own."""

    def _admit(self, request: web.Request) -> Client:
        client, _ = self.gate.admit(request)
        if len(self.of(client.client)) >= SOCKETS_PER_USER:
            raise too_many()
        return client

    def _want(self, socket: FeedSocket, tokens: list[int], mode: Mode) -> None:
        wanted = [token for token in tokens if socket.modes.get(token) is not mode]
        room = KEYS[mode] - sum(held is mode for held in socket.modes.values())
        for token in wanted[: max(room, 0)]:
            socket.modes[token] = mode
            socket.fresh.add(token)
        self.watch(socket, [token for token in tokens if token in socket.modes])
        socket.wake.set()

    def _shown(self, socket: FeedSocket, tokens: set[int]) -> dict[str, bytes]:
        listings = self._desk.exchange.market.listings
        feeds = {key_of(listings[token]): self._feed(token, socket.modes[token]) for token in tokens}
        return {key: encoded for key, encoded in feeds.items() if encoded}

    def _feed(self, token: int, mode: Mode) -> bytes:
        market = self._desk.exchange.market
        quote = market.quote(token)
        if not quote.last_price:
            return b""
        revision, encoded = self._feeds.get((token, mode), (-1, b""))
        if revision != quote.revision:
            encoded = feed(market.listings[token], quote, market.depth(token), mode)
            self._feeds[token, mode] = (quote.revision, encoded)
        return encoded


def _parsed(text: str | bytes) -> tuple[str, Mode, list[str]]:
    try:
        message: Any = orjson.loads(text)
        data = message["data"]
        keys = [key for key in data["instrumentKeys"] if isinstance(key, str)]
        return str(message["method"]), Mode(data.get("mode", Mode.LTPC.value)), keys
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return "", Mode.LTPC, []
