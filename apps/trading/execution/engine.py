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
from apps.trading.execution.state import ShardState
from apps.trading.execution.work import block_unreachable
from apps.trading.services import breaker, builds, flips, order_changes, resolver, sweep
from apps.trading.services.breaker import Trouble
from bus import failpoints

PATIENCE = 0.5
"""How many seconds sweeps and books may wait for a wave's answers."""


@dataclass(slots=True)
class Engine:
    """One shard at work: who connects its lanes, and who listens to their brokers."""

    state: ShardState
    connect: InitVar[Connect]
    hints: OrderHints | None = None
    lanes: Lanes = field(init=False)
    sender: Sender = field(init=False)
    books: Books = field(init=False)
    _patience: float = 0.0

    def __post_init__(self, connect: Connect) -> None:
        self.lanes = Lanes(self.state, connect, self.hints)
        self.sender = Sender(self.state)
        self.books = Books(self.state)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until asked to stop, then let what is on the wire come home and record it."""
        state = self.state
        failpoints.reach("disown.before")
        await state.db(resolver.disown, shard=state.shard, epoch=state.held.epoch, wall=state.wall())
        failpoints.reach("disown.after")
        while not stopping.is_set():
            await self.work()
            await self._wait(stopping)
        await self._drain()

    def nudge(self) -> None:
        """Orders, or changes of them, may wait: claim soon."""
        self.state.nudge()

    def halts_changed(self) -> None:
        """A halt was set: what is claimed and not yet sent looks again."""
        self.sender.gate.expire()

    def hint(self, account_id: int) -> None:
        """A broker said something about an account: read its books soon."""
        for worker in self.lanes.of_account(account_id):
            worker.hint()
        self.state.wake.set()

    def refresh_portfolio(self, account_id: int) -> None:
        """Somebody wants an account's holdings and funds read."""
        for worker in self.lanes.of_account(account_id):
            worker.ask_portfolio()
        self.state.wake.set()

    @property
    def has_answers(self) -> bool:
        """Whether something came back that the next round begins with."""
        return bool(self.sender.outcomes or self.sender.steps or self.books.reports or self.state.lost)

    async def _wait(self, stopping: asyncio.Event) -> None:
        if self.has_answers:
            return
        state = self.state
        due = min((worker.next_read for worker in state.lanes.values() if not worker.reading), default=state.next_sweep)
        pause = max(0.0, min(due, state.next_sweep) - time.monotonic())
        stop = asyncio.create_task(stopping.wait())
        woken = asyncio.create_task(state.wake.wait())
        await asyncio.wait({stop, woken}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, woken):
            task.cancel()

    async def work(self) -> None:
        """One round. Answers first: they free lanes; then new orders; then everything that can wait a moment."""
        state = self.state
        state.wake.clear()
        await self._record()
        await self.sender.submit()
        if (self.sender.outcomes or state.orders_wait) and time.monotonic() < self._patience:
            return  # new orders or a wave's answers: they go first
        self._patience = time.monotonic() + PATIENCE
        if time.monotonic() >= state.next_sweep:
            await self._sweep()
            state.orders_wait = True
            await self.sender.submit()
        await self.books.apply()
        await self.sender.follow()
        self.books.start_reads()

    async def _record(self) -> None:
        await self.sender.record()
        await self.lanes.drop_lost()

    # the sweep: what a lost message would have said --------------------------------------------------------------

    async def _sweep(self) -> None:
        state = self.state
        state.next_sweep = time.monotonic() + settings.SWEEP_SECONDS
        now, wall, shard = state.market_now(), state.wall(), state.shard
        await self._look_at_builds(wall)
        waits = {slug: spec.resend_wait_seconds for slug, spec in state.specs.items()}
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
            await state.db(step)
            await self.sender.submit()  # orders that came meanwhile do not wait for the rest
        state.changes_wait = True
        await self._tend_halts(wall)
        await self.lanes.tend()

    async def _look_at_builds(self, wall: datetime) -> None:
        """Beside workers of another build nothing is entered: two versions may mean different things by one row."""
        state = self.state
        state.foreign_builds = await state.db(
            builds.foreign_builds, process=state.held.name, term=state.held.epoch, wall=wall
        )
        state.detail |= {"standing_by": bool(state.foreign_builds), "foreign_builds": state.foreign_builds}

    async def _tend_halts(self, wall: datetime) -> None:
        """What one broker's trouble means for its accounts, and nothing for anybody else's."""
        state, lanes = self.state, self.state.lanes
        down = {
            lane[0]: Trouble(worker.breaker.code, worker.breaker.text)
            for lane, worker in lanes.items()
            if worker.breaker.is_down()
        }
        open_accounts = {lane[0] for lane in lanes}
        unhealthy = {lane[0] for lane, worker in lanes.items() if not worker.breaker.is_healthy()}
        scarce = {lane[0] for lane, worker in lanes.items() if not worker.has_day_left()}
        await state.db(
            breaker.tend_halts,
            shard=state.shard,
            down=down,
            healthy=open_accounts - unhealthy,
            spent={lane[0] for lane, worker in lanes.items() if worker.is_day_spent()},
            spared=open_accounts - scarce,
            wall=wall,
        )

    def _resolve(self, waits: dict[str, int], now: datetime, wall: datetime) -> None:
        held = self.state.held
        resolver.resolve_unknown(
            shard=self.state.shard, lease=held.name, epoch=held.epoch, resend_waits=waits, now=now, wall=wall
        )

    def _tend_changes(self, waits: dict[str, int], wall: datetime) -> None:
        state = self.state
        shown = {lane: worker.shown for lane, worker in state.lanes.items() if worker.shown is not None}
        order_changes.tend(shard=state.shard, epoch=state.held.epoch, shown=shown, waits=waits, wall=wall)

    async def _drain(self) -> None:
        """Nothing new is sent; answers still under way are waited for and recorded."""
        if self.hints is not None:
            await self.hints.aclose()
        if self.state.tasks:
            await asyncio.wait(set(self.state.tasks), timeout=settings.BROKER_TIMEOUT_SECONDS + 1)
        await self._record()
        await self.lanes.aclose()
