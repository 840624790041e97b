"""An account's order updates of the spot market, over the WebSocket API: its listen keys ended in February 2026.

https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec

from brokers.binance.answers import BROKER, error_of
from brokers.binance.connection import Socket
from brokers.binance.mapping import OrderRow, order_of
from brokers.binance.order_socket import OrderSocket
from brokers.ccxt_family.signing import signature
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import BrokerOrder

_SUBSCRIBE = "userDataStream.subscribe.signature"
_ENDED = "eventStreamTerminated"


class _Report(msgspec.Struct):
    """An ``executionReport``; in ``C`` is the client order id of an order that was cancelled, in ``c`` its cancel's."""

    s: str
    c: str
    S: str
    o: str
    q: Decimal
    p: Decimal
    P: Decimal
    C: str
    X: str
    r: str
    i: int
    z: Decimal
    Z: Decimal
    O: int  # noqa: E741 - Binance's name
    T: int
    w: bool = True


class _Kind(msgspec.Struct):
    e: str


class _Said(msgspec.Struct):
    event: msgspec.Raw = msgspec.Raw(b"")
    status: int = 0
    error: msgspec.Raw = msgspec.Raw(b"")


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


class SpotOrderStream(OrderSocket):
    """The socket says nothing before it is subscribed by a signature."""

    @asynccontextmanager
    async def _subscribed(self) -> AsyncGenerator[Socket, None]:
        await self._access.clock.settle(self._wire, self._access.time_url)
        async with self._opened(self._url) as socket:
            await socket.send({"id": 1, "method": _SUBSCRIBE, "params": self._proof()})
            yield socket

    def _proof(self) -> dict[str, object]:
        params: dict[str, object] = {"apiKey": self._access.api_key, **self._access.stamp()}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        try:
            signed = signature("binance", text, secret=self._access.secret)
        except ValueError as error:
            raise BrokerError("CREDENTIALS", f"{BROKER}: {error}") from error
        whole = {name: int(str(params[name])) for name in ("timestamp", "recvWindow")}
        return params | whole | {"signature": signed}

    def _told(self, message: bytes) -> BrokerOrder | None:
        said = msgspec.json.decode(message, type=_Said)
        if said.error:
            raise self._refused(said)
        return self._updated(said.event) if said.event else None

    def _refused(self, said: _Said) -> BrokerError:
        error = msgspec.json.decode(said.error, type=_Error)
        found = error_of(said.status, error.code, error.msg, what="order socket")
        if found.code == "-1021":
            self._access.clock.doubt()
        return found

    def _updated(self, event: msgspec.Raw) -> BrokerOrder | None:
        kind = msgspec.json.decode(event, type=_Kind).e
        if kind == _ENDED:
            raise BrokerUnavailable("DROPPED", f"{BROKER} order socket: Binance ended the stream")
        if kind != "executionReport":
            return None
        report = msgspec.json.decode(event, type=_Report)
        return order_of(_row(report), self._access.step(report.s))


def _row(report: _Report) -> OrderRow:
    return OrderRow(
        symbol=report.s,
        orderId=report.i,
        clientOrderId=report.C or report.c,
        price=report.p,
        origQty=report.q,
        executedQty=report.z,
        cummulativeQuoteQty=report.Z,
        status=report.X,
        type=report.o,
        side=report.S,
        time=report.O,
        updateTime=report.T,
        stopPrice=report.P,
        isWorking=report.w,
    )
