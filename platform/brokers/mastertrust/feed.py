"""The socket in our terms: prices for the feed account, order updates for every account.

Nothing reconnects here: a socket that drops raises, and the caller decides.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from math import inf

from brokers.adapter import OnOrder
from brokers.lots import LotSizeOf
from brokers.mastertrust.answers import BROKER
from brokers.mastertrust.connection import SILENCE_SECONDS, Socket
from brokers.mastertrust.mapping import socket_order
from brokers.mastertrust.spec import SPEC
from brokers.mastertrust.ticker import CODES, decode
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable, RawTick
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

_CONTRACTS_PER_MESSAGE = 200
_MODE = "marketdata"
_UPDATES = "updates"
_DEVICE = "web"


class MasterTrustFeed:
    """One market-data socket; an order update that comes along is handed to ``on_order``."""

    def __init__(
        self,
        *,
        wire: Wire,
        url: str,
        client_id: str,
        lot_size_of: LotSizeOf,
        on_order: OnOrder | None = None,
        silence_seconds: float | None = None,
    ) -> None:
        self._wire = wire
        self._url = url
        self._client_id = client_id
        self._lot_size_of = lot_size_of
        self._on_order = on_order
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._tokens: set[str] = set()
        self._socket: Socket | None = None
        self.malformed_packets = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a batch per message until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await Socket.open(self._wire, self._url, silence_seconds=self._silence_seconds)
        self._socket = socket
        try:
            await _ask(socket, "subscribe", sorted(self._tokens))
            if self._on_order is not None:
                await socket.ask("subscribe", [self._client_id, _DEVICE], _UPDATES)
            while True:
                ticks = self._ticks(await socket.receive())
                if ticks:
                    yield ticks
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [token for token in dict.fromkeys(tokens) if _contract(token) and token not in self._tokens]
        if len(self._tokens) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _ask(self._socket, "subscribe", wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            await _ask(self._socket, "unsubscribe", dropped)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    def _ticks(self, message: bytes | str) -> list[RawTick]:
        if isinstance(message, str):
            return []  # nothing documented comes as text
        frame = decode(message)
        self.malformed_packets += frame.malformed
        if frame.order and self._on_order is not None:
            order = _order_in(frame.order, self._lot_size_of)
            if order is not None:
                self._on_order(order)
        return frame.ticks


class MasterTrustOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book.

    Nothing is said while no order moves, so silence is no sign of death here: unanswered pings are.
    """

    def __init__(self, *, wire: Wire, url: str, client_id: str, lot_size_of: LotSizeOf) -> None:
        self._wire = wire
        self._url = url
        self._client_id = client_id
        self._lot_size_of = lot_size_of
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(self._wire, self._url, silence_seconds=inf)
        self._socket = socket
        try:
            await socket.ask("subscribe", [self._client_id, _DEVICE], _UPDATES)
            while True:
                message = await socket.receive()
                update = decode(message).order if isinstance(message, bytes) else b""
                order = _order_in(update, self._lot_size_of) if update else None
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


def _order_in(update: bytes, lot_size_of: LotSizeOf) -> BrokerOrder | None:
    try:
        return socket_order(update, lot_size_of)
    except BrokerUnavailable as error:
        log.warning("an unreadable order update was left out", extra={"broker": BROKER, "detail": str(error)})
        return None


def _contract(token: str) -> list[int]:
    """Return a contract as the socket numbers it; raises ``BrokerError`` with code ``TOKEN``."""
    exchange, _, number = token.partition("|")
    if exchange not in CODES or not (number.isascii() and number.isdigit()):
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not like NFO|54452")
    return [CODES[exchange], int(number)]


def _chunks(tokens: Sequence[str]) -> Iterator[list[list[int]]]:
    for start in range(0, len(tokens), _CONTRACTS_PER_MESSAGE):
        yield [_contract(token) for token in tokens[start : start + _CONTRACTS_PER_MESSAGE]]


async def _ask(socket: Socket, action: str, tokens: Sequence[str]) -> None:
    for contracts in _chunks(tokens):
        await socket.ask(action, contracts, _MODE)
