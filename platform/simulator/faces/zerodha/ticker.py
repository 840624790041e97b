"""The ticker: binary ticks for subscribed tokens, order updates as text.

A packet is encoded once per token and mode, however many sockets want it.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.sockets import Socket, Sockets, opened
from simulator.faces.zerodha.calls import KiteCounter
from simulator.faces.zerodha.mapping import order_row, unit
from simulator.faces.zerodha.packets import HEARTBEAT, INDEX_SEGMENT, Mode, encode, frame
from simulator.faces.zerodha.wire import dumps, failure, too_many

TOKENS_PER_SOCKET = 3000
SOCKETS_PER_KEY = 3
HEARTBEAT_SECONDS = 1.0


class BadMessage(ValueError):
    """A frame the ticker does not understand; the text goes back to its sender."""


@dataclass(eq=False, slots=True)
class KiteSocket(Socket):
    """One connection and the mode it wants each token in."""

    modes: dict[int, Mode] = field(default_factory=dict)

    def say(self, kind: str, data: Any) -> None:
        """Queue a text frame."""
        self.queue(dumps({"type": kind, "id": "", "data": data}))


class Ticker(Sockets[KiteSocket]):
    """All sockets of the face."""

    heartbeat = HEARTBEAT_SECONDS

    def __init__(self, counter: KiteCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter
        self._packets: dict[tuple[int, Mode], tuple[int, bytes]] = {}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /?api_key=..&access_token=.. with an upgrade."""
        try:
            client = self._admit(request)
        except FaceError as error:
            return failure(error)
        socket = KiteSocket(request=request, stream=await opened(request))
        self.enter(socket, client)
        await self.serve(socket)
        return socket.stream

    def obey(self, socket: KiteSocket, text: str | bytes) -> None:
        """Subscribe, unsubscribe or change modes."""
        try:
            self._obey(socket, text)
        except BadMessage as error:
            socket.say("error", str(error))

    async def flush(self, socket: KiteSocket) -> None:
        """Send texts, then one frame of packets, or a heartbeat."""
        await socket.tell()
        if not socket.changed:
            await socket.stream.send_bytes(HEARTBEAT)
            return
        tokens, socket.changed = socket.changed, set()
        packets = [packet for token in tokens if (packet := self._packet(token, socket.modes[token]))]
        await socket.stream.send_bytes(frame(packets) if packets else HEARTBEAT)

    def tell_order(self, socket: KiteSocket, order: ClientOrder) -> None:
        """Queue the order as the book shows it."""
        socket.say("order", order_row(order))

    def _admit(self, request: web.Request) -> Client:
        client = self._counter.keyed(request.query.get("api_key", ""))
        admitted = self._counter.signed_in(client, request.query.get("access_token", ""))
        if len(self.of(admitted.client)) >= SOCKETS_PER_KEY:
            raise too_many()
        return admitted

    def _obey(self, socket: KiteSocket, text: str | bytes) -> None:
        action, value = _parse(text)
        if action == "subscribe":
            tokens = _tokens(value)
            self._want(socket, {token: socket.modes.get(token, Mode.QUOTE) for token in tokens})
        elif action == "unsubscribe":
            self._forget(socket, _tokens(value))
        elif action == "mode":
            mode, tokens = _mode(value)
            self._want(socket, dict.fromkeys(tokens, mode))
        else:
            raise BadMessage(f"Unknown action {action!r}")

    def _want(self, socket: KiteSocket, modes: dict[int, Mode]) -> None:
        listed = {token: mode for token, mode in modes.items() if token in self._desk.exchange.market.listings}
        if len(socket.modes | listed) > TOKENS_PER_SOCKET:
            raise BadMessage(f"At most {TOKENS_PER_SOCKET} instruments can be subscribed on one connection")
        socket.modes |= listed
        self.watch(socket, listed)
        socket.changed |= listed.keys()
        socket.wake.set()

    def _forget(self, socket: KiteSocket, tokens: list[int]) -> None:
        for token in tokens:
            socket.modes.pop(token, None)
        self.unwatch(socket, tokens)

    def _packet(self, token: int, mode: Mode) -> bytes:
        market = self._desk.exchange.market
        quote = market.quote(token)
        if not quote.last_price:
            return b""
        revision, packet = self._packets.get((token, mode), (-1, b""))
        if revision != quote.revision:
            full = mode is Mode.FULL and token & 0xFF != INDEX_SEGMENT
            depth = market.depth(token) if full else ((), ())
            packet = encode(quote, mode, depth=depth, unit=unit(market.listings[token]))
            self._packets[token, mode] = (quote.revision, packet)
        return packet


def _parse(text: str | bytes) -> tuple[str, Any]:
    try:
        message = orjson.loads(text)
        return str(message["a"]), message["v"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadMessage('Invalid message: {"a": .., "v": ..} is expected') from None


def _tokens(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(type(token) is int for token in value):
        raise BadMessage("Invalid tokens: a list of integers is expected")
    return value


def _mode(value: Any) -> tuple[Mode, list[int]]:
    try:
        mode, tokens = value
        return Mode(mode), _tokens(tokens)
    except (TypeError, ValueError) as error:
        raise BadMessage(f"Invalid mode message: {error}") from None
