"""IBKR's socket in our terms: prices for the feed account, order updates for every account.

Nothing reconnects here: a socket that drops raises, and the caller decides. Whether orders are told depends on what was
subscribed, so the two never mix.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from brokers.ibkr.access import Access
from brokers.ibkr.answers import BROKER
from brokers.ibkr.connection import SILENCE_SECONDS, Socket
from brokers.ibkr.mapping import socket_order
from brokers.ibkr.quotes import FIELDS
from brokers.ibkr.spec import SPEC
from brokers.ibkr.ticker import Board, read_message
from brokers.rest import RestAccount
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

RENEW_SECONDS = 480.0
"""IBKR ends a contract's stream after ten minutes unless it is asked for again."""

_FIELDS = msgspec.json.encode({"fields": FIELDS}).decode()


class _Status(msgspec.Struct):
    authenticated: bool | None = None


class _Told(msgspec.Struct):
    """A message that is not of a price; ``args`` depends on its topic."""

    topic: str = ""
    args: msgspec.Raw = msgspec.Raw(b"null")


_TOLD = msgspec.json.Decoder(_Told)


class IbkrFeed:
    """One socket of prices."""

    def __init__(
        self,
        *,
        account: RestAccount[Access],
        url: str,
        silence_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._url = url
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._clock = clock
        self._tokens: set[str] = set()
        self._socket: Socket | None = None
        self.malformed_messages = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a tick per message until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again, and everything every few minutes.
        """
        socket = await Socket.open(self._account, self._url, silence_seconds=self._silence_seconds)
        self._socket, board, renew_at = socket, Board(), 0.0
        try:
            while True:
                if self._clock() >= renew_at:
                    renew_at = self._clock() + RENEW_SECONDS
                    await _ask(socket, sorted(self._tokens))
                tick = self._tick(await socket.receive(), board)
                if tick is not None:
                    yield [tick]
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = [_checked(token) for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{BROKER} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _ask(self._socket, wanted)

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        dropped = [token for token in dict.fromkeys(tokens) if token in self._tokens]
        self._tokens.difference_update(dropped)
        if self._socket is not None:
            for token in dropped:
                await self._socket.send(f"umd+{token}+{{}}")

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._account.wire.aclose()

    def _tick(self, message: str, board: Board) -> RawTick | None:
        try:
            told = read_message(message)
        except ValueError:
            self.malformed_messages += 1
            return None
        if told.topic == "sts":
            check_status(message)
        before = board.malformed
        tick = board.take(told)
        self.malformed_messages += board.malformed - before
        return tick


class IbkrOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book."""

    def __init__(self, *, account: RestAccount[Access], url: str, silence_seconds: float | None = None) -> None:
        self._account = account
        self._url = url
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._socket: Socket | None = None

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(self._account, self._url, silence_seconds=self._silence_seconds)
        self._socket, shown = socket, Orders()
        try:
            await socket.send("sor+{}")
            while True:
                for order in shown.take(await socket.receive()):
                    yield order
        finally:
            self._socket = None
            await socket.aclose()

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._account.wire.aclose()


class Orders:
    """The orders of one connection: a message may show only what changed of a row."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, object]] = {}

    def take(self, message: str) -> list[BrokerOrder]:
        """Return the orders a message tells of; raises ``SessionLost`` when it says that trading is over."""
        try:
            told = _TOLD.decode(message)
            if told.topic == "sts":
                check_status(message)
            rows = msgspec.json.decode(told.args, type=list[dict[str, object]]) if told.topic == "sor" else []
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("an unreadable socket message was left out", extra={"broker": BROKER, "detail": str(error)})
            return []
        found = (self._order(row) for row in rows)
        return [order for order in found if order is not None]

    def _order(self, row: dict[str, object]) -> BrokerOrder | None:
        whole = self._shown.setdefault(str(row.get("orderId")), {})
        whole.update(row)
        try:
            return socket_order(whole)
        except BrokerUnavailable as error:
            log.warning("an unreadable order update was left out", extra={"broker": BROKER, "detail": error.message})
            return None


class _StatusMessage(msgspec.Struct):
    args: _Status = msgspec.field(default_factory=_Status)


def check_status(message: str) -> None:
    """Raise ``SessionLost`` for a status that says that the brokerage session is gone."""
    try:
        status = msgspec.json.decode(message, type=_StatusMessage).args
    except msgspec.MsgspecError:
        return  # the status of something else
    if status.authenticated is False:
        raise SessionLost("NOT_AUTHENTICATED", f"{BROKER} socket: the brokerage session is gone")


async def _ask(socket: Socket, tokens: Sequence[str]) -> None:
    for token in tokens:
        await socket.send(f"smd+{token}+{_FIELDS}")


def _checked(token: str) -> str:
    if not (token.isascii() and token.isdigit()):
        raise BrokerError("TOKEN", f"{BROKER} socket: {token!r} is not a contract id")
    return token
