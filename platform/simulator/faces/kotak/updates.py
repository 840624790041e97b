"""``/realtime``: order and position updates as JSON, after first words that are not JSON."""

import asyncio
import re
from dataclasses import dataclass

import orjson
from aiohttp import web

from simulator.exchange.types import ClientOrder
from simulator.faces.calls import FaceError
from simulator.faces.kotak.calls import KotakCounter
from simulator.faces.kotak.mapping import order_row, position_row
from simulator.faces.kotak.wire import Row, year_first
from simulator.faces.sockets import Socket, Sockets, opened

HEARTBEAT_SECONDS = 5.0
"""Kotak's comes every 30 s; a livelier one shows sooner that a connection was cut."""

_ALIVE = b'{"type":"HB"}'
_WORDS = re.compile(r"\{type:cn,Authorization:([^,{}]+),Sid:([^,{}]+),src:(\w+)\}")


@dataclass(eq=False, slots=True)
class UpdateSocket(Socket):
    """One connection."""

    closing: "asyncio.Task[bool] | None" = None

    def say(self, row: Row) -> None:
        """Queue a message."""
        self.queue(orjson.dumps(row))


class Updates(Sockets[UpdateSocket]):
    """All order sockets of the face."""

    heartbeat = HEARTBEAT_SECONDS

    def __init__(self, counter: KotakCounter) -> None:
        super().__init__(counter.desk)
        self._counter = counter

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /realtime with an upgrade; who it is comes in the first message."""
        socket = UpdateSocket(request=request, stream=await opened(request))
        await self.serve(socket)
        if socket.closing is not None:
            await socket.closing  # the connection goes with this request
        return socket.stream

    def obey(self, socket: UpdateSocket, text: str | bytes) -> None:
        """Sign in; nothing else is ever asked."""
        if socket.client is not None:
            return
        token, sid = _words(text)
        try:
            self.enter(socket, self._counter.of_session(token, sid))
        except FaceError as error:
            socket.closing = asyncio.get_running_loop().create_task(_refuse(socket, error.message))
            return
        socket.say({"ak": "ok", "type": "cn", "task": "cn", "msg": "connected"})

    async def flush(self, socket: UpdateSocket) -> None:
        """Send what waits, or a sign of life."""
        if not socket.texts and socket.client is not None:
            socket.texts.append(_ALIVE)  # not queued: that would wake the socket again
        await socket.tell()

    def tell_order(self, socket: UpdateSocket, order: ClientOrder) -> None:
        """Queue the order, and the position it made."""
        socket.say({"type": "order", "data": order_row(order)})
        if not order.filled_quantity:
            return
        for position in self._desk.exchange.positions(order.client):
            if (position.listing, position.product) == (order.listing, order.product):
                row = {"actId": order.client, **position_row(position), "hsUpTm": year_first(order.updated_at)}
                socket.say({"type": "position", "data": row})


async def _refuse(socket: UpdateSocket, message: str) -> bool:
    await socket.stream.send_json({"ak": "nok", "type": "cn", "task": "cn", "msg": message})
    return await socket.stream.close()


def _words(text: str | bytes) -> tuple[str, str]:
    """Return token and session id of the first words, which some clients write as JSON."""
    said = text if isinstance(text, str) else text.decode("utf-8", "replace")
    plain = _WORDS.fullmatch(said.strip())
    if plain is not None:
        return plain[1], plain[2]
    try:
        fields = orjson.loads(said)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(fields, dict) or fields.get("type") != "cn":
        return "", ""
    return str(fields.get("Authorization", "")), str(fields.get("Sid", ""))
