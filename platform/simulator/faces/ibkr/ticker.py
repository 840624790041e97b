"""The socket: text commands in (``smd+conid+{..}``, ``sor+{}``, ``tic``), JSON topics out.

A contract's first message shows the fields asked for, later ones what changed.
"""

from dataclasses import dataclass, field
from time import monotonic, time

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.ibkr.calls import IbkrCounter
from simulator.faces.ibkr.mapping import order_row, trade_row
from simulator.faces.ibkr.names import conid_of
from simulator.faces.ibkr.quotes import fields_of, marked
from simulator.faces.ibkr.wire import Row, dumps, failure, not_authenticated
from simulator.faces.sockets import Socket, Sockets, opened

HEARTBEAT_SECONDS = 10.0
STREAM_SECONDS = 600.0
"""How long a contract is told of before it must be asked for again."""


@dataclass(eq=False, slots=True)
class IbkrSocket(Socket):
    """One connection: what it wants of each contract and until when, what it was last sent, what else it hears."""

    fields: dict[int, frozenset[str]] = field(default_factory=dict)
    until: dict[int, float] = field(default_factory=dict)
    sent: dict[int, Row] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)

    def say(self, row: Row) -> None:
        """Queue a message."""
        self.queue(dumps(row))


class Ticker(Sockets[IbkrSocket]):
    """All sockets of the face."""

    heartbeat = HEARTBEAT_SECONDS

    def __init__(self, counter: IbkrCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._rows: dict[int, tuple[int, Row]] = {}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /ws?oauth_token=.. with an upgrade and the cookie a tickle gave."""
        try:
            client = self._admit(request)
        except FaceError as error:
            return failure(error)
        socket = IbkrSocket(request=request, stream=await opened(request))
        self.enter(socket, client)
        self._greet(socket, client)
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: IbkrSocket, text: str | bytes) -> None:
        """Do what a command asks; one that is not known is answered with an error."""
        words = (text if isinstance(text, str) else text.decode(errors="replace")).split("+", 2)
        if words[0] == "smd" and len(words) == 3:
            self._subscribe(socket, words[1], words[2])
        elif words[0] == "umd" and len(words) >= 2:
            self._unsubscribe(socket, words[1])
        elif words[0] in ("sor", "str"):
            self._listen(socket, words[0])
        elif words[0] in ("uor", "utr"):
            socket.topics.discard(f"s{words[0][1:]}")
        elif words[0] == "tic":
            socket.say({"topic": "tic", "alive": True, "id": "1", "lastAccessed": int(time() * 1000)})
        else:
            socket.say({"topic": "error", "error": f"unknown command {words[0]!r}", "code": 3})

    async def flush(self, socket: IbkrSocket) -> None:
        """Send texts, then what changed of prices; a heartbeat where there is neither."""
        is_quiet = not socket.texts and not socket.changed
        await socket.tell()
        tokens, socket.changed = socket.changed, set()
        for token in tokens:
            row = self._update(socket, token)
            if row is not None:
                await socket.stream.send_str(dumps(row).decode())
        if is_quiet:
            await socket.stream.send_str(dumps({"topic": "system", "hb": int(time() * 1000)}).decode())

    def tell_order(self, socket: IbkrSocket, order: ClientOrder) -> None:
        """Queue the order as the book shows it, and its latest execution."""
        if "sor" in socket.topics:
            socket.say({"topic": "sor", "args": [order_row(order)]})
        if "str" in socket.topics and order.filled_quantity:
            trades = self._desk.exchange.trades(order.client, order.order_id)
            socket.say({"topic": "str", "args": [trade_row(trades[-1], order)]})

    def _admit(self, request: web.Request) -> Client:
        token = request.query.get("oauth_token", "")
        held = (client for client in self._desk.clients if client.broker == self._counter.broker)
        client = next((one for one in held if token and one.api_secret == token), None)
        if client is None:
            raise not_authenticated()
        tokens = self._desk.sessions.tokens(client.client)
        session = self._counter.brokerage.opener(client, tokens, _socket_id(request.cookies.get("api", "")))
        if session is None or not self._counter.brokerage.trades(client, session):
            raise not_authenticated()
        return client

    def _greet(self, socket: IbkrSocket, client: Client) -> None:
        socket.say({"topic": "system", "success": client.client.lower(), "isFT": False, "isPaper": True})
        socket.say({"topic": "sts", "args": {"authenticated": True, "competing": False, "message": "", "fail": ""}})
        accounts = {"accounts": [client.client], "selectedAccount": client.client, "aliases": {}}
        socket.say({"topic": "act", "args": accounts})

    def _subscribe(self, socket: IbkrSocket, conid: str, arguments: str) -> None:
        listing, wanted = self._counter.names.numbered(conid), _fields(arguments)
        if listing is None or not wanted:
            socket.say({"topic": "error", "error": f"no market data of {conid}", "code": 3})
            return
        socket.fields[listing.token] = wanted
        socket.until[listing.token] = monotonic() + STREAM_SECONDS
        socket.sent.pop(listing.token, None)
        self.watch(socket, (listing.token,))
        socket.changed.add(listing.token)
        socket.wake.set()

    def _unsubscribe(self, socket: IbkrSocket, conid: str) -> None:
        listing = self._counter.names.numbered(conid)
        if listing is not None:
            self.unwatch(socket, (listing.token,))
            socket.fields.pop(listing.token, None)
            socket.sent.pop(listing.token, None)

    def _listen(self, socket: IbkrSocket, topic: str) -> None:
        """Tell what there is already, then what comes."""
        socket.topics.add(topic)
        if socket.client is None:
            return
        orders = self._desk.exchange.orders(socket.client.client)
        if topic == "sor" and orders:
            socket.say({"topic": topic, "args": [order_row(order) for order in orders]})

    def _update(self, socket: IbkrSocket, token: int) -> Row | None:
        """Return what a socket was not sent yet; ``None`` for nothing."""
        wanted = socket.fields.get(token)
        if wanted is None or monotonic() > socket.until[token]:
            return None
        row = self._row(token)
        before = socket.sent.get(token, {})
        fresh = {name: value for name, value in row.items() if name in wanted and before.get(name) != value}
        socket.sent[token] = row
        if not fresh:
            return None
        market = self._desk.exchange.market
        listing = market.listings[token]
        return {"topic": f"smd+{conid_of(listing)}", **marked(fresh, listing, market.quote(token))}

    def _row(self, token: int) -> Row:
        market = self._desk.exchange.market
        quote = market.quote(token)
        revision, row = self._rows.get(token, (-1, {}))
        if revision != quote.revision:
            row = fields_of(market.listings[token], quote)
            self._rows[token] = (quote.revision, row)
        return row


def _fields(arguments: str) -> frozenset[str]:
    try:
        fields = orjson.loads(arguments).get("fields", [])
    except (orjson.JSONDecodeError, AttributeError):
        return frozenset()
    return frozenset(map(str, fields)) if isinstance(fields, list) else frozenset()


def _socket_id(cookie: str) -> str:
    """Return the session of a cookie, which some clients write as JSON."""
    try:
        found = orjson.loads(cookie)
    except orjson.JSONDecodeError:
        return cookie
    return str(found.get("session", "")) if isinstance(found, dict) else cookie
