"""The hand behind the exchange: faults, latency, market moves, the ledger, more clients. Loopback only.

Bodies are JSON objects; a wrong one gets 400 with ``{"error": ..}``. Requests that carry an ``Origin`` come
from a web page and are refused: no page may steer the exchange through a visitor's browser.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar

import msgspec
import orjson
from aiohttp import hdrs, web

from domain.orders import OrderType, Product, Side
from domain.prices import to_decimal
from simulator.clients import Client, DuplicateClient, demo_client
from simulator.config import Config
from simulator.exchange.types import ClientPosition, NewOrder, Refusal, Switch
from simulator.faces.calls import Handler
from simulator.faces.desk import Desk
from simulator.faces.face import Face
from simulator.faults import Fault
from simulator.ledger import Event, read_entries
from simulator.market.live import LiveMarket

PREFIX = "/control"
MAX_LEDGER_LINES = 100_000
AUTOMATIC = Decimal(-1)  # market protection
LEDGER_FILTERS = ("tag", "client", "order_id", "event", "endpoint", "symbol", "broker")

Body = TypeVar("Body", bound=msgspec.Struct)
Deed = Callable[[web.Request], Awaitable[Any]]


class ControlError(Exception):
    """A control request that cannot be done; the text goes back."""


class Latency(msgspec.Struct, forbid_unknown_fields=True):
    """Every broker call waits this long."""

    ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the brokers' call limits are in force."""

    enabled: bool


class MoreClients(msgspec.Struct, forbid_unknown_fields=True):
    """``count`` new demo clients with the given URLs, or the named ones (a known one gets new URLs)."""

    count: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 0
    clients: list[Client] = []
    postback_url: str = ""
    redirect_url: str = ""


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """A client."""

    client: str


class ManualOrder(msgspec.Struct, forbid_unknown_fields=True):
    """An order of a client, its contract by its broker's name; ``quantity`` in units."""

    client: str
    exchange: str
    symbol: str
    side: Side
    quantity: Annotated[int, msgspec.Meta(ge=1)]
    product: Product
    order_type: OrderType = OrderType.MARKET
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """A market control: ``action`` is shock, set_price, release, freeze or halt."""

    action: str
    underlying: str = ""
    exchange: str = ""
    symbol: str = ""
    percent: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    on: bool = True


