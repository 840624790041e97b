"""The shard's heart: drain answers, record them, claim, send, read, follow; over and over, from Postgres alone.

Database work runs one piece at a time on the loop's database thread; broker calls run beside it as tasks, one order
call per lane. A lane whose broker hangs waits alone.
"""

import asyncio
import time
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from functools import partial

from django.conf import settings

from apps.trading.execution.books import Books
from apps.trading.execution.hints import OrderHints
from apps.trading.execution.lanes import Connect, Lanes
from apps.trading.execution.sender import Sender
from apps.trading.execution.term import Term
from apps.trading.execution.work import block_unreachable
from apps.trading.services import breaker, builds, flips, order_changes, resolver, sweep
from apps.trading.services.breaker import Trouble
from bus import failpoints

PATIENCE = 0.5
"""How many seconds sweeps and books may wait for a wave's answers."""


@dataclass(slots=True)
class Engine:
    """One shard at work: its term, and who connects its lanes and listens to their brokers."""

    term: Term
    connect: InitVar[Connect]
    hints: OrderHints | None = None
    lanes: Lanes = field(init=False)
    sender: Sender = field(init=False)
    books: Books = field(init=False)
    _patience: float = 0.0

    def __post_init__(self, connect: Connect) -> None:
        self.lanes = Lanes(self.term, connect, self.hints)
        self.sender = Sender(self.term)
        self.books = Books(self.term)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until asked to stop, then let what is on the wire come home and record it."""
        term = self.term
        failpoints.reach("disown.before")
        await term.db(resolver.disown, shard=term.shard, epoch=term.held.epoch, wall=term.wall())
        failpoints.reach("disown.after")
        while not stopping.is_set():
            await self.work()
            await self._wait(stopping)
        await self._drain()

    def nudge(self) -> None:
        """Orders, or changes of them, may wait: claim soon."""
        self.term.nudge()

    def halts_changed(self) -> None:
        """A halt was set: what is claimed and not yet sent looks again."""
        self.sender.gate.expire()

    def hint(self, account_id: int) -> None:
        """A broker said something about an account: read its books soon."""
        for worker in self.lanes.of_account(account_id):
            worker.hint()
        self.term.wake.set()

    def refresh_portfolio(self, account_id: int) -> None:
        """Somebody wants an account's holdings and funds read."""
        for worker in self.lanes.of_account(account_id):
            worker.ask_portfolio()
        self.term.wake.set()

    @property
    def has_answers(self) -> bool:
        """Whether something came back that the next round begins with."""
        return bool(self.sender.outcomes or self.sender.steps or self.books.reports or self.term.lost)

    async def _wait(self, stopping: asyncio.Event) -> None:
        if self.has_answers:
            return
        term = self.term
        due = min((worker.next_read for worker in term.lanes.values() if not worker.reading), default=term.next_sweep)
        pause = max(0.0, min(due, term.next_sweep) - time.monotonic())
        stop = asyncio.create_task(stopping.wait())
        woken = asyncio.create_task(term.wake.wait())
        await asyncio.wait({stop, woken}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, woken):
            task.cancel()

    async def work(self) -> None:
        """One round. Answers first: they free lanes; then new orders; then everything that can wait a moment."""
        term = self.term
        term.wake.clear()
        await self._record()
        await self.sender.submit()
        if (self.sender.outcomes or term.orders_wait) and time.monotonic() < self._patience:
            return  # new orders or a wave's answers: they go first
        self._patience = time.monotonic() + PATIENCE
        if time.monotonic() >= term.next_sweep:
            await self._sweep()
            term.orders_wait = True
            await self.sender.submit()
        await self.books.apply()
        await self.sender.follow()
        self.books.start_reads()

    async def _record(self) -> None:
        await self.sender.record()
        await self.lanes.drop_lost()

    # the sweep: what a lost message would have said --------------------------------------------------------------

    async def _sweep(self) -> None:
        term = self.term
        term.next_sweep = time.monotonic() + settings.SWEEP_SECONDS
        now, wall, shard = term.market_now(), term.wall(), term.shard
        await self._look_at_builds(wall)
        waits = {slug: spec.resend_wait_seconds for slug, spec in term.specs.items()}
        steps = (
            partial(resolver.mark_overdue, shard=shard, wall=wall),
            partial(sweep.sweep_entries, shard=shard, now=now),
            partial(sweep.retry_entries, shard=shard, now=now, wall=wall),
            partial(sweep.settle_idle, shard=shard, now=now, wall=wall),
            partial(flips.flatten_flips, shard=shard, now=now, wall=wall),
            partial(sweep.sweep_exits, shard=shard, now=now, wall=wall),
            partial(self._resolve, waits, now, wall),
            partial(self._tend_changes, waits, wall),
            partial(block_unreachable, shard=shard),
        )
        for step in steps:
            await term.db(step)
            await self.sender.submit()  # orders that came meanwhile do not wait for the rest
        term.changes_wait = True
        await self._tend_halts(wall)
        await self.lanes.tend()

    async def _look_at_builds(self, wall: datetime) -> None:
        """Beside workers of another build nothing is entered: two versions may mean different things by one row."""
        term = self.term
        term.foreign_builds = await term.db(
            builds.foreign_builds, process=term.held.name, term=term.held.epoch, wall=wall
        )
        term.detail |= {"standing_by": bool(term.foreign_builds), "foreign_builds": term.foreign_builds}

    async def _tend_halts(self, wall: datetime) -> None:
        """What one broker's trouble means for its accounts, and nothing for anybody else's."""
        lanes = self.term.lanes
        down = {
            lane[0]: Trouble(worker.breaker.code, worker.breaker.text)
            for lane, worker in lanes.items()
            if worker.breaker.is_down()
        }
        healthy = {lane[0] for lane, worker in lanes.items() if worker.breaker.is_healthy()}
        unhealthy = {lane[0] for lane, worker in lanes.items() if not worker.breaker.is_healthy()}
        await self.term.db(breaker.tend_halts, shard=self.term.shard, down=down, healthy=healthy - unhealthy, wall=wall)

    def _resolve(self, waits: dict[str, int], now: datetime, wall: datetime) -> None:
        held = self.term.held
        resolver.resolve_unknown(
            shard=self.term.shard, lease=held.name, epoch=held.epoch, resend_waits=waits, now=now, wall=wall
        )

    def _tend_changes(self, waits: dict[str, int], wall: datetime) -> None:
        term = self.term
        shown = {lane: worker.shown for lane, worker in term.lanes.items() if worker.shown is not None}
        order_changes.tend(shard=term.shard, epoch=term.held.epoch, shown=shown, waits=waits, wall=wall)

    async def _drain(self) -> None:
        """Nothing new is sent; answers still under way are waited for and recorded."""
        if self.hints is not None:
            await self.hints.aclose()
        if self.term.tasks:
            await asyncio.wait(set(self.term.tasks), timeout=settings.BROKER_TIMEOUT_SECONDS + 1)
        await self._record()
        await self.lanes.aclose()
