"""The ticker: binary ticks for subscribed tokens, order updates as text.

Every socket has a mailbox that keeps only which of its tokens changed, so a slow reader gets the latest
values and costs the others nothing. A packet is encoded once per token and mode, however many sockets want
it.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder
from simulator.faces.desk import Desk, cut
from simulator.faces.zerodha.calls import BROKER
from simulator.faces.zerodha.mapping import order_row, unit
from simulator.faces.zerodha.packets import HEARTBEAT, INDEX_SEGMENT, Mode, encode, frame
from simulator.faces.zerodha.wire import KiteError, dumps, failure, token_error, too_many
from simulator.faults import SOCKET_FAULTS, FaultKind

TOKENS_PER_SOCKET = 3000
SOCKETS_PER_KEY = 3
HEARTBEAT_SECONDS = 1.0
KEPT_UPDATES = 2000


class BadMessage(ValueError):
    """A frame the ticker does not understand; the text goes back to its sender."""


@dataclass(eq=False, slots=True)
class Socket:
    """One connection: what it wants, and what it has not been sent yet."""

    client: Client
    request: web.Request
    stream: web.WebSocketResponse
    modes: dict[int, Mode] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    texts: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    silent_until: float = 0.0

    def say(self, kind: str, data: Any) -> None:
        """Queue a text frame."""
        self.texts.append(dumps({"type": kind, "id": "", "data": data}))
        self.wake.set()


class Ticker:
    """All sockets of the face."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sockets: dict[str, set[Socket]] = defaultdict(set)
        self._wanting: dict[int, set[Socket]] = defaultdict(set)
        self._packets: dict[tuple[int, Mode], tuple[int, bytes]] = {}
        desk.exchange.on_ticks(self._ticked)
        desk.recorder.subscribe(self._updated)

    def count(self) -> int:
        """Return the number of open sockets."""
        return sum(map(len, self._sockets.values()))

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /ws-zerodha?api_key=..&access_token=.. with an upgrade."""
        try:
            client = self._admit(request)
        except KiteError as error:
            return failure(error)
        stream = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await stream.prepare(request)
        await self._serve(Socket(client=client, request=request, stream=stream))
        return stream

    def drop(self, client: str) -> int:
        """Cut the sockets of a client and return how many there were."""
        sockets = list(self._sockets.get(client, ()))
        for socket in sockets:
            cut(socket.request)
        return len(sockets)

    async def aclose(self) -> None:
        """Say goodbye to everybody."""
        sockets = [socket for held in self._sockets.values() for socket in held]
        await asyncio.gather(*(socket.stream.close(code=1001, message=b"going away") for socket in sockets))

    def _admit(self, request: web.Request) -> Client:
        client = self._desk.clients.keyed(request.query.get("api_key", ""))
        token = request.query.get("access_token", "")
        if client is None or client.broker != BROKER or not self._desk.sessions.holds(client, token):
            raise token_error()
        if len(self._sockets[client.client]) >= SOCKETS_PER_KEY:
            raise too_many()
        return client

    async def _serve(self, socket: Socket) -> None:
        self._sockets[socket.client.client].add(socket)
        sender = asyncio.get_running_loop().create_task(self._send(socket))
        try:
            await self._receive(socket)
        finally:
            sender.cancel()
            self._sockets[socket.client.client].discard(socket)
            self._forget(socket, list(socket.modes))

    async def _receive(self, socket: Socket) -> None:
        async for message in socket.stream:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            try:
                self._obey(socket, message.data)
            except BadMessage as error:
                socket.say("error", str(error))

    def _obey(self, socket: Socket, text: str | bytes) -> None:
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

    def _want(self, socket: Socket, modes: dict[int, Mode]) -> None:
        listed = {token: mode for token, mode in modes.items() if token in self._desk.exchange.market.listings}
        if len(socket.modes | listed) > TOKENS_PER_SOCKET:
            raise BadMessage(f"At most {TOKENS_PER_SOCKET} instruments can be subscribed on one connection")
        socket.modes |= listed
        for token in listed:
            self._wanting[token].add(socket)
        socket.changed |= listed.keys()
        socket.wake.set()

    def _forget(self, socket: Socket, tokens: Iterable[int]) -> None:
        for token in tokens:
            socket.modes.pop(token, None)
            socket.changed.discard(token)
            wanting = self._wanting.get(token)
            if wanting is not None:
                wanting.discard(socket)
                if not wanting:
                    del self._wanting[token]

    def _ticked(self, tokens: Sequence[int], now: datetime) -> None:
        touched: set[Socket] = set()
        for token in tokens:
            sockets = self._wanting.get(token)
            if sockets:
                touched |= sockets
                for socket in sockets:
                    socket.changed.add(token)
        for socket in touched:
            socket.wake.set()

    def _updated(self, order: ClientOrder) -> None:
        sockets = self._sockets.get(order.client)
        if sockets:
            row = order_row(order)
            for socket in sockets:
                socket.say("order", row)

    async def _send(self, socket: Socket) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await socket.wake.wait()
            except TimeoutError:
                pass
            socket.wake.clear()
            if self._spoilt(socket):
                continue
            try:
                await self._flush(socket)
            except ConnectionError:
                return

    async def _flush(self, socket: Socket) -> None:
        while socket.texts:
            await socket.stream.send_str(socket.texts.popleft().decode())
        if not socket.changed:
            await socket.stream.send_bytes(HEARTBEAT)
            return
        tokens, socket.changed = socket.changed, set()
        packets = [packet for token in tokens if (packet := self._packet(token, socket.modes[token]))]
        await socket.stream.send_bytes(frame(packets) if packets else HEARTBEAT)

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

    def _spoilt(self, socket: Socket) -> bool:
        """Say whether a fault keeps this socket from being sent anything now."""
        now = asyncio.get_running_loop().time()
        if now < socket.silent_until:
            return True
        fault = self._desk.faults.draw(SOCKET_FAULTS, client=socket.client.client, endpoint="ticker")
        if fault is None:
            return False
        if fault.kind is FaultKind.DROPPED_SOCKET:
            cut(socket.request)
        socket.silent_until = now + fault.seconds
        return True


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