class Deviation(msgspec.Struct, forbid_unknown_fields=True):
    """A switch of the exchange for one client or symbol, as ``exchange.types.Switch``."""

    client: str = ""
    symbol: str = ""
    reject_after_accept: str | None = None
    partial_fill_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    fill_delay_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """The control endpoints."""

    desk: Desk
    faces: Mapping[str, Face]
    config: Config

    async def health(self, request: web.Request) -> Any:
        """GET /control/health"""
        market = self.config.recording.name if self.config.recording else "live"
        return {"status": "ok", "market": market, "market_time": self.desk.now().isoformat()}

    async def state(self, request: web.Request) -> Any:
        """GET /control/state"""
        desk = self.desk
        due = desk.exchange.market.next_change()
        return {
            "market_time": desk.now().isoformat(),
            "next_change": due.isoformat() if due else None,
            "instruments": len(desk.exchange.market.listings),
            "halted": desk.exchange.market.halted,
            "latency_ms": desk.faults.latency_ms,
            "rate_limits": desk.limits.enabled,
            "faults": [msgspec.to_builtins(fault) for fault in desk.faults],
            "sessions": desk.sessions.count(),
            "sockets": sum(sockets.count() for face in self.faces.values() for sockets in face.sockets),
            "postbacks": self._postbacks(),
            "ledger": {"entries": desk.ledger.sequence, "syncs": desk.ledger.syncs},
            "clients": [self._book(client) for client in desk.clients],
        }

    async def clients(self, request: web.Request) -> Any:
        """GET /control/clients: the credentials, for whoever seeds accounts."""
        return {"clients": [msgspec.to_builtins(client) for client in self.desk.clients]}

    async def add_clients(self, request: web.Request) -> Any:
        """POST /control/clients"""
        wanted = await _body(request, MoreClients)
        made = [*wanted.clients, *(self._fresh(wanted) for _ in range(wanted.count))]
        for client in wanted.clients:
            self._register(client)
        return {"clients": [msgspec.to_builtins(client) for client in made]}

    async def faults(self, request: web.Request) -> Any:
        """GET /control/faults: those in force, and how many calls of each client were spoilt so far."""
        faults = self.desk.faults
        return {"faults": [msgspec.to_builtins(fault) for fault in faults], "spoilt": dict(faults.spoilt)}

    async def add_fault(self, request: web.Request) -> Any:
        """POST /control/faults"""
        return msgspec.to_builtins(self.desk.faults.add(await _body(request, Fault)))

    async def clear_faults(self, request: web.Request) -> Any:
        """DELETE /control/faults[/{id}]"""
        given = request.match_info.get("id")
        return {"cleared": self.desk.faults.clear(int(given) if given else None)}

    async def latency(self, request: web.Request) -> Any:
        """POST /control/latency"""
        self.desk.faults.latency_ms = (await _body(request, Latency)).ms
        return {"latency_ms": self.desk.faults.latency_ms}

    async def limits(self, request: web.Request) -> Any:
        """POST /control/limits"""
        self.desk.limits.enabled = (await _body(request, Limits)).enabled
        return {"rate_limits": self.desk.limits.enabled}

    async def market(self, request: web.Request) -> Any:
        """POST /control/market"""
        move = await _body(request, Move)
        market = self.desk.exchange.market
        if not isinstance(market, LiveMarket):
            raise ControlError("a recorded market cannot be moved")
        if move.action not in _MOVES:
            raise ControlError(f"action must be one of {', '.join(_MOVES)}")
        try:
            _MOVES[move.action](market, move)
        except (KeyError, ValueError) as error:
            raise ControlError(f"{move.action}: {error}") from None
        return {"done": move.action}

    async def switch(self, request: web.Request) -> Any:
        """POST /control/exchange"""
        asked = await _body(request, Deviation)
        delay = asked.fill_delay_seconds
        self.desk.exchange.switch(
            Switch(
                client=asked.client,
                symbol=asked.symbol,
                reject_after_accept=asked.reject_after_accept,
                partial_fill_ratio=asked.partial_fill_ratio,
                fill_delay=None if delay is None else timedelta(seconds=delay),
            )
        )
        return {"done": True}

    async def clear_switches(self, request: web.Request) -> Any:
        """DELETE /control/exchange"""
        self.desk.exchange.clear_switches()
        return {"done": True}

    async def quote(self, request: web.Request) -> Any:
        """GET /control/quote?exchange=..&symbol=.."""
        listing = self.desk.exchange.market.find(request.query.get("exchange", ""), request.query.get("symbol", ""))
        if listing is None:
            raise ControlError("no such instrument")
        quote = self.desk.exchange.market.quote(listing.token)
        prices = {name: str(to_decimal(getattr(quote, name))) for name in ("last_price", "bid", "ask", "close")}
        return {"token": listing.token, "lot_size": listing.lot_size, **prices}

    async def ledger(self, request: web.Request) -> Any:
        """GET /control/ledger?tag=..&client=..&event=..&limit=..: oldest first."""
        wanted = {key: value for key, value in request.query.items() if key in LEDGER_FILTERS}
        limit = request.query.get("limit", "1000")
        if not (limit.isascii() and limit.isdigit()) or not 0 < int(limit) <= MAX_LEDGER_LINES:
            raise ControlError(f"limit must lie between 1 and {MAX_LEDGER_LINES}")
        await self.desk.ledger.durable()
        read = partial(read_entries, self.desk.ledger.path, wanted=wanted, limit=int(limit))
        return {"entries": await asyncio.get_running_loop().run_in_executor(None, read)}

    async def request_token(self, request: web.Request) -> Any:
        """POST /control/request-token: what a person's login would bring back, whatever the client's broker."""
        client = self._client((await _body(request, Named)).client)
        return {"request_token": self.desk.sessions.begin(client), "api_key": client.api_key}

    async def manual_order(self, request: web.Request) -> Any:
        """POST /control/manual-order: an order from the broker's own app, without a tag.

        A MARKET order gets automatic protection.
        """
        wanted = await _body(request, ManualOrder)
        order_id = self._place(self._client(wanted.client), wanted)
        await self.desk.ledger.durable()
        return {"order_id": order_id}

    def _place(self, client: Client, wanted: ManualOrder) -> str:
        desk = self.desk
        try:
            order = self._order(client, wanted)
            with desk.recorder.decision():
                order_id = desk.exchange.place(client.client, order, now=desk.now())
                placed = desk.exchange.order(client.client, order_id)
                entry = desk.recorder.entry(placed, broker=client.broker, event=Event.ACCEPTED, endpoint="manual")
                desk.ledger.append(entry)
        except Refusal as error:
            raise ControlError(str(error)) from None
        return order_id

    def _order(self, client: Client, wanted: ManualOrder) -> NewOrder:
        listing = self.desk.wording.find(client.broker, wanted.exchange, wanted.symbol)
        if listing is None:
            raise ControlError(f"{wanted.exchange}:{wanted.symbol} is not listed at {client.broker}")
        return NewOrder(
            exchange=listing.exchange,
            symbol=listing.symbol,
            side=wanted.side,
            quantity=wanted.quantity,
            product=wanted.product,
            order_type=wanted.order_type,
            price=wanted.price,
            trigger_price=wanted.trigger_price,
            market_protection=AUTOMATIC,
        )

    def _postbacks(self) -> dict[str, int]:
        senders = [face.postbacks for face in self.faces.values() if face.postbacks is not None]
        return {"sent": sum(one.sent for one in senders), "failed": sum(one.failed for one in senders)}

    def _client(self, name: str) -> Client:
        client = self.desk.clients.named(name)
        if client is None:
            raise ControlError(f"there is no client {name!r}")
        return client

    def _fresh(self, wanted: MoreClients) -> Client:
        made = demo_client(self.desk.clients.next_name())
        client = msgspec.structs.replace(made, postback_url=wanted.postback_url, redirect_url=wanted.redirect_url)
        self._register(client)
        return client

    def _register(self, client: Client) -> None:
        try:
            self.desk.clients.add(client)
        except DuplicateClient as error:
            raise ControlError(str(error)) from None
        if client.client not in self.desk.exchange.clients():
            self.desk.exchange.open_account(client.client, cash=Decimal(client.cash))

    def _book(self, client: Client) -> dict[str, Any]:
        held = [row for row in self.desk.exchange.positions(client.client) if row.quantity]
        return {
            "client": client.client,
            "orders": len(self.desk.exchange.orders(client.client)),
            "trades": len(self.desk.exchange.trades(client.client)),
            "positions": [self._position(client, row) for row in held],
        }

    def _position(self, client: Client, row: ClientPosition) -> dict[str, Any]:
        """Return a position by its broker's name of the contract, as an order by hand wants it."""
        exchange, symbol = self.desk.wording.name_of(client.broker, row.listing)
        return {
            "exchange": exchange,
            "symbol": symbol,
            "product": row.product.value,
            "quantity": row.quantity,
            "lot_size": row.listing.lot_size,
        }


