"""SFeed: JSON asks, binary packets answer. A packet is encoded once per contract and level, however many want it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from domain.instruments import Kind
from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.kotak.calls import KotakCounter, sid_of
from simulator.faces.kotak.names import trading_symbol
from simulator.faces.kotak.packets import DEPTH, DIVIDERS, EXCHANGES, FULL_DEPTH, INDEX, LITE, TOUCH, encode
from simulator.faces.kotak.wire import Row
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.market.types import Level, Listing

MOST_TOKENS = 3000
FORMAT = "native_batch"
REFUSED = 1008
"""The close code of a connection whose session is not valid."""

_AUTHENTICATED, _ACKNOWLEDGED = 1119, 1109
_LEVELS = {"Scrips": TOUCH, "ScripsLite": LITE, "Depth": DEPTH, "FullDepth": FULL_DEPTH, "Indices": INDEX}
_VERBS = ("unsubscribe", "subscribe", "snapshot")


@dataclass(eq=False, slots=True)
class FeedSocket(Socket):
    """One connection: the levels it wants of each contract, and what it wants once."""

    levels: dict[int, set[int]] = field(default_factory=dict)
    once: set[tuple[int, int]] = field(default_factory=set)
    closing: "asyncio.Task[bool] | None" = None


class Feed(Sockets[FeedSocket]):
    """All market sockets of the face."""

    def __init__(self, counter: KotakCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._packets: dict[tuple[int, int], tuple[int, bytes]] = {}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /apifeed with an upgrade; who it is comes in the first message."""
        socket = FeedSocket(request=request, stream=await opened(request))
        await self.serve(socket)
        if socket.closing is not None:
            await socket.closing  # the connection goes with this request
        return socket.stream

    def obey(self, socket: FeedSocket, text: str | bytes) -> None:
        """Sign in, then do what an event asks."""
        asked = _parsed(text)
        if socket.client is None:
            self._sign_in(socket, asked)
            return
        event = str(asked.get("event", ""))
        verb = next((one for one in _VERBS if event.startswith(one)), "")
        level = _LEVELS.get(event.removeprefix(verb))
        if verb and level is not None:
            self._do(socket, verb, level, asked)

    async def flush(self, socket: FeedSocket) -> None:
        """Send texts, then one frame of what changed and of what was asked for once."""
        await socket.tell()
        changed, socket.changed = socket.changed, set()
        once, socket.once = socket.once, set()
        wanted = once | {(token, level) for token in changed for level in socket.levels.get(token, ())}
        packets = [packet for token, level in sorted(wanted) if (packet := self._packet(token, level))]
        if packets:
            await socket.stream.send_bytes(b"".join(packets))

    def tell_order(self, socket: FeedSocket, order: ClientOrder) -> None:
        """Nothing: orders have a socket of their own."""

    def _sign_in(self, socket: FeedSocket, asked: Row) -> None:
        client = self._client(str(asked.get("user", "")), str(asked.get("auth", "")))
        if client is None or asked.get("format") != FORMAT:
            socket.closing = asyncio.get_running_loop().create_task(socket.stream.close(code=REFUSED))
            return
        self.enter(socket, client)
        exchanges = {name: {"value": EXCHANGES[name], "divider": DIVIDERS[name]} for name in EXCHANGES}
        socket.queue(orjson.dumps({"message_code": _AUTHENTICATED, "format": FORMAT, "exchanges": exchanges}))

    def _client(self, name: str, sid: str) -> Client | None:
        client = self._counter.named(name)
        if client is None or sid not in map(sid_of, self._desk.sessions.tokens(client.client)):
            return None
        return client

    def _do(self, socket: FeedSocket, verb: str, level: int, asked: Row) -> None:
        keys = [key for key in str(asked.get("inputtoken", "")).split(",") if key]
        found = {key: listing for key in keys if (listing := self._counter.names.quoted(key)) is not None}
        self._does()[verb](socket, list(found.values()), level)
        if asked.get("ack_symbol") and verb != "unsubscribe":
            symbols = {key: trading_symbol(listing) for key, listing in found.items()}
            socket.queue(orjson.dumps({"message_code": _ACKNOWLEDGED, "trading_symbols": symbols}))
        socket.wake.set()

    def _does(self) -> dict[str, Callable[[FeedSocket, list[Listing], int], None]]:
        return {"subscribe": self._subscribe, "unsubscribe": self._unsubscribe, "snapshot": self._snapshot}

    def _subscribe(self, socket: FeedSocket, listings: list[Listing], level: int) -> None:
        if len(socket.levels | {one.token: set() for one in listings}) > MOST_TOKENS:
            return
        for listing in listings:
            socket.levels.setdefault(listing.token, set()).add(level)
        self.watch(socket, (one.token for one in listings))
        self._snapshot(socket, listings, level)

    def _unsubscribe(self, socket: FeedSocket, listings: list[Listing], level: int) -> None:
        for listing in listings:
            levels = socket.levels.get(listing.token, set())
            levels.discard(level)
            if not levels:
                socket.levels.pop(listing.token, None)
                self.unwatch(socket, (listing.token,))

    def _snapshot(self, socket: FeedSocket, listings: list[Listing], level: int) -> None:
        socket.once.update((one.token, level) for one in listings)

    def _packet(self, token: int, level: int) -> bytes:
        market = self._desk.exchange.market
        listing, quote = market.listings[token], market.quote(token)
        if not quote.last_price or (level == INDEX and listing.kind is not Kind.INDEX):
            return b""
        revision, packet = self._packets.get((token, level), (-1, b""))
        if revision != quote.revision:
            bids, asks = market.depth(token)
            packet = encode(listing, quote, (_sided(bids), _sided(asks)), level)
            self._packets[token, level] = (quote.revision, packet)
        return packet


def _sided(levels: Sequence[Level]) -> tuple[Level, ...]:
    """Return one side of the depth; an empty one still has its row of nothing."""
    return tuple(levels) or (Level(0, 0, 0),)


def _parsed(text: str | bytes) -> Row:
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return asked if isinstance(asked, dict) else {}
