"""An account's order updates of the spot market, over the WebSocket API: its listen keys ended in February 2026.

https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream
"""

import logging
from collections.abc import AsyncGenerator
from decimal import Decimal

import msgspec

from brokers.binance.access import Access
from brokers.binance.answers import BROKER, error_of
from brokers.binance.connection import Socket
from brokers.binance.mapping import OrderRow, order_of
from brokers.ccxt_family.signing import signature
from brokers.rows import MalformedRow
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

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


class SpotOrderStream:
    """Hints: one that cannot be read is logged and left to the order book."""

    def __init__(self, *, wire: Wire, access: Access, url: str, silence_seconds: float | None = None) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._silence_seconds = silence_seconds
        self._socket: Socket | None = None

    async def connect(self) -> AsyncGenerator[BrokerOrder, None]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``; ``SessionLost`` for dead keys."""
        await self._access.clock.settle(self._wire, self._access.time_url)
        socket = await Socket.open(self._wire, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            await socket.send({"id": 1, "method": _SUBSCRIBE, "params": self._proof()})
            while True:
                order = self._order_in(await socket.receive())
                if order is not None:
                    yield order
        finally:
            self._socket = None
            await socket.aclose()

    async def aclose(self) -> None:
        """Close the socket: a running ``connect`` then raises."""
        if self._socket is not None:
            await self._socket.aclose()

    def _proof(self) -> dict[str, object]:
        params: dict[str, object] = {"apiKey": self._access.api_key, **self._access.stamp()}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        try:
            signed = signature("binance", text, secret=self._access.secret)
        except ValueError as error:
            raise BrokerError("CREDENTIALS", f"{BROKER}: {error}") from error
        whole = {name: int(str(params[name])) for name in ("timestamp", "recvWindow")}
        return params | whole | {"signature": signed}

    def _order_in(self, message: bytes) -> BrokerOrder | None:
        """Return the order of an update; raises ``BrokerUnavailable`` where Binance ends or refuses the stream."""
        try:
            said = msgspec.json.decode(message, type=_Said)
            if said.error:
                raise self._refused(said)
            return self._updated(said.event) if said.event else None
        except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow, LookupError) as error:
            log.warning("an unreadable socket message was left out", extra={"broker": BROKER, "detail": str(error)})
            return None

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
