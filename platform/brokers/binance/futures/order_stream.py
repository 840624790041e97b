"""An account's order updates of the futures exchange, on a socket opened by a listen key that must be kept alive.

https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import quote

import msgspec

from brokers.binance.access import Access
from brokers.binance.answers import BROKER, read_data
from brokers.binance.connection import Socket
from brokers.binance.futures.mapping import OrderRow, names_of, order_of
from brokers.binance.order_socket import OrderSocket
from brokers.payloads import decoded
from brokers.transport import ORDER_BODY_LIMIT, Wire
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

RENEW_SECONDS = 1800.0
"""A listen key lives for an hour after its last renewal."""

_WHAT = "order socket"


class _Key(msgspec.Struct):
    listenKey: str


class _Update(msgspec.Struct):
    """The order of an ``ORDER_TRADE_UPDATE``."""

    s: str
    c: str
    S: str
    o: str
    q: Decimal
    p: Decimal
    ap: Decimal
    sp: Decimal
    X: str
    i: int
    z: Decimal
    T: int


class _Event(msgspec.Struct):
    e: str
    o: msgspec.Raw = msgspec.Raw(b"")


class FuturesOrderStream(OrderSocket):
    """The key is renewed every ``renew_seconds`` while the socket is open."""

    def __init__(
        self,
        *,
        wire: Wire,
        access: Access,
        url: str,
        silence_seconds: float | None = None,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        super().__init__(wire=wire, access=access, url=url.rstrip("/"), silence_seconds=silence_seconds)
        self._renew_seconds = renew_seconds

    @asynccontextmanager
    async def _subscribed(self) -> AsyncGenerator[Socket, None]:
        key = decoded(await self._listen_key("POST"), _Key, broker=BROKER, what=_WHAT).listenKey
        async with (
            self._opened(f"{self._url}/private/ws?listenKey={quote(key, safe='')}") as socket,
            self._kept_alive(),
        ):
            yield socket

    @asynccontextmanager
    async def _kept_alive(self) -> AsyncGenerator[None, None]:
        task = asyncio.get_running_loop().create_task(self._renew())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _renew(self) -> None:
        """Renew the key until cancelled; of one that runs out in spite of that, the exchange tells."""
        while True:
            await asyncio.sleep(self._renew_seconds)
            try:
                await self._listen_key("PUT")
            except BrokerError as error:
                log.warning("a listen key was not renewed", extra={"broker": BROKER, "detail": error.message})

    async def _listen_key(self, method: str) -> bytes:
        request = self._access.keyed(method, "listenKey")
        return read_data(await self._wire.read(request, broker=BROKER, limit=ORDER_BODY_LIMIT), what=_WHAT)

    def _told(self, message: bytes) -> BrokerOrder | None:
        event = msgspec.json.decode(message, type=_Event)
        if event.e == "listenKeyExpired":
            raise BrokerUnavailable("DROPPED", f"{BROKER} {_WHAT}: its listen key ran out")
        return self._updated(event.o) if event.e == "ORDER_TRADE_UPDATE" else None

    def _updated(self, order: msgspec.Raw) -> BrokerOrder:
        row = _row(msgspec.json.decode(order, type=_Update))
        return order_of(row, self._access.step(row.symbol), names_of([row]))


def _row(update: _Update) -> OrderRow:
    return OrderRow(
        symbol=update.s,
        orderId=update.i,
        clientOrderId=update.c,
        price=update.p,
        origQty=update.q,
        executedQty=update.z,
        avgPrice=update.ap,
        status=update.X,
        type=update.o,
        side=update.S,
        time=update.T,
        updateTime=update.T,
        stopPrice=update.sp,
    )
