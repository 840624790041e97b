"""The bridge's server side in one process: rooms in memory behind the calls terminals make, over real sockets."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
from aiohttp import web

from brokers.mt5.counter import Link, Visit, Waiting, serve
from brokers.mt5.protocol import CALLS, Bars, Hello, Kind, Refused, Result, Sums, Sync, Tick, sequence_of, written
from brokers.mt5.room import AlreadyPosted, Command, Seen, Terminal
from tests.brokers.servers import serve as serving

POLL_MS = 10


@dataclass(slots=True)
class _Posted:
    waiting: Waiting
    answer: bytes = b""
    is_back: bool = False


class MemoryRoom:
    """One account's room. It is both sides' store: what a database would keep."""

    def __init__(
        self, client_id: str, *, name: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._now = now
        self.client_id = client_id
        self.token = hashlib.sha256(client_id.encode()).hexdigest()
        self.name = name
        self._link = Link()
        self._commands: dict[str, _Posted] = {}
        self._changed = asyncio.Event()

    # the adapter's side

    async def seen(self) -> Seen:
        link = self._link
        refusal = (link.refusal_code, link.refusal) if link.refusal_code else None
        return Seen(self._now(), self.link_name(), link.seen_at, link.as_of, refusal)

    async def terminal(self) -> Terminal | None:
        link = self._link
        if not link.hello:
            return None
        return Terminal(
            await self.seen(),
            msgspec.json.decode(link.hello, type=Hello),
            msgspec.json.decode(link.sums, type=Sums) if link.sums else None,
            msgspec.json.decode(link.sync, type=Sync) if link.sync else None,
            await self.ticks(),
        )

    async def ticks(self) -> Sequence[Tick]:
        return msgspec.json.decode(self._link.ticks, type=list[Tick]) if self._link.ticks else []

    async def post(self, command: Command) -> None:
        if command.cmd_id in self._commands:
            raise AlreadyPosted(command.cmd_id)
        until = self._now() + command.lifetime
        self._commands[command.cmd_id] = _Posted(Waiting(command.cmd_id, command.kind, command.request, until))

    async def answer(self, cmd_id: str) -> Result | Bars | None:
        posted = self._commands[cmd_id]
        kind = Result if posted.waiting.kind is Kind.ORDER_SEND else Bars
        return msgspec.json.decode(posted.answer, type=kind) if posted.answer else None

    async def withdraw(self, cmd_id: str) -> bool:
        posted = self._commands[cmd_id]
        posted.is_back = posted.is_back or not posted.waiting.handed_to
        return posted.is_back

    async def subscribe(self, symbols: Sequence[str]) -> None:
        self._link.wanted = list(symbols)

    async def glance(self, symbols: Sequence[str]) -> None:
        self._link.asked |= dict.fromkeys(symbols, self._now().timestamp() + 60)

    async def changed(self, *, within: float) -> None:
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), within)
        except TimeoutError:
            return

    # the terminal's side

    def link_name(self) -> str:
        return (self.name or hashlib.sha256(self.token.encode()).hexdigest()[:32]) if self.token else ""

    def link(self) -> Link:
        return replace(self._link)

    def keep(self, link: Link) -> None:
        self._link = link
        self._changed.set()
        self._changed = asyncio.Event()

    def waiting(self) -> Sequence[Waiting]:
        return [one.waiting for one in self._commands.values() if not (one.answer or one.is_back)]

    def has_worked_since(self, at: datetime) -> bool:
        return bool(self._commands)

    def hand_out(self, cmd_ids: Sequence[str], *, instance: str, at: datetime) -> None:
        for cmd_id in cmd_ids:
            posted = self._commands[cmd_id]
            posted.waiting = replace(posted.waiting, handed_to=instance)

    def settle(self, cmd_id: str, kind: Kind, answer: bytes, *, at: datetime) -> bool:
        posted = self._commands.get(cmd_id)
        if posted is None or posted.waiting.kind is not kind:
            return False
        posted.answer = posted.answer or answer
        return True


@dataclass(slots=True)
class Bridge:
    """Rooms by token, and the address terminals are told."""

    url: str = ""
    rooms: dict[str, MemoryRoom] = field(default_factory=dict)

    def open(self, client_id: str, *, name: str = "") -> MemoryRoom:
        """Return a new room of an account; ``name`` is what its token's sessions are known by."""
        room = MemoryRoom(client_id, name=name)
        self.rooms[room.token] = room
        return room

    async def answer(self, http: web.Request) -> web.StreamResponse:
        """Take a call as the web process would."""
        name = http.path.removeprefix("/mt5/v1/")
        room = self.rooms.get(http.headers.get("Authorization", "").removeprefix("Bearer "))
        try:
            if room is None or not room.token:
                raise Refused(401, "UNAUTHORISED", "no account has this token")
            body = await http.content.read(CALLS[name].limit + 1)
            if len(body) > CALLS[name].limit:
                raise Refused(413, "TOO_LONG", "too long")
            visit = Visit(room, room.client_id, sequence_of(http.headers.get("X-Seq", "")), datetime.now(UTC))
            said: dict[str, Any] = {**serve(name, body, visit).body, "poll_ms": POLL_MS}
        except Refused as refused:
            said = {"code": refused.code, "message": refused.message}
            return web.Response(status=refused.status, body=orjson.dumps(said), content_type="application/json")
        return web.Response(body=written(said), content_type="application/json")


@asynccontextmanager
async def bridge() -> AsyncIterator[Bridge]:
    """Serve rooms on a port of their own."""
    served = Bridge()
    async with serving(served.answer) as url:
        served.url = url
        yield served
