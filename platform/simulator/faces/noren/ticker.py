"""The socket: market messages for subscribed contracts and order updates, all JSON, all strings.

Every socket has a mailbox that keeps only which of its contracts changed, so a slow reader gets the latest values
and costs the others nothing. A contract's values are written once however many sockets want them; each socket is
sent what changed since it was last sent something.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from aiohttp import WSMsgType, web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.desk import cut
from simulator.faces.noren.calls import Counter
from simulator.faces.noren.mapping import order_update, position_row
from simulator.faces.noren.quotes import named, snapquote, touchline
from simulator.faces.noren.wire import Row
from simulator.faults import SOCKET_FAULTS, FaultKind
from simulator.market.types import Listing

KEPT_UPDATES = 2000
REPLACED = 1000
"""The close code of a connection whose session opened another one."""

_SIGN_INS = {"a": ("ak", "accesstoken"), "c": ("ck", "susertoken")}
_MODES = {"t": "t", "d": "d"}
_DROPS = {"u": "t", "ud": "d"}

Key = tuple[str, int]
"""Mode (t or d) and the exchange's token."""


@dataclass(eq=False, slots=True)
class Socket:
    """One connection: what it wants, and what it has not been sent yet."""

    request: web.Request
    stream: web.WebSocketResponse
    client: Client | None = None
    sent: dict[Key, Row] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    texts: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    wants_orders: bool = False
    wants_positions: bool = False
    silent_until: float = 0.0
    closing: "asyncio.Task[bool] | None" = None

    def say(self, row: Row) -> None:
        """Queue a message."""
        self.texts.append(orjson.dumps(row))
        self.wake.set()


