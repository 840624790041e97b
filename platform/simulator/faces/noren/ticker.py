"""The socket: market messages for subscribed contracts and order updates, all JSON, all strings.

A contract's values are written once however many sockets want them; each socket is sent what changed since it was last
sent something.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.calls import FaceError
from simulator.faces.desk import Desk
from simulator.faces.noren.calls import NorenCounter
from simulator.faces.noren.mapping import order_update, position_row
from simulator.faces.noren.names import Names
from simulator.faces.noren.quotes import named, snapquote, touchline
from simulator.faces.noren.wire import Row
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.market.types import Listing

REPLACED = 1000
"""The close code of a connection whose session opened another one."""

_SIGN_INS = {"a": ("ak", "accesstoken"), "c": ("ck", "susertoken")}
_MODES = {"t": "t", "d": "d"}
_DROPS = {"u": "t", "ud": "d"}

Key = tuple[str, int]
"""Mode (t or d) and the exchange's token."""


@dataclass(eq=False, slots=True)
class NorenSocket(Socket):
    """One connection: what it wants, and what it was last sent of it."""

    sent: dict[Key, Row] = field(default_factory=dict)
    wants_orders: bool = False
    wants_positions: bool = False
    closing: "asyncio.Task[bool] | None" = None

    def say(self, row: Row) -> None:
        """Queue a message."""
        self.queue(orjson.dumps(row))


Answer = Callable[[NorenSocket, Row], None]
"""Does what a message asks."""


class Prices(Sockets[NorenSocket]):
    """The sockets of one broker that show prices as the family does; a broker says how it is signed in to."""

    def __init__(self, desk: Desk, names: Names) -> None:
        super().__init__(desk)
        self._names = names
        self._rows: dict[Key, tuple[int, Row]] = {}

    @abstractmethod
    def sign_ins(self) -> Mapping[str, Answer]:
        """Return what signs in, by type of message."""

    @abstractmethod
    def answers(self) -> Mapping[str, Answer]:
        """Return what a signed-in socket may ask beyond prices, by type of message."""

    def unsubscribed(self, socket: NorenSocket, fields: Row) -> None:
        """Say that contracts are not told any more."""

    def message(self, kind: str, listing: Listing, row: Row, *, whole: bool) -> Row:
        """Return a message about a contract."""
        return named(kind, listing, row, whole=whole)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET with an upgrade; who it is comes in the first message."""
        socket = NorenSocket(request=request, stream=await opened(request))
        await self.serve(socket)
        if socket.closing is not None:
            await socket.closing  # the connection goes with this request
        return socket.stream

    def obey(self, socket: NorenSocket, text: str | bytes) -> None:
        """Sign in, subscribe, unsubscribe; anything else is passed over."""
        fields = _parsed(text)
        kind = str(fields.get("t", ""))
        if kind in self.sign_ins():
            self.sign_ins()[kind](socket, fields)
        elif socket.client is not None and kind in _MODES:
            self._subscribe(socket, fields)
        elif socket.client is not None and kind in _DROPS:
            self._unsubscribe(socket, fields)
        elif socket.client is not None and kind in self.answers():
            self.answers()[kind](socket, fields)

    async def flush(self, socket: NorenSocket) -> None:
        """Send texts, then what changed."""
        await socket.tell()
        changed, socket.changed = socket.changed, set()
        for key in [(mode, token) for token in changed for mode in _MODES]:
            message = self._update(socket, key)
            if message is not None:
                await socket.stream.send_str(orjson.dumps(message).decode())

    def tell_order(self, socket: NorenSocket, order: ClientOrder) -> None:
        """Queue an order update, where the socket carries any."""

    def admit(self, socket: NorenSocket, client: Client) -> None:
        """Sign a socket in; the session's former one is closed."""
        self.replace([before for before in self.of(client.client) if before is not socket])
        self.enter(socket, client)

    def replace(self, sockets: Iterable[NorenSocket]) -> None:
        """Close connections of a session that opened another one; they hear no more."""
        for socket in sockets:
            self.leave(socket)
            socket.closing = asyncio.get_running_loop().create_task(socket.stream.close(code=REPLACED))

    def _subscribe(self, socket: NorenSocket, fields: Row) -> None:
        mode = _MODES[str(fields["t"])]
        for listing in self._listed(fields):
            row = self._row((mode, listing.token))
            socket.sent[mode, listing.token] = row
            socket.say(self.message(f"{mode}k", listing, row, whole=True))
            self.watch(socket, (listing.token,))

    def _unsubscribe(self, socket: NorenSocket, fields: Row) -> None:
        kind = str(fields["t"])
        for listing in self._listed(fields):
            socket.sent.pop((_DROPS[kind], listing.token), None)
            if not any((mode, listing.token) in socket.sent for mode in _MODES):
                self.unwatch(socket, (listing.token,))
        self.unsubscribed(socket, fields)

    def _listed(self, fields: Row) -> list[Listing]:
        keys = (key.partition("|") for key in str(fields.get("k", "")).split("#"))
        found = (self._names.numbered(exchange, token) for exchange, _, token in keys)
        return [listing for listing in found if listing is not None]

    def _update(self, socket: NorenSocket, key: Key) -> Row | None:
        """Return what changed since the socket was last told; ``None`` for nothing."""
        before = socket.sent.get(key)
        if before is None:
            return None
        row = self._row(key)
        socket.sent[key] = row
        fresh = {name: value for name, value in row.items() if before.get(name) != value}
        listing = self._desk.exchange.market.listings[key[1]]
        return self.message(f"{key[0]}f", listing, fresh, whole=False) if fresh else None

    def _row(self, key: Key) -> Row:
        market, (mode, token) = self._desk.exchange.market, key
        quote = market.quote(token)
        revision, row = self._rows.get(key, (-1, {}))
        if revision != quote.revision:
            listing = market.listings[token]
            row = touchline(listing, quote) if mode == "t" else snapquote(listing, quote, market.depth(token))
            self._rows[key] = (quote.revision, row)
        return row


