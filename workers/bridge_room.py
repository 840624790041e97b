"""Bridges' rooms for adapters: Postgres rows, watched by one query for everybody who waits in this process."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import close_old_connections, connection
from django.db.utils import DatabaseError

from apps.broker_accounts.services import bridge_room
from apps.trading.execution.paper_book import Database
from brokers.catalog import SPECS
from brokers.connect import BridgeDesk
from brokers.mt5.protocol import Bars, Result, Tick
from brokers.mt5.room import Command, RoomUnavailable, Seen, Terminal
from domain.broker_spec import SignInKind

LOOK_SECONDS = 0.1
"""How often the rooms are looked at while somebody waits; a terminal calls two to four times a second."""

T = TypeVar("T")


class Watch:
    """Wakes who waits for a room once the room's revision moved: one query, however many wait."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._known: dict[int, int] = {}
        self._looking: asyncio.Task[None] | None = None

    async def changed(self, account_id: int, *, within: float) -> None:
        """Return when the room changed, or after so many seconds."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, []).append(future)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        await asyncio.wait([future], timeout=within)
        future.cancel()

    async def _look(self) -> None:
        while self._forget_who_left():
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found = await self._db(bridge_room.revisions, list(self._waiting))
            except DatabaseError:
                continue  # whoever waits finds out by its own read, in time
            for account_id, revision in found.items():
                if self._known.get(account_id) != revision:
                    self._known[account_id] = revision
                    for future in self._waiting.pop(account_id, []):
                        if not future.done():
                            future.set_result(None)

    def _forget_who_left(self) -> bool:
        left = {key: [one for one in futures if not one.done()] for key, futures in self._waiting.items()}
        self._waiting = {key: futures for key, futures in left.items() if futures}
        return bool(self._waiting)


class PostgresRoom:
    """One account's room."""

    def __init__(self, account_id: int, db: Database, watch: Watch) -> None:
        self._account_id = account_id
        self._db = db
        self._watch = watch

    async def seen(self) -> Seen:
        """Return who is there."""
        return await self._ask(bridge_room.seen)

    async def terminal(self) -> Terminal | None:
        """Return what the terminal said."""
        return await self._ask(bridge_room.terminal)

    async def ticks(self) -> Sequence[Tick]:
        """Return the last ticks."""
        return await self._ask(bridge_room.ticks)

    async def post(self, command: Command) -> None:
        """Leave a command; raises ``AlreadyPosted``."""
        await self._ask(bridge_room.post, command)

    async def answer(self, cmd_id: str) -> Result | Bars | None:
        """Return a command's answer."""
        return await self._ask(bridge_room.answer, cmd_id)

    async def withdraw(self, cmd_id: str) -> bool:
        """Take a command back that nobody was told of."""
        return await self._ask(bridge_room.withdraw, cmd_id)

    async def subscribe(self, symbols: Sequence[str]) -> None:
        """Say whose ticks are wanted."""
        await self._ask(bridge_room.subscribe, symbols)

    async def glance(self, symbols: Sequence[str]) -> None:
        """Ask for more ticks for a minute."""
        await self._ask(bridge_room.glance, symbols)

    async def changed(self, *, within: float) -> None:
        """Return when something may have changed."""
        await self._watch.changed(self._account_id, within=within)

    async def _ask(self, function: Callable[..., T], *args: Any) -> T:
        try:
            found: T = await self._db(function, self._account_id, *args)
        except DatabaseError as error:
            raise RoomUnavailable(str(error)) from error
        return found


def desk_of(slug: str, account_id: int, db: Database, watch: Watch | None = None) -> BridgeDesk | None:
    """Return the desk of an account whose broker calls us; ``None`` for every other broker."""
    if slug not in SPECS or SPECS[slug].sign_in.kind is not SignInKind.BRIDGE:
        return None
    return BridgeDesk(PostgresRoom(account_id, db, watch or Watch(db)))


async def own_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run blocking ORM code off the event loop where no loop of ours leads: the connection is closed with the deed."""

    def call() -> T:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            connection.close()

    return await asyncio.to_thread(call)
