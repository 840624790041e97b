"""The WebSocket API, for one thing: an account's own events, subscribed to by a signature.

https://developers.binance.com/docs/binance-spot-api-docs/websocket-api/user-data-stream-requests
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from domain.instruments import Exchange
from domain.orders import Validity
from simulator.exchange.types import ClientOrder, ClientTrade
from simulator.faces.binance.calls import BinanceCounter
from simulator.faces.binance.limits import rate_limits
from simulator.faces.binance.mapping import happened, is_working, order_row
from simulator.faces.binance.order_sockets import OrderSockets
from simulator.faces.binance.wire import EIGHT, BinanceError, dumps, stamp
from simulator.faces.calls import FaceError
from simulator.faces.sockets import Socket, opened

Method = Callable[[Socket, Mapping[str, Any]], dict[str, Any]]


class UserStreams(OrderSockets[Socket]):
    """Sockets of the WebSocket API; one says nothing by itself before it is subscribed."""

    exchange = Exchange.BINANCE

    def __init__(self, counter: BinanceCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._methods: Mapping[str, Method] = {
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
            "session.subscriptions": lambda socket, _: {"result": self._subscriptions(socket)},
            "time": lambda socket, _: {"result": {"serverTime": stamp(self._desk.now())}},
            "ping": lambda socket, _: {"result": {}},
        }

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /ws-api/v3"""
        socket = Socket(request, await opened(request))
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: Socket, text: str | bytes) -> None:
        """Answer a request."""
        try:
            asked = orjson.loads(text)
            number, method, params = asked.get("id"), asked["method"], asked.get("params") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            socket.queue(dumps(_failed(None, BinanceError(-1135, "Invalid JSON Request"))))
            return
        socket.queue(dumps(self._answered(socket, number, method, params)))

    def announce(self, socket: Socket, order: ClientOrder, last: ClientTrade | None, *, now: int) -> None:
        """Queue an execution report."""
        socket.queue(dumps({"subscriptionId": 0, "event": _report(order, last, now=now)}))

    def _answered(self, socket: Socket, number: Any, method: Any, params: Any) -> dict[str, Any]:
        try:
            if method not in self._methods or not isinstance(params, dict):
                raise BinanceError(-1020, "This operation is not supported.")
            found = self._methods[method](socket, params)
        except FaceError as error:
            return _failed(number, error)
        return {"id": number, "status": 200, **found, "rateLimits": []}

    def _subscribe(self, socket: Socket, params: Mapping[str, Any]) -> dict[str, Any]:
        texts = {str(name): _plain(value) for name, value in params.items()}
        client = self._counter.alive(texts.get("apiKey", ""))
        signed = "&".join(f"{name}={texts[name]}" for name in sorted(texts) if name != "signature")
        self._counter.prove(client, texts, signed)
        self.enter(socket, client)
        return {"result": {"subscriptionId": 0}}

    def _unsubscribe(self, socket: Socket, params: Mapping[str, Any]) -> dict[str, Any]:
        self.leave(socket)
        socket.client = None
        return {"result": {}}

    def _subscriptions(self, socket: Socket) -> list[dict[str, int]]:
        return [{"subscriptionId": 0}] if socket.client is not None else []


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _failed(number: Any, error: FaceError) -> dict[str, Any]:
    said = {"code": int(error.code), "msg": error.message}
    return {"id": number, "status": error.status, "error": said, "rateLimits": rate_limits()}


def _report(order: ClientOrder, last: ClientTrade | None, *, now: int) -> dict[str, Any]:
    row, step = order_row(order), order.listing.multiplier
    kind = happened(order)
    traded = last if kind == "TRADE" else None
    ended = kind == "CANCELED"
    quantity = traded.quantity * step if traded else EIGHT * 0
    price = traded.price if traded else EIGHT * 0
    return {
        "e": "executionReport",
        "E": now,
        "s": row["symbol"],
        "c": f"cancel-{order.order_id}" if ended else order.tag,
        "S": row["side"],
        "o": row["type"],
        "f": "IOC" if order.validity is Validity.IOC else "GTC",
        "q": row["origQty"],
        "p": row["price"],
        "P": row["stopPrice"],
        "F": row["icebergQty"],
        "g": -1,
        "C": order.tag if ended else "",
        "x": kind,
        "X": row["status"],
        "r": "NONE",
        "i": row["orderId"],
        "l": quantity,
        "z": row["executedQty"],
        "L": price,
        "n": "0",
        "N": "BNB" if traded else None,
        "T": row["updateTime"],
        "t": int(traded.trade_id) if traded else -1,
        "v": 0,
        "I": row["orderId"],
        "w": is_working(order),
        "m": False,
        "M": False,
        "O": row["time"],
        "Z": row["cummulativeQuoteQty"],
        "Y": quantity * price,
        "Q": row["origQuoteOrderQty"],
        "W": row["workingTime"],
        "V": "NONE",
    }