class Ticker(Prices):
    """All sockets of one member: prices, orders and positions."""

    def __init__(self, counter: NorenCounter) -> None:
        super().__init__(counter.desk, counter.names)
        self._counter = counter

    def sign_ins(self) -> Mapping[str, Answer]:
        """Two ways, by release of the SDK."""
        return dict.fromkeys(_SIGN_INS, self._sign_in)

    def answers(self) -> Mapping[str, Answer]:
        """Orders, positions, and signs of life."""
        return {
            "o": self._orders,
            "uo": self._no_orders,
            "p": self._positions,
            "up": self._no_positions,
            "h": lambda socket, _: socket.say({"t": "hk"}),
        }

    def unsubscribed(self, socket: NorenSocket, fields: Row) -> None:
        """Say which contracts are not told any more."""
        socket.say({"t": f"{fields['t']}k", "k": str(fields.get("k", ""))})

    def tell_order(self, socket: NorenSocket, order: ClientOrder) -> None:
        """Queue the update, and the position it made."""
        trade = latest_trade(self._desk, order)
        if socket.wants_orders:
            socket.say(order_update(order, trade))
        if socket.wants_positions and trade is not None:
            self._tell_position(socket, order)

    def _sign_in(self, socket: NorenSocket, fields: Row) -> None:
        answer, token_name = _SIGN_INS[str(fields["t"])]
        user = str(fields.get("uid", ""))
        try:
            client = self._counter.signed_in(self._counter.named(user), str(fields.get(token_name, "")))
        except FaceError:
            socket.say({"t": answer, "uid": user, "s": "NOT_OK"})
            return
        self.admit(socket, client)
        socket.say({"t": answer, "uid": client.client, "s": "OK"})

    def _orders(self, socket: NorenSocket, fields: Row) -> None:
        socket.wants_orders = True  # no acknowledgement

    def _no_orders(self, socket: NorenSocket, fields: Row) -> None:
        socket.wants_orders = False
        socket.say({"t": "uok"})

    def _positions(self, socket: NorenSocket, fields: Row) -> None:
        socket.wants_positions = True
        socket.say({"t": "pk"})

    def _no_positions(self, socket: NorenSocket, fields: Row) -> None:
        socket.wants_positions = False
        socket.say({"t": "upk"})

    def _tell_position(self, socket: NorenSocket, order: ClientOrder) -> None:
        for position in self._desk.exchange.positions(order.client):
            if (position.listing, position.product) == (order.listing, order.product):
                socket.say({"t": "pm", **position_row(position), "uid": order.client, "actid": order.client})


def latest_trade(desk: Desk, order: ClientOrder) -> ClientTrade | None:
    """Return the execution that brought the order to what it has filled."""
    filled = 0
    for trade in desk.exchange.trades(order.client, order.order_id):
        filled += trade.quantity
        if filled == order.filled_quantity:
            return trade
    return None


def _parsed(text: str | bytes) -> Row:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
