"""The socket: JSON requests in, binary packets out, one to a message.

A packet is encoded once per contract and mode, however many sockets want it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.calls import FaceError
from simulator.faces.desk import cut
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.mapping import order_row, trade_row
from simulator.faces.mastertrust.packets import ORDER_UPDATE, TRADE_UPDATE, Mode, encode, text_packet
from simulator.faces.mastertrust.wire import failure
from simulator.faces.sockets import Socket, Sockets, opened

HEARTBEAT_SECONDS = 30.0
"""How long a socket may send nothing: a heartbeat is due every eight to ten seconds."""

_LOOK_SECONDS = 5.0
_MODES = {mode.value: mode for mode in Mode}
_UPDATES = "updates"

Key = tuple[int, Mode]


@dataclass(eq=False, slots=True)
class TradelabSocket(Socket):
    """One connection: what it wants of which contract, and when it was last heard."""

    modes: dict[int, set[Mode]] = field(default_factory=dict)
    wants_orders: bool = False
    heard_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Ticker(Sockets[TradelabSocket]):
    """All sockets of the face."""

    heartbeat = _LOOK_SECONDS

    def __init__(self, counter: TradelabCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._packets: dict[Key, tuple[int, bytes]] = {}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET with an upgrade: ?login_id=..&token=.., or access_token=.. with or without a login_id."""
        token = request.query.get("access_token") or request.query.get("token", "")
        try:
            client = self._counter.holder(token)
            if request.query.get("login_id", client.client) != client.client:
                raise self._counter.session_lost()
        except FaceError as error:
            return failure(error)
        socket = TradelabSocket(request=request, stream=await opened(request))
        self.enter(socket, client)
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: TradelabSocket, text: str | bytes) -> None:
        """Subscribe or unsubscribe; heartbeats and what cannot be read are passed over in silence."""
        socket.heard_at = asyncio.get_running_loop().time()
        action, values, mode = _parsed(text)
        if mode == _UPDATES and socket.client is not None and socket.client.client in values:
            socket.wants_orders = action == "subscribe"
        elif mode in _MODES and action in ("subscribe", "unsubscribe"):
            for token in self._tokens(values):
                (self._want if action == "subscribe" else self._drop)(socket, token, _MODES[mode])
            socket.wake.set()

    async def flush(self, socket: TradelabSocket) -> None:
        """Send order updates, then what changed; hang up on a socket that sends no heartbeat."""
        if asyncio.get_running_loop().time() - socket.heard_at > HEARTBEAT_SECONDS:
            cut(socket.request)
            return
        while socket.texts:
            await socket.stream.send_bytes(socket.texts.popleft())
        changed, socket.changed = socket.changed, set()
        for key in [(token, mode) for token in changed for mode in socket.modes.get(token, ())]:
            packet = self._packet(key)
            if packet:
                await socket.stream.send_bytes(packet)

    def tell_order(self, socket: TradelabSocket, order: ClientOrder) -> None:
        """Queue the update, and the trade that made it."""
        if not socket.wants_orders:
            return
        socket.queue(text_packet(ORDER_UPDATE, orjson.dumps(order_row(order))))
        trade = self._trade_of(order)
        if trade is not None:
            socket.queue(text_packet(TRADE_UPDATE, orjson.dumps(trade_row(trade, order))))

    def _trade_of(self, order: ClientOrder) -> ClientTrade | None:
        trades = self._desk.exchange.trades(order.client, order.order_id) if order.filled_quantity else ()
        return next((trade for trade in trades if trade.filled_at == order.updated_at), None)

    def _tokens(self, values: list[Any]) -> list[int]:
        pairs = [pair for pair in values if isinstance(pair, list) and len(pair) == 2]
        found = [self._counter.names.coded(*pair) for pair in pairs if all(type(one) is int for one in pair)]
        return [listing.token for listing in found if listing is not None]

    def _want(self, socket: TradelabSocket, token: int, mode: Mode) -> None:
        socket.modes.setdefault(token, set()).add(mode)
        socket.changed.add(token)
        self.watch(socket, (token,))

    def _drop(self, socket: TradelabSocket, token: int, mode: Mode) -> None:
        modes = socket.modes.get(token, set())
        modes.discard(mode)
        if not modes:
            socket.modes.pop(token, None)
            self.unwatch(socket, (token,))

    def _packet(self, key: Key) -> bytes:
        market, (token, mode) = self._desk.exchange.market, key
        quote = market.quote(token)
        if not quote.last_price:
            return b""
        revision, packet = self._packets.get(key, (-1, b""))
        if revision != quote.revision:
            depth = market.depth(token) if mode is Mode.DEPTH else ((), ())
            packet = encode(market.listings[token], quote, mode, depth)
            self._packets[key] = (quote.revision, packet)
        return packet


def _parsed(text: str | bytes) -> tuple[str, list[Any], str]:
    try:
        message = orjson.loads(text)
        action, values, mode = message["a"], message["v"], message["m"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "", [], ""
    return str(action), values if isinstance(values, list) else [], str(mode)
