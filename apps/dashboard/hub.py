"""One hub per ASGI process: one subscription to the bus, pushed to this process's own sockets.

Prices reach a socket at most four times a second, only what changed; trades, orders and the feed's state at once.
Each socket has its own mailbox and its own sender: one that stalls costs the others nothing.
"""

import asyncio
import contextlib
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db.utils import Error as DatabaseError

from apps.dashboard import wire
from apps.dashboard.live_view import LiveView, Memo
from apps.dashboard.mailbox import Mailbox
from apps.dashboard.market import Market
from apps.dashboard.services.board import Board
from apps.dashboard.services.live_access import (
    SIGNED_OUT_NOTICE,
    Access,
    Fingerprint,
    Standing,
    fingerprints,
    look,
    prints_of,
    standing_of,
)
from apps.dashboard.services.market import is_any_open
from apps.dashboard.services.prices import Prices, read_prices
from apps.dashboard.services.summary import build_board
from apps.markets import clock
from apps.users.models import User
from bus.live import LiveEvent, listen_live
from bus.ticks import listen, listen_states

log = logging.getLogger(__name__)
T = TypeVar("T")

FLUSH_SECONDS = 0.25
FEED_EVERY = 4  # flushes
CHECK_SECONDS = 5.0
SEND_SECONDS = 15.0
RELOAD_SECONDS = 0.1
SUBSCRIBE_SECONDS = 3.0
CHANGED = "CHANGED"
"""The notice that something changed which nobody announced: a lost message, or another program's doing."""

INTERNAL_ERROR = 1011
SIGNED_OUT = 4401
RIGHTS_CHANGED = 4403
TOO_SLOW = 4408


