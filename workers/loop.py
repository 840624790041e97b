"""The long-running loop: a thread of a Celery worker that leads under a lease, beats, and stops gracefully.

Start-up and recovery are the same path: whoever gets the lease runs ``main`` from the beginning. When the lease is
lost or ``main`` fails, everything it started is cancelled and the thread queues up for the lease again.
"""

import asyncio
import gc
import logging
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.utils import InterfaceError, OperationalError

from bus import clock, leases
from bus.leases import Held, LeaseLost
from bus.models import Heartbeat

log = logging.getLogger(__name__)
T = TypeVar("T")

COLLECT_AFTER = 10_000
"""How many new objects the collector waits for: a wave makes some thousands, most of them gone by themselves."""

SWITCH_SECONDS = 0.001
"""How long a thread may keep the others waiting: Python's five milliseconds are a third of what an exit may take."""


def _prefer_latency() -> None:
    """Threads take turns quickly, and the collector leaves alone what was imported: a full pass over it takes as long
    as a whole wave may."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(COLLECT_AFTER, 10, 10)
    gc.collect()
    gc.freeze()


class Lead:
    """What a leading loop is handed: its lease, a way to the database, and the word to stop."""

    def __init__(
        self, held: Held, executor: ThreadPoolExecutor, urgent: ThreadPoolExecutor, stopping: asyncio.Event
    ) -> None:
        self.held = held
        self.stopping = stopping
        self.detail: dict[str, Any] = {}  # shown with the heartbeat
        self._executor = executor
        self._urgent = urgent

    async def db(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run blocking ORM code on the loop's one database thread, in the order asked."""
        call = _with_fresh_connection(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def db_first(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run what cannot wait behind the rest, on a thread and a connection of its own; in order among its like."""
        call = _with_fresh_connection(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._urgent, call)

    async def pause(self, seconds: float) -> bool:
        """Wait; return at once, with True, when asked to stop."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _with_fresh_connection(function: Callable[..., T], *args: Any, **kwargs: Any) -> Callable[[], T]:
    def call() -> T:
        close_old_connections()
        return function(*args, **kwargs)

    return call


class LeasedLoop(ABC):
    """A loop only one process runs at a time; ``name`` is the lease's.

    ``grace``: seconds beyond the lease for which a holder that cannot be proved gone may still be busy.
    """

    name: str
    grace: float = 0.0

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._events: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_asked = threading.Event()
        self.started_at: datetime = clock.now()

    @abstractmethod
    async def main(self, lead: Lead) -> None:
        """Do the work until ``lead.stopping`` is set. Runs anew after every takeover."""

    def start(self) -> None:
        """Begin in a thread of this process."""
        if self._thread is None:
            _prefer_latency()
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def stop(self, *, timeout: float = 15.0) -> None:
        """Ask the loop to end and wait for it."""
        self._stop_asked.set()
        events, stopping = self._events, self._stopping
        if events is not None and stopping is not None and not events.is_closed():
            events.call_soon_threadsafe(stopping.set)
        if self._thread is not None:
            self._thread.join(timeout)

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        """Run a callback in the loop's thread; without effect while nobody leads."""
        events = self._events
        if events is not None and events.is_running():
            events.call_soon_threadsafe(callback, *args)

    def _run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                asyncio.run(self._lead_once())
            except Exception:  # the loop must outlive whatever its work meets; it starts over from Postgres
                log.exception("loop failed, starting over", extra={"loop": self.name})
                self._stop_asked.wait(1.0)

    async def _lead_once(self) -> None:
        self._events, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if self._stop_asked.is_set():
            return
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"{self.name}-db")
        urgent = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"{self.name}-first")
        renewals = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"{self.name}-lease")
        try:
            held = await self._wait_for_lease(renewals)
            if held is not None:
                await self._lead(Lead(held, executor, urgent, self._stopping), renewals)
        finally:
            for pool in (executor, urgent, renewals):
                pool.submit(connection.close)
                pool.shutdown(wait=True)
            self._events = None

    async def _wait_for_lease(self, pool: ThreadPoolExecutor) -> Held | None:
        loop = asyncio.get_running_loop()
        while not self._stop_asked.is_set():
            take = _with_fresh_connection(leases.acquire, self.name, seconds=settings.LEASE_SECONDS, grace=self.grace)
            held = await loop.run_in_executor(pool, take)
            if held is not None:
                log.info("leading", extra={"loop": self.name, "epoch": held.epoch})
                return held
            await asyncio.sleep(0.5)
        return None

    async def _lead(self, lead: Lead, renewals: ThreadPoolExecutor) -> None:
        work = asyncio.create_task(self.main(lead), name=f"{self.name}-main")
        beat = asyncio.create_task(self._keep(lead, renewals), name=f"{self.name}-lease")
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            results = await _end(work, beat)
            clock.forget()
            await asyncio.get_running_loop().run_in_executor(renewals, _release_quietly, lead.held)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _keep(self, lead: Lead, renewals: ThreadPoolExecutor) -> None:
        """Renew the lease and show a sign of life; ends by raising when the lease cannot be kept."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(renewals, _with_fresh_connection(_renew_and_beat, self, lead))
            except (OperationalError, InterfaceError) as error:
                if lead.held.remaining() <= 1.0:
                    raise LeaseLost(self.name) from error
            await asyncio.sleep(min(lead.held.seconds / 4, 2.0))


async def _end(*tasks: asyncio.Task[None]) -> list[BaseException | None]:
    """Cancel until everything has ended: a library's ``wait_for`` may swallow the first word to stop."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1.0)
    return [None if task.cancelled() else task.exception() for task in tasks]


def _renew_and_beat(loop: LeasedLoop, lead: Lead) -> None:
    leases.renew(lead.held)
    clock.follow(clock.ask())
    Heartbeat.objects.update_or_create(
        process=loop.name,
        defaults={
            "holder": lead.held.holder,
            "build": settings.BUILD_ID,
            "started_at": loop.started_at,
            "beat_at": clock.now(),
            "detail": {**lead.detail, "epoch": lead.held.epoch},
        },
    )


def _release_quietly(held: Held) -> None:
    try:
        leases.release(held)
    except (OperationalError, InterfaceError):
        log.warning("lease not released, it will run out", extra={"loop": held.name})
