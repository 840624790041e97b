"""The sockets: prices as the Noren family shows them, and order updates with a token of their own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.aliceblue.calls import AliceCounter
from simulator.faces.aliceblue.wire import Row
from simulator.faces.noren.mapping import order_update
from simulator.faces.noren.ticker import Answer, NorenSocket, Prices, latest_trade
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.market.types import Listing

_SUFFIX = "_API"


class Ticker(Prices):
    """The market sockets, one a session; each has to be announced before it opens."""

    def __init__(self, counter: AliceCounter) -> None:
        super().__init__(counter.desk, counter.names)
        self._counter = counter
        self._announced: set[str] = set()

    def forget(self, client: Client) -> None:
        """End a client's socket."""
        self._announced.discard(client.client)
        self.replace(self.of(client.client))

    def announce(self, client: Client) -> None:
        """Let a client's next socket in."""
        self._announced.add(client.client)

    def sign_ins(self) -> Mapping[str, Answer]:
        """By the session's token, hashed twice."""
        return {"c": self._sign_in}

    def answers(self) -> Mapping[str, Answer]:
        """Nothing else: a heartbeat is not answered."""
        return {}

    def message(self, kind: str, listing: Listing, row: Row, *, whole: bool) -> Row:
        """Return a message about a contract; a whole one tells a lot in units, even where it counts lots."""
        shown = super().message(kind, listing, row, whole=whole)
        return shown | ({"ml": "1", "ls": str(listing.lot_size)} if whole else {})

    def _sign_in(self, socket: NorenSocket, fields: Row) -> None:
        client = self._counter.named(str(fields.get("uid", "")).removesuffix(_SUFFIX))
        if client is None or client.client not in self._announced or not self._is_proved(client, fields):
            socket.say({"t": "cf", "k": "failed"})
            return
        self.admit(socket, client)
        socket.say({"t": "cf", "k": "OK"})

    def _is_proved(self, client: Client, fields: Row) -> bool:
        given = str(fields.get("susertoken", ""))
        tokens = self._desk.sessions.tokens(client.client)
        return fields.get("source") == "API" and given in {_hashed(_hashed(token)) for token in tokens}


@dataclass(eq=False, slots=True)
class OrderSocket(Socket):
    """One connection that tells orders."""


class OrderFeed(Sockets[OrderSocket]):
    """The order sockets: signed in by a token that is asked for first, and that works once.

    They say nothing by themselves; they are looked after every second all the same, so that faults strike.
    """

    heartbeat = 1.0

    def __init__(self, counter: AliceCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._tokens: dict[str, str] = {}

    def expect(self, client: Client, token: str) -> None:
        """Let a client in with this token."""
        self._tokens[token] = client.client

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET with an upgrade; who it is comes in the first message."""
        socket = OrderSocket(request=request, stream=await opened(request))
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: OrderSocket, text: str | bytes) -> None:
        """Sign in; heartbeats are taken and not answered."""
        fields = _parsed(text)
        if "orderToken" not in fields:
            return
        name = self._tokens.pop(str(fields["orderToken"]), "")
        client = self._counter.named(name)
        if client is None or str(fields.get("userId", "")).upper() != client.client.upper():
            socket.queue(orjson.dumps({"status": "Not_ok"}))
            return
        self.enter(socket, client)
        socket.queue(orjson.dumps({"status": "Ok"}))

    async def flush(self, socket: OrderSocket) -> None:
        """Send what waits."""
        await socket.tell()

    def tell_order(self, socket: OrderSocket, order: ClientOrder) -> None:
        """Queue an update; the product goes by another name here."""
        update = order_update(order, latest_trade(self._desk, order))
        update["pcode"] = update.pop("prd")
        socket.queue(orjson.dumps(update))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parsed(text: str | bytes) -> Row:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
