"""A market's socket of order updates: read until it drops, whatever opens it."""

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from brokers.binance.access import Access
from brokers.binance.answers import BROKER
from brokers.binance.connection import Socket
from brokers.rows import MalformedRow
from brokers.transport import Wire
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)


class OrderSocket(ABC):
    """Hints: one that cannot be read is logged and left to the order book."""

    def __init__(self, *, wire: Wire, access: Access, url: str, silence_seconds: float | None = None) -> None:
        self._wire = wire
        self._access = access
        self._url = url
        self._silence_seconds = silence_seconds
        self._socket: Socket | None = None

    async def connect(self) -> AsyncGenerator[BrokerOrder, None]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``; ``SessionLost`` for dead keys."""
        async with self._subscribed() as socket:
            while True:
                order = self._order_in(await socket.receive())
                if order is not None:
                    yield order

    async def aclose(self) -> None:
        """Close the socket: a running ``connect`` then raises."""
        if self._socket is not None:
            await self._socket.aclose()

    @abstractmethod
    def _subscribed(self) -> AbstractAsyncContextManager[Socket]:
        """Open the socket on which the account's updates come; raises ``BrokerError``."""

    @abstractmethod
    def _told(self, message: bytes) -> BrokerOrder | None:
        """Return the order of an update, ``None`` for a message of another kind.

        Raises ``BrokerError`` where the stream is ended or refused, and what makes a message unreadable.
        """

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncGenerator[Socket, None]:
        self._socket = socket = await Socket.open(self._wire, url, silence_seconds=self._silence_seconds)
        try:
            yield socket
        finally:
            self._socket = None
            await socket.aclose()

    def _order_in(self, message: bytes) -> BrokerOrder | None:
        try:
            return self._told(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow, LookupError) as error:
            log.warning("an unreadable socket message was left out", extra={"broker": BROKER, "detail": str(error)})
            return None
