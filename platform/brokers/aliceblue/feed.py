"""Alice Blue's sockets: touchlines for the feed account, order updates for every account on a socket of their own.

https://ant.aliceblueonline.com/productdocumentation/Websocket/ and /Webhooks/. Nothing reconnects here.
"""

import logging
from collections.abc import AsyncIterator

import msgspec

from brokers.aliceblue.access import Access
from brokers.aliceblue.answers import BROKER, read_result
from brokers.aliceblue.line import SILENCE_SECONDS, Line
from brokers.aliceblue.spec import SPEC
from brokers.aliceblue.updates import update_of
from brokers.lots import LotSizeOf
from brokers.noren.connection import Manner, Socket
from brokers.noren.feed import PriceSocket, TouchlineFeed
from brokers.payloads import decoded, malformed
from brokers.transport import ORDER_BODY_LIMIT, Wire
from domain.broker import BrokerUnavailable
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_QUIET_SECONDS = 50.0
"""A heartbeat a minute is wanted; every half of this without an update one is sent."""

_PING_SECONDS = 20.0
_WHAT = "order socket"


class AliceBlueFeed(TouchlineFeed):
    """The touchlines of a session's line."""

    def __init__(self, line: Line, *, silence_seconds: float | None = None) -> None:
        super().__init__(SPEC)
        self._line = line
        self._silence_seconds = silence_seconds or SILENCE_SECONDS

    async def dial(self) -> PriceSocket:
        """Listen to the line."""
        return await self._line.join(silence_seconds=self._silence_seconds)

    async def hang_up(self) -> None:
        """Close the line where nobody else listens."""
        await self._line.aclose()


class _OrderToken(msgspec.Struct, rename="camel"):
    order_token: str


class _Frame(msgspec.Struct):
    t: str = ""
    status: str = ""


_FRAMES = msgspec.json.Decoder(_Frame)


class AliceBlueOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(self, *, wire: Wire, access: Access, url: str, lot_size_of: LotSizeOf) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._lot_size_of = lot_size_of
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(self._wire, self._url, await self._manner(), silence_seconds=_QUIET_SECONDS)
        self._socket = socket
        try:
            while True:
                order = _order_in(await socket.receive(), self._lot_size_of)
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

    async def _manner(self) -> Manner:
        """Ask for the socket's own token, and say how it is talked to: it is not known to answer anything but pings."""
        heartbeat = {"heartbeat": "h", "userId": self._access.user}
        return Manner(
            broker=BROKER,
            hello={"orderToken": await self._order_token(), "userId": self._access.user},
            heartbeat=heartbeat,
            nudge=lambda: heartbeat,
            is_welcome=_is_welcome,
            answers_nudges=False,
            ping_seconds=_PING_SECONDS,
        )

    async def _order_token(self) -> str:
        request = self._access.get("/order-notify/ws/createWsToken")
        answer = await self._wire.read(request, broker=BROKER, limit=ORDER_BODY_LIMIT)
        rows = decoded(read_result(answer, what=_WHAT), list[_OrderToken], broker=BROKER, what=_WHAT)
        if len(rows) != 1 or not rows[0].order_token:
            raise malformed(BROKER, _WHAT, "no order token")
        return rows[0].order_token


def _is_welcome(text: str) -> bool:
    try:
        return _FRAMES.decode(text).status.upper() == "OK"
    except msgspec.MsgspecError as error:
        raise ValueError(f"not an answer to a sign-in: {error}") from error


def _order_in(text: str, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    try:
        return update_of(text, lot_size_of) if _FRAMES.decode(text).t == "om" else None
    except (msgspec.MsgspecError, BrokerUnavailable) as error:
        log.warning("an unreadable order update was left out", extra={"broker": BROKER, "detail": str(error)})
        return None