@dataclass(slots=True, eq=False)
class Seat:
    """One connected socket: whose it is, by which session, with which rights."""

    user_id: int
    session_key: str
    standing: Standing
    mailbox: Mailbox
    sender: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Hub:
    """Everything the live process shares between its sockets."""

    market: Market = field(default_factory=Market)
    views: dict[int, LiveView] = field(default_factory=dict)
    seats: set[Seat] = field(default_factory=set)
    flushes: int = 0
    has_failed: bool = False
    _prints: dict[int, dict[int, Fingerprint]] = field(default_factory=dict)
    _opening: dict[int, asyncio.Future[LiveView]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _errands: set[asyncio.Task[None]] = field(default_factory=set)
    _streams: tuple[Any, ...] = ()
    _gaps: int = 0
    _last_feed: str = ""

    async def start(self) -> None:
        """Subscribe and begin to flush; returns once the subscriptions are in force, or the bus took too long."""
        self._streams = ticks, states, events = listen(), listen_states(), listen_live()
        with contextlib.suppress(TimeoutError):  # without Redis people still see their board, marked offline
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await asyncio.gather(*(stream.ready() for stream in self._streams))
        for name, loop in (
            ("ticks", self._hear(ticks, self.market.take)),
            ("states", self._hear(states, self.market.take_states)),
            ("events", self._hear(events, self.take_events)),
            ("flush", self._flush_forever()),
            ("check", self._check_forever()),
        ):
            task = asyncio.create_task(loop, name=f"hub-{name}")
            task.add_done_callback(self._on_end)
            self._tasks.append(task)

    async def stop(self) -> None:
        """End every task of the hub."""
        tasks = [task for task in (*self._tasks, *self._errands) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(stream.aclose() for stream in self._streams), return_exceptions=True)
        self._tasks.clear()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A loop of the hub ends only by a fault: close every socket, so that all start anew with a fresh hub."""
        if task.cancelled():
            return
        log.error("the hub failed", exc_info=task.exception(), extra={"loop": task.get_name()})
        self.has_failed = True
        for seat in self.seats:
            seat.mailbox.close(INTERNAL_ERROR)
        self._spawn(self.stop(), "stop")

    async def join(self, user: User, session_key: str) -> Seat:
        """Seat one socket of a person."""
        view = self.views.get(user.pk) or await self._open(user)
        mailbox = Mailbox(refresh=view.refresh, snapshot=view.snapshot)
        seat = Seat(user.pk, session_key, standing_of(user), mailbox)
        view.mailboxes.add(mailbox)
        self.seats.add(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Forget a socket, and the person's board with the last one."""
        self.seats.discard(seat)
        view = self.views.get(seat.user_id)
        if view is not None:
            view.mailboxes.discard(seat.mailbox)
            if not view.mailboxes:
                del self.views[seat.user_id]
                self._prints.pop(seat.user_id, None)

    async def _open(self, user: User) -> LiveView:
        """Read a person's board once, however many sockets come at the same moment."""
        waiting = self._opening.get(user.pk)
        if waiting is None:
            waiting = self._opening[user.pk] = asyncio.ensure_future(self._first_view(user))
            waiting.add_done_callback(lambda _: self._opening.pop(user.pk, None))
        view = await asyncio.shield(waiting)
        return self.views.setdefault(user.pk, view)

    async def _read(self, user_id: int) -> Board:
        """Return a person's board; the hub learns its prices and the market hours. Raises ``User.DoesNotExist``."""
        board: Board
        board, prices, is_open = await database_sync_to_async(_read_board)(user_id)
        self.market.adopt(prices)
        self.market.is_open = is_open
        return board

    async def _first_view(self, user: User) -> LiveView:
        known = await database_sync_to_async(fingerprints)()  # before the board: no change falls between the two
        board = await self._read(user.pk)
        self._prints.setdefault(user.pk, prints_of(board.account_ids, known))
        return LiveView(user_id=user.pk, board=board, market=self.market)

    async def _hear(self, stream: AsyncIterator[list[T]], take: Callable[[list[T]], None]) -> None:
        async for found in stream:
            take(found)

    def take_events(self, events: list[LiveEvent]) -> None:
        """Push each event to whom it concerns: those named, and whoever may see its account."""
        for event in events:
            if event.kind == "notice" and event.data.get("code") == SIGNED_OUT_NOTICE:
                self._spawn(self.check(), "check")
                continue
            if event.kind == "feed":
                self.market.reported = str(event.data.get("state", ""))
            text = wire.dump({"type": event.kind, "at": wire.now_ms(), "data": event.data})
            for view in self._concerned(event):
                for mailbox in view.mailboxes:
                    mailbox.put_event(text)
                if event.kind != "feed":
                    self._reload_soon(view)

    def _concerned(self, event: LiveEvent) -> list[LiveView]:
        if event.users is None:
            return list(self.views.values())
        named, account = frozenset(event.users), event.data.get("account")
        return [view for view in self.views.values() if view.user_id in named or account in view.account_ids]

    def _reload_soon(self, view: LiveView) -> None:
        """Read the person's board again, once for a burst of events."""
        if view.is_reloading:
            view.is_outdated = True
            return
        view.is_reloading = True
        self._spawn(self._reload(view), "reload")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"hub-{name}")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _reload(self, view: LiveView) -> None:
        try:
            while True:
                view.is_outdated = False
                await asyncio.sleep(RELOAD_SECONDS)
                view.load(await self._read(view.user_id))
                for mailbox in view.mailboxes:
                    mailbox.ask_snapshot()
                if not view.is_outdated:
                    return
        except (DatabaseError, User.DoesNotExist) as error:
            log.warning("a board cannot be read again", extra={"user": view.user_id, "reason": str(error)})
        finally:
            view.is_reloading = False

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Offer every socket what changed for it since the last flush."""
        changed, parts = self.market.drain()
        extra = self._feed_part()
        self.flushes += 1
        if changed or extra:
            memo: Memo = {}
            for view in self.views.values():
                text = view.patch(changed, parts, extra, memo)
                if text is not None:
                    for mailbox in view.mailboxes:
                        mailbox.put_patch(text)

    def _feed_part(self) -> dict[str, Any]:
        """The feed's state when it changed, its age once a second."""
        feed = self.market.feed(wire.now_ms())
        due = feed["state"] != self._last_feed or self.flushes % FEED_EVERY == 0
        self._last_feed = str(feed["state"])
        return {"feed": feed} if due else {}

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._drop_stalled()
            await self.check()

    async def check(self) -> None:
        """Close the sockets of whoever signed out, lost a right or got another one; find missed changes."""
        seats = list(self.seats)
        users, keys = {seat.user_id for seat in seats}, {seat.session_key for seat in seats}
        try:
            access = await database_sync_to_async(look)(user_ids=users, session_keys=keys)
        except DatabaseError as error:
            log.warning("sockets cannot be checked", extra={"reason": str(error)})
            return
        self.market.is_open = access.is_open
        for seat in seats:
            code = _verdict(seat, access)
            if code:
                seat.mailbox.close(code)
        await self._catch_up()
        for view in list(self.views.values()):
            self._compare(view, access)

    async def _catch_up(self) -> None:
        """After a lost connection to the bus, read what it kept meanwhile."""
        gaps = sum(stream.gaps for stream in self._streams)
        if gaps != self._gaps:
            self._gaps = gaps
            wanted = {key for view in self.views.values() for key in view.instruments}
            self.market.adopt(await database_sync_to_async(read_prices)(wanted))
            for view in self.views.values():
                self._reload_soon(view)

    def _compare(self, view: LiveView, access: Access) -> None:
        now = prints_of(view.account_ids, access.fingerprints)
        before = self._prints.get(view.user_id)
        self._prints[view.user_id] = now
        if before is not None and before != now:
            text = wire.dump({"type": "notice", "at": wire.now_ms(), "data": {"code": CHANGED}})
            for mailbox in view.mailboxes:
                mailbox.put_event(text)
            self._reload_soon(view)

    def _drop_stalled(self) -> None:
        now = asyncio.get_running_loop().time()
        for seat in list(self.seats):
            since = seat.mailbox.sending_since
            if since is not None and now - since > SEND_SECONDS and seat.sender is not None:
                log.info("socket dropped, it took nothing", extra={"user": seat.user_id})
                seat.sender.cancel()


def _verdict(seat: Seat, access: Access) -> int:
    """Return the close code of a socket that may not stay, 0 for one that may."""
    standing = access.standings.get(seat.user_id)
    if standing is None or seat.session_key not in access.sessions or standing.auth_hash != seat.standing.auth_hash:
        return SIGNED_OUT
    return 0 if standing == seat.standing else RIGHTS_CHANGED


def _read_board(user_id: int) -> tuple[Board, Prices, bool]:
    """Return a person's board, the last prices of what it shows, and whether a market is open."""
    found: list[Prices] = []

    def read(ids: Any) -> Prices:
        found.append(read_prices(ids))
        return found[-1]

    user = User.objects.select_related("tenant").get(pk=user_id)
    now = clock.now()
    board = build_board(user, now=now, read_prices=read, is_feed_stale=False)
    return board, found[-1], is_any_open(now)


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


async def hub() -> Hub:
    """Return the hub of this process's event loop, started."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None or found.has_failed:
        found = _hubs[loop] = Hub()
        await found.start()
    return found
