"""Kotak's two sockets in our terms: SFeed for prices, ``/realtime`` for an account's order updates.

Nothing reconnects here: a socket that drops raises, and the caller decides.
"""

import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from brokers.kotak.access import Access, as_socket
from brokers.kotak.connection import Socket
from brokers.kotak.mapping import pushed_order
from brokers.kotak.names import INDICES
from brokers.kotak.spec import SPEC
from brokers.kotak.ticker import FORMAT, Decoder, SignInRefused, exchanges_of
from brokers.lots import LotSizeOf
from brokers.transport import Wire
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import BrokerOrder

log = logging.getLogger(__name__)

SILENCE_SECONDS = 30.0
"""A quiet socket of prices is asked for one after half of it, and answers at once."""

UPDATES_SILENCE_SECONDS = 75.0
"""The order socket shows a sign of life every 30 s."""

_SIGN_IN_SECONDS = 10.0
_EARLY_FRAMES = 10
"""How many frames of prices may come before the answer to the sign-in."""

_KEYS_PER_MESSAGE = 500
_CLIENT = {
    "source": "NEOTRADEAPI",
    "platform": "Web",
    "version": "1.2.3",
    "sdk_version": 2,
    "sdk_date": "2026-08-07T09:41:17.667Z",
}
"""What the feed expects of every client to be told; these are the official SDK's."""

_INDEX_NAMES = frozenset(INDICES.values())


class KotakFeed:
    """One socket of touch lines and index values."""

    def __init__(self, *, wire: Wire, access: Access, silence_seconds: float | None = None) -> None:
        self._wire = wire
        self._access = access
        self._silence_seconds = silence_seconds or SILENCE_SECONDS
        self._tokens: dict[str, str] = {}
        self._socket: Socket | None = None
        self.malformed_packets = 0

    async def connect(self) -> AsyncIterator[Sequence[RawTick]]:
        """Yield a batch per frame until the socket drops, then raise ``BrokerUnavailable``.

        What was subscribed before is subscribed again.
        """
        socket = await Socket.open(self._wire, as_socket(self._access.feed_url()))
        try:
            decoder = await self._sign_in(socket)
            self._socket = socket
            await _ask(socket, "subscribe", sorted(self._tokens.values()))
            while True:
                ticks = self._ticks(await self._next(socket), decoder)
                if ticks:
                    yield ticks
        finally:
            self._socket = None
            await socket.aclose()

    async def subscribe(self, tokens: Sequence[str]) -> None:
        """Add instruments, now or at the next connect; raises ``BrokerError``: ``LIMIT`` or ``TOKEN``."""
        wanted = {token.casefold(): _checked(token) for token in tokens if token.casefold() not in self._tokens}
        if len(self._tokens) + len(wanted) > SPEC.feed_symbols_per_socket:
            raise BrokerError("LIMIT", f"{SPEC.slug} socket: at most {SPEC.feed_symbols_per_socket} instruments")
        self._tokens.update(wanted)
        if self._socket is not None:
            await _ask(self._socket, "subscribe", list(wanted.values()))

    async def unsubscribe(self, tokens: Sequence[str]) -> None:
        """Drop instruments; unknown ones are nothing to do."""
        known = [token for token in dict.fromkeys(tokens) if self._tokens.pop(token.casefold(), "")]
        if self._socket is not None:
            await _ask(self._socket, "unsubscribe", known)

    async def aclose(self) -> None:
        """Close the socket (a running ``connect`` then raises) and the session."""
        if self._socket is not None:
            await self._socket.aclose()
        await self._wire.aclose()

    async def _sign_in(self, socket: Socket) -> Decoder:
        """Raises ``SessionLost`` for a session that is refused, ``BrokerUnavailable`` for everything else."""
        session = self._access.session()
        asked_at = int(time.time() * 1000)
        await socket.say(
            user=self._access.client_id,
            auth=session.sid,
            format=FORMAT,
            conn_req_time=asked_at,
            sessionValidation=False,
            **_CLIENT,
        )
        try:
            return Decoder(exchanges_of(await self._first_text(socket)), self._index_token)
        except SignInRefused as error:
            raise SessionLost("NO_SESSION", f"{SPEC.slug} socket: the sign-in was refused: {error}") from error
        except ValueError as error:
            raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} socket: {error}") from error

    async def _first_text(self, socket: Socket) -> str:
        for _ in range(_EARLY_FRAMES):
            message = await socket.receive(within=min(_SIGN_IN_SECONDS, self._silence_seconds))
            if isinstance(message, str):
                return message
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} socket: no answer to a sign-in")

    async def _next(self, socket: Socket) -> bytes | str:
        """Return the next message; where nothing comes though something was asked for, ask for a sign of life."""
        if not self._tokens:
            return await socket.receive(within=None)
        try:
            return await socket.receive(within=self._silence_seconds / 2)
        except BrokerUnavailable as error:
            if error.code != "SILENT":
                raise
        await _ask(socket, "snapshot", [next(iter(self._tokens.values()))])
        return await socket.receive(within=self._silence_seconds / 2)

    def _ticks(self, message: bytes | str, decoder: Decoder) -> list[RawTick]:
        if isinstance(message, str):
            return []  # acknowledgements, by which subscriptions show their symbols
        frame = decoder.decode(message)
        self.malformed_packets += frame.malformed
        return frame.ticks

    def _index_token(self, shown: str) -> str:
        """Return an index under the token it was asked by, however the feed writes its name."""
        return self._tokens.get(shown.casefold(), shown)