class Ticker:
    """All sockets of one member."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._sockets: dict[str, Socket] = {}
        self._wanting: dict[int, set[Socket]] = defaultdict(set)
        self._rows: dict[Key, tuple[int, Row]] = {}
        counter.desk.exchange.on_ticks(self._ticked)
        counter.desk.recorder.subscribe(self._updated)

    def count(self) -> int:
        """Return the number of signed-in sockets."""
        return len(self._sockets)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET with an upgrade; who it is comes in the first message."""
        stream = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await stream.prepare(request)
        socket = Socket(request=request, stream=stream)
        sender = asyncio.get_running_loop().create_task(self._send(socket))
        try:
            await self._receive(socket)
        finally:
            sender.cancel()
            self._leave(socket)
            if socket.closing is not None:
                await socket.closing  # the connection goes with this request
        return stream

    async def aclose(self) -> None:
        """Say goodbye to everybody."""
        sockets = list(self._sockets.values())
        await asyncio.gather(*(socket.stream.close(code=1001, message=b"going away") for socket in sockets))

    async def _receive(self, socket: Socket) -> None:
        async for message in socket.stream:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            fields = _parsed(message.data)
            kind = str(fields.get("t", ""))
            if kind in _SIGN_INS:
                self._sign_in(socket, kind, fields)
            elif socket.client is not None and kind in self._answers():
                self._answers()[kind](socket, fields)

    def _sign_in(self, socket: Socket, kind: str, fields: Row) -> None:
        answer, token_name = _SIGN_INS[kind]
        client = self._counter.desk.clients.named(str(fields.get("uid", "")))
        token = str(fields.get(token_name, ""))
        if client is None or client.broker != self._broker or not self._counter.desk.sessions.holds(client, token):
            socket.say({"t": answer, "uid": str(fields.get("uid", "")), "s": "NOT_OK"})
            return
        before = self._sockets.get(client.client)
        socket.client, self._sockets[client.client] = client, socket
        if before is not None and before is not socket:
            before.closing = asyncio.get_running_loop().create_task(before.stream.close(code=REPLACED))
        socket.say({"t": answer, "uid": client.client, "s": "OK"})

    @property
    def _broker(self) -> str:
        return self._counter.member.broker

    def _answers(self) -> dict[str, Callable[[Socket, Row], None]]:
        return {
            **dict.fromkeys(_MODES, self._subscribe),
            **dict.fromkeys(_DROPS, self._unsubscribe),
            "o": self._orders,
            "uo": self._no_orders,
            "p": self._positions,
            "up": self._no_positions,
            "h": lambda socket, _: socket.say({"t": "hk"}),
        }

    def _subscribe(self, socket: Socket, fields: Row) -> None:
        mode = _MODES[str(fields["t"])]
        for listing in self._listed(fields):
            row = self._row((mode, listing.token))
            socket.sent[mode, listing.token] = row
            socket.say(named(f"{mode}k", listing, row, whole=True))
            self._wanting[listing.token].add(socket)

    def _unsubscribe(self, socket: Socket, fields: Row) -> None:
        kind = str(fields["t"])
        for listing in self._listed(fields):
            socket.sent.pop((_DROPS[kind], listing.token), None)
        self._forget(socket, (listing.token for listing in self._listed(fields)))
        socket.say({"t": f"{kind}k", "k": str(fields.get("k", ""))})

    def _orders(self, socket: Socket, fields: Row) -> None:
        socket.wants_orders = True  # no acknowledgement

    def _no_orders(self, socket: Socket, fields: Row) -> None:
        socket.wants_orders = False
        socket.say({"t": "uok"})

    def _positions(self, socket: Socket, fields: Row) -> None:
        socket.wants_positions = True
        socket.say({"t": "pk"})

    def _no_positions(self, socket: Socket, fields: Row) -> None:
        socket.wants_positions = False
        socket.say({"t": "upk"})

    def _listed(self, fields: Row) -> list[Listing]:
        keys = (key.partition("|") for key in str(fields.get("k", "")).split("#"))
        found = (self._counter.names.numbered(exchange, token) for exchange, _, token in keys)
        return [listing for listing in found if listing is not None]

    def _leave(self, socket: Socket) -> None:
        if socket.client is not None and self._sockets.get(socket.client.client) is socket:
            del self._sockets[socket.client.client]
        tokens = {token for _, token in socket.sent}
        socket.sent.clear()
        self._forget(socket, tokens)

    def _forget(self, socket: Socket, tokens: Iterable[int]) -> None:
        kept = {token for _, token in socket.sent}
        for token in set(tokens) - kept:
            self._wanting[token].discard(socket)
        socket.changed &= socket.sent.keys()

    def _ticked(self, tokens: Sequence[int], now: datetime) -> None:
        touched: set[Socket] = set()
        for token in tokens:
            for socket in self._wanting.get(token, ()):
                socket.changed.update(key for mode in "td" if (key := (mode, token)) in socket.sent)
                touched.add(socket)
        for socket in touched:
            socket.wake.set()

    def _updated(self, order: ClientOrder) -> None:
        socket = self._sockets.get(order.client)
        if socket is None:
            return
        trade = self._latest_trade(order)
        if socket.wants_orders:
            socket.say(order_update(order, trade))
        if socket.wants_positions and trade is not None:
            self._tell_position(socket, order)

    def _latest_trade(self, order: ClientOrder) -> ClientTrade | None:
        """Return the execution that brought the order to what it has filled."""
        filled = 0
        for trade in self._counter.desk.exchange.trades(order.client, order.order_id):
            filled += trade.quantity
            if filled == order.filled_quantity:
                return trade
        return None

    def _tell_position(self, socket: Socket, order: ClientOrder) -> None:
        for position in self._counter.desk.exchange.positions(order.client):
            if (position.listing, position.product) == (order.listing, order.product):
                socket.say({"t": "pm", **position_row(position), "uid": order.client, "actid": order.client})

    async def _send(self, socket: Socket) -> None:
        while True:
            await socket.wake.wait()
            socket.wake.clear()
            if self._spoilt(socket):
                continue
            try:
                await self._flush(socket)
            except ConnectionError:
                return

    async def _flush(self, socket: Socket) -> None:
        while socket.texts:
            await socket.stream.send_str(socket.texts.popleft().decode())
        changed, socket.changed = socket.changed, set()
        for key in changed:
            message = self._update(socket, key)
            if message is not None:
                await socket.stream.send_str(orjson.dumps(message).decode())

    def _update(self, socket: Socket, key: Key) -> Row | None:
        """Return what changed since the socket was last told; ``None`` for nothing."""
        before = socket.sent.get(key)
        if before is None:
            return None
        row = self._row(key)
        socket.sent[key] = row
        fresh = {name: value for name, value in row.items() if before.get(name) != value}
        listing = self._counter.desk.exchange.market.listings[key[1]]
        return named(f"{key[0]}f", listing, fresh, whole=False) if fresh else None

    def _row(self, key: Key) -> Row:
        market, (mode, token) = self._counter.desk.exchange.market, key
        quote = market.quote(token)
        revision, row = self._rows.get(key, (-1, {}))
        if revision != quote.revision:
            listing = market.listings[token]
            row = touchline(listing, quote) if mode == "t" else snapquote(listing, quote, market.depth(token))
            self._rows[key] = (quote.revision, row)
        return row

    def _spoilt(self, socket: Socket) -> bool:
        """Say whether a fault keeps this socket from being sent anything now."""
        now = asyncio.get_running_loop().time()
        if now < socket.silent_until:
            return True
        if socket.client is None:
            return False
        fault = self._counter.desk.faults.draw(SOCKET_FAULTS, client=socket.client.client, endpoint="ticker")
        if fault is None:
            return False
        if fault.kind is FaultKind.DROPPED_SOCKET:
            cut(socket.request)
        socket.silent_until = now + fault.seconds
        return True


def _parsed(text: str | bytes) -> Row:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
