"""The private sockets: an account's own events, by its listen key.

https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams. The key is in the address, or
subscribed to like a stream.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.binance.futures.listen_keys import ListenKeys
from simulator.faces.binance.futures.listings import EXCHANGE, sized
from simulator.faces.binance.futures.mapping import money, order_row
from simulator.faces.binance.listings import QUOTE
from simulator.faces.binance.mapping import happened
from simulator.faces.binance.order_sockets import OrderSockets
from simulator.faces.binance.wire import UNREADABLE, dumps
from simulator.faces.desk import Desk
from simulator.faces.sockets import Socket, opened


@dataclass(eq=False, slots=True)
class Listener(Socket):
    """One connection; ``key`` is the stream it has, ``wrapped`` says whether events name it."""

    key: str = ""
    wrapped: bool = False


class PrivateStreams(OrderSockets[Listener]):
    """Sockets of listen keys; one without says nothing."""

    exchange = EXCHANGE

    def __init__(self, desk: Desk, keys: ListenKeys) -> None:
        super().__init__(desk)
        self._keys = keys

    async def combined(self, request: web.Request) -> web.StreamResponse:
        """GET /private/stream"""
        return await self._serve(request, request.query.get("listenKey", ""), wrapped=True)

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """GET /private/ws"""
        key = request.query.get("listenKey") or request.match_info.get("key", "")
        return await self._serve(request, key, wrapped=False)

    def obey(self, socket: Listener, text: str | bytes) -> None:
        """Take a key, or leave one."""
        try:
            asked = orjson.loads(text)
            method, params, number = asked["method"], list(asked.get("params") or []), asked.get("id")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            socket.queue(dumps(UNREADABLE))
            return
        if method == "SUBSCRIBE":
            for key in params:
                self._listen(socket, str(key))
        elif method == "UNSUBSCRIBE" and socket.key in params:
            self.leave(socket)
            socket.key = ""
        result = [socket.key] if method == "LIST_SUBSCRIPTIONS" and socket.key else None
        socket.queue(dumps({"result": result, "id": number}))

    def announce(self, socket: Listener, order: ClientOrder, last: ClientTrade | None, *, now: int) -> None:
        """Queue an update, and what it did to the account."""
        if not socket.key:
            return
        update = _update(order, last, now=now)
        if update["o"]["x"] == "TRADE":
            self._tell(socket, self._account(order, now=now))
        self._tell(socket, update)

    async def _serve(self, request: web.Request, key: str, *, wrapped: bool) -> web.StreamResponse:
        socket = Listener(request, await opened(request), wrapped=wrapped)
        if key:
            self._listen(socket, key)
        await self.serve(socket)
        return socket.stream

    def _listen(self, socket: Listener, key: str) -> None:
        client = self._keys.client_of(key)
        if client is not None:
            socket.key = key
            self.enter(socket, client)

    def _tell(self, socket: Listener, event: dict[str, Any]) -> None:
        socket.queue(dumps({"stream": socket.key, "data": event} if socket.wrapped else event))

    def _account(self, order: ClientOrder, *, now: int) -> dict[str, Any]:
        """Return an ``ACCOUNT_UPDATE``: the wallet, and the contract's position."""
        exchange = self._desk.exchange
        margins = exchange.margins(order.client)
        wallet = margins.cash + margins.realised
        held = [one for one in exchange.positions(order.client) if one.listing is order.listing]
        positions = [
            {
                "s": one.listing.symbol,
                "pa": sized(one.quantity, one.listing),
                "ep": money(one.average_price),
                "bep": money(one.average_price),
                "cr": one.realised,
                "up": one.unrealised,
                "mt": "cross",
                "iw": "0",
                "ps": "BOTH",
            }
            for one in held
        ]
        balances = [{"a": QUOTE, "wb": wallet, "cw": wallet, "bc": "0"}]
        return {"e": "ACCOUNT_UPDATE", "E": now, "T": now, "a": {"m": "ORDER", "B": balances, "P": positions}}


def _update(order: ClientOrder, last: ClientTrade | None, *, now: int) -> dict[str, Any]:
    row, kind = order_row(order), happened(order)
    traded = last if kind == "TRADE" else None
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": now,
        "T": row["updateTime"],
        "o": {
            "s": row["symbol"],
            "c": row["clientOrderId"],
            "S": row["side"],
            "o": row["type"],
            "f": row["timeInForce"],
            "q": row["origQty"],
            "p": row["price"],
            "ap": row["avgPrice"],
            "sp": row["stopPrice"],
            "x": kind,
            "X": row["status"],
            "i": row["orderId"],
            "l": sized(traded.quantity if traded else 0, order.listing),
            "z": row["executedQty"],
            "L": money(traded.price) if traded else "0",
            "N": QUOTE,
            "n": "0",
            "T": row["updateTime"],
            "t": int(traded.trade_id) if traded else 0,
            "b": "0",
            "a": "0",
            "m": False,
            "R": row["reduceOnly"],
            "wt": row["workingType"],
            "ot": row["origType"],
            "ps": row["positionSide"],
            "cp": row["closePosition"],
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": row["selfTradePreventionMode"],
            "pm": row["priceMatch"],
            "gtd": 0,
        },
    }