class KotakOrderStream:
    """One account's order updates. Hints: one that cannot be read is logged and left to the order book.

    The documentation wants the first words unquoted and says they are no JSON; others saw them dropped, and JSON
    taken. A socket that drops before it answers makes the next one say it the other way.
    """

    def __init__(
        self, *, wire: Wire, access: Access, lot_size_of: LotSizeOf, silence_seconds: float | None = None
    ) -> None:
        self._wire = wire
        self._access = access
        self._lot_size_of = lot_size_of
        self._silence_seconds = silence_seconds or UPDATES_SILENCE_SECONDS
        self._socket: Socket | None = None
        self._as_json = False

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        """Yield updates until the socket drops, then raise ``BrokerUnavailable``."""
        socket = await Socket.open(self._wire, as_socket(self._access.updates_url()))
        self._socket = socket
        try:
            await self._sign_in(socket)
            while True:
                order = self._order_in(await socket.receive(within=self._silence_seconds))
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

    async def _sign_in(self, socket: Socket) -> None:
        session = self._access.session()
        words = {"type": "cn", "Authorization": session.token, "Sid": session.sid, "src": "WEB"}
        plain = "{" + ",".join(f"{name}:{value}" for name, value in words.items()) + "}"
        await socket.send(msgspec.json.encode(words).decode() if self._as_json else plain)
        try:
            answer = _message(await socket.receive(within=min(_SIGN_IN_SECONDS, self._silence_seconds)))
        except BrokerUnavailable:
            self._as_json = not self._as_json
            raise
        if answer is None or answer.type != "cn":
            raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} socket: no answer to a sign-in")
        if answer.ak.lower() != "ok":
            raise SessionLost("NO_SESSION", f"{SPEC.slug} socket: the sign-in was refused")

    def _order_in(self, text: bytes | str) -> BrokerOrder | None:
        message = _message(text)
        if message is None or message.type != "order":
            return None
        try:
            return pushed_order(message.data, self._lot_size_of)
        except BrokerUnavailable as error:
            log.warning("an unreadable order update was left out", extra={"broker": SPEC.slug, "detail": str(error)})
            return None


class _Message(msgspec.Struct):
    type: str
    ak: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


def _message(text: bytes | str) -> _Message | None:
    try:
        return msgspec.json.decode(text, type=_Message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("an unreadable socket message was left out", extra={"broker": SPEC.slug, "detail": str(error)})
        return None


def _checked(token: str) -> str:
    segment, _, number = token.partition("|")
    is_number = number.isascii() and number.isdigit()
    if not (segment.isascii() and segment.replace("_", "").isalpha() and (is_number or number in _INDEX_NAMES)):
        raise BrokerError("TOKEN", f"{SPEC.slug} socket: {token!r} is not like nse_fo|56526")
    return token


async def _ask(socket: Socket, verb: str, tokens: Sequence[str]) -> None:
    """Send a control message per kind of instrument and per some of them."""
    indices = [token for token in tokens if token.partition("|")[2] in _INDEX_NAMES]
    for kind, wanted in (("Scrips", [token for token in tokens if token not in indices]), ("Indices", indices)):
        for keys in _chunks(wanted):
            extra = {} if verb == "unsubscribe" else {"ack_symbol": True}
            await socket.say(event=f"{verb}{kind}", inputtoken=keys, **extra)


def _chunks(tokens: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(tokens), _KEYS_PER_MESSAGE):
        yield ",".join(tokens[start : start + _KEYS_PER_MESSAGE])
