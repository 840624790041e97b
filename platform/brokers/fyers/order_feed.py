"""Fyers' order socket. https://myapi.fyers.in/docsv3 (Order Websocket Usage Guide)"""

import logging
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec

from brokers.fyers.access import Access
from brokers.fyers.answers import BROKER
from brokers.fyers.connection import SILENCE_SECONDS, Socket
from brokers.fyers.mapping import OrderRow, order_of
from brokers.lots import LotSizeOf
from brokers.rows import MalformedRow
from brokers.transport import Wire
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_SUBSCRIBE = '{"T":"SUB_ORD","SLIST":["orders"],"SUB_T":1}'
_PING, _PONG = "ping", "pong"
_ZERO = Decimal(0)


class _Pushed(msgspec.Struct):
    """An order under the socket's names."""

    id: str
    symbol: str
    segment: int
    tran_side: int
    ord_type: int
    org_ord_status: int
    product_type: str
    qty: int
    qty_filled: int = 0
    price_traded: Decimal = _ZERO
    price_limit: Decimal = _ZERO
    price_stop: Decimal = _ZERO
    ordertag: str | None = None
    oms_msg: str | None = None
    time_oms: str | None = None

    def as_row(self) -> OrderRow:
        """The same as the order book would show it."""
        return OrderRow(
            id=self.id,
            symbol=self.symbol,
            segment=self.segment,
            side=self.tran_side,
            type=self.ord_type,
            status=self.org_ord_status,
            product_type=self.product_type,
            qty=self.qty,
            filled_qty=self.qty_filled,
            traded_price=self.price_traded,
            limit_price=self.price_limit,
            stop_price=self.price_stop,
            order_tag=self.ordertag,
            message=self.oms_msg,
            order_date_time=self.time_oms,
        )


class _Message(msgspec.Struct):
    orders: _Pushed | None = None


class FyersOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(
        self,
        *,
        wire: Wire,
        url: str,
        access: Access,
        lot_size_of: LotSizeOf,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._wire = wire
        self._url = url
        self._access = access
        self._lot_size_of = lot_size_of
        self._silence_seconds = silence_seconds
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(
            self._wire,
            self._url,
            headers={"authorization": self._access.authorization},
            probe=_PING,
            silence_seconds=self._silence_seconds,
        )
        self._socket = socket
        try:
            await socket.send(_SUBSCRIBE)
            while True:
                order = order_in(await socket.receive(), self._lot_size_of)
                if order is not None:
                    yield order
        finally:
            self._socket = None
            await socket.aclose()

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()


def order_in(message: bytes | str, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    """Return the order a message tells of; ``None`` for other messages, and for one that cannot be read."""
    if message == _PONG:
        return None
    try:
        pushed = msgspec.json.decode(message, type=_Message, strict=False).orders
        return None if pushed is None else order_of(pushed.as_row(), lot_size_of)
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow, LookupError) as error:
        log.warning("an unreadable order update was left out", extra={"broker": BROKER, "detail": str(error)})
        return None