def _set_price(market: LiveMarket, move: Move) -> None:
    market.set_price(_token(market, move), move.price)


def _token(market: LiveMarket, move: Move) -> int:
    listing = market.find(move.exchange, move.symbol)
    if listing is None:
        raise KeyError(f"{move.exchange}:{move.symbol} is not listed")
    return listing.token


_MOVES: dict[str, Callable[[LiveMarket, Move], None]] = {
    "shock": lambda market, move: market.shock(move.underlying, move.percent),
    "set_price": _set_price,
    "release": lambda market, move: market.release(_token(market, move)),
    "freeze": lambda market, move: market.freeze(move.underlying, on=move.on),
    "halt": lambda market, move: market.halt(on=move.on),
}


def application(control: Control) -> web.Application:
    """Return the application of the controls."""
    app = web.Application(middlewares=[guard])
    for method, path, deed in _routes(control):
        app.router.add_route(method, path, _answering(deed))
    return app


def _routes(control: Control) -> Sequence[tuple[str, str, Deed]]:
    return (
        ("GET", "/health", control.health),
        ("GET", "/state", control.state),
        ("GET", "/clients", control.clients),
        ("POST", "/clients", control.add_clients),
        ("GET", "/faults", control.faults),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", r"/faults/{id:\d+}", control.clear_faults),
        ("POST", "/latency", control.latency),
        ("POST", "/limits", control.limits),
        ("POST", "/market", control.market),
        ("POST", "/exchange", control.switch),
        ("DELETE", "/exchange", control.clear_switches),
        ("GET", "/quote", control.quote),
        ("GET", "/ledger", control.ledger),
        ("POST", "/request-token", control.request_token),
        ("POST", "/manual-order", control.manual_order),
    )


def _answering(deed: Deed) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return _json(200, await deed(request))
        except (ControlError, msgspec.MsgspecError, orjson.JSONDecodeError) as error:
            return _json(400, {"error": str(error)})

    return answer


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep everybody but this machine's own programs away from the controls."""
    local = request.remote is not None and ip_address(request.remote).is_loopback
    if not local or hdrs.ORIGIN in request.headers:
        return _json(403, {"error": "the controls answer programs on this machine only"})
    return await handler(request)


async def _body(request: web.Request, kind: type[Body]) -> Body:
    return msgspec.json.decode(await request.read(), type=kind)


def _json(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
