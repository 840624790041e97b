"""The order socket: JSON texts about orders, trades and positions, to those who asked for them."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import hdrs, web

from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.fyers.calls import FyersCounter
from simulator.faces.fyers.mapping import position_row, pushed_order, pushed_trade
from simulator.faces.fyers.wire import Row, dumps
from simulator.faces.sockets import Socket, Sockets, opened

PING, PONG = "ping", b"pong"
KINDS = frozenset({"orders", "trades", "positions", "edis", "pricealerts", "login"})
SUBSCRIBED = {"code": 1605, "message": "Successfully subscribed", "s": "ok"}
_POSITION_NAMES = {
    "buy_avg": "buyAvg",
    "buy_qty": "buyQty",
    "buy_val": "buyVal",
    "sell_avg": "sellAvg",
    "sell_qty": "sellQty",
    "sell_val": "sellVal",
    "net_avg": "netAvg",
    "net_qty": "netQty",
    "tran_side": "side",
    "product_type": "productType",
    "pl_realized": "realized_profit",
    "pl_unrealized": "unrealized_profit",
    "pl_total": "pl",
    "rbirefrate": "rbiRefRate",
    "fy_token": "fyToken",
    "day_buy_qty": "dayBuyQty",
    "day_sell_qty": "daySellQty",
    "cf_buy_qty": "cfBuyQty",
    "cf_sell_qty": "cfSellQty",
    "qty_multiplier": "qtyMulti_com",
    "cross_curr_flag": "crossCurrency",
    **{name: name for name in ("symbol", "id", "qty", "exchange", "segment")},
}


@dataclass(eq=False, slots=True)
class OrderSocket(Socket):
    """One connection: what it wants to hear of, and how many trades of each order it was told."""

    kinds: set[str] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, row: Row) -> None:
        """Queue a text about something that was asked for."""
        if kind in self.kinds:
            self.queue(dumps({kind: row, "s": "ok"}))


class OrderSockets(Sockets[OrderSocket]):
    """All order sockets of the face."""

    def __init__(self, counter: FyersCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /trade/v3 with an upgrade and ``authorization: appid:token``."""
        try:
            client = self._counter.authorized(request.headers.get(hdrs.AUTHORIZATION, ""))
        except FaceError as error:
            return web.Response(status=403, text=error.message)
        socket = OrderSocket(request=request, stream=await opened(request))
        self.enter(socket, client)
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: OrderSocket, text: str | bytes) -> None:
        """Answer a ping, subscribe and unsubscribe; what cannot be read is passed over."""
        if text == PING:
            socket.queue(PONG)
            return
        wanted, is_on = _read(text)
        if not wanted:
            return
        socket.kinds = socket.kinds | wanted if is_on else socket.kinds - wanted
        socket.queue(dumps(SUBSCRIBED))

    async def flush(self, socket: OrderSocket) -> None:
        """Send what waits."""
        await socket.tell()

    def tell_order(self, socket: OrderSocket, order: ClientOrder) -> None:
        """Queue the order and, where it traded, what it traded and what is held now."""
        socket.say("orders", pushed_order(order))
        trades = self._desk.exchange.trades(order.client, order.order_id)
        known = socket.told.get(order.order_id, 0)
        socket.told[order.order_id] = len(trades)
        for trade in trades[known:]:
            socket.say("trades", pushed_trade(trade, order))
        if len(trades) > known:
            self._tell_position(socket, order)

    def _tell_position(self, socket: OrderSocket, order: ClientOrder) -> None:
        wanted = (order.listing.token, order.product)
        for position in self._desk.exchange.positions(order.client):
            if (position.listing.token, position.product) == wanted:
                row = position_row(position)
                socket.say("positions", {ours: row[theirs] for ours, theirs in _POSITION_NAMES.items()})


def _read(text: str | bytes) -> tuple[frozenset[str], bool]:
    """Return the kinds a request names, and whether it asks for them."""
    try:
        message: Any = orjson.loads(text)
        if message["T"] != "SUB_ORD":
            return frozenset(), False
        return KINDS & frozenset(message["SLIST"]), message["SUB_T"] == 1
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return frozenset(), False
