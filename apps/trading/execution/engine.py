"""The shard's heart: drain answers, record them, claim, send, read, follow; over and over, from Postgres alone.

Database work runs one piece at a time on the loop's database thread; broker calls run beside it as tasks, one order
call per lane. A lane whose broker hangs waits alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from django.conf import settings

from apps.risk.services.halts import ActiveHalts
from apps.trading.execution.apart import each_apart
from apps.trading.execution.budget import OrderBudget, ReadBudget
from apps.trading.execution.halt_gate import HaltGate, HaltsUnread, Risky
from apps.trading.execution.hints import OrderHints
from apps.trading.execution.lane import PORTFOLIO_EVERY, Attention, LaneWorker, close_quietly
from apps.trading.execution.work import LaneWork, block_unreachable, lane_work, mark_session_lost
from apps.trading.services import (
    account_facts,
    breaker,
    builds,
    chase,
    flips,
    order_changes,
    portfolio,
    reports,
    resolver,
    submission,
    sweep,
)
from apps.trading.services.account_facts import Facts
from apps.trading.services.breaker import Trouble
from apps.trading.services.chase import Step
from apps.trading.services.reports import Report
from apps.trading.services.submission import Claim, Lane
from bus import failpoints
from bus.leases import Held
from domain.broker import Broker, BrokerError, BrokerSpec, BrokerUnavailable, Outcome, SessionLost, Verdict
from domain.orders import IntentKind

log = logging.getLogger(__name__)

SEND_WITHIN = 2.0
"""A claim not on the wire after this many seconds is taken back: the bound on the sender's pause."""

AT_ONCE = 70
"""How many orders one claim takes: they are on the wire while the next ones are being claimed."""

GATHER = 0.025
"""How many seconds finished reads wait for each other: one statement books them all, and orders go first."""

PATIENCE = 0.5
"""How many seconds sweeps and books may wait for a wave's answers."""


class Database(Protocol):
    """Runs blocking ORM code off the event loop, in order."""

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Awaitable[Any]: ...


class Connect(Protocol):
    """Makes the broker of one lane; raises ``BrokerError`` where credentials or a session are missing."""

    async def __call__(self, work: LaneWork) -> Broker: ...


@dataclass(slots=True)
class Engine:
    """What one shard needs: its lease, its database, its clocks, and how lanes connect."""

    shard: int
    held: Held
    db: Database
    connect: Connect
    specs: Mapping[str, BrokerSpec]
    market_now: Callable[[], datetime]
    wall: Callable[[], datetime]
    hints: OrderHints | None = None
    detail: dict[str, Any] = field(default_factory=dict)  # shown with the heartbeat
    gate: HaltGate = field(init=False)
    lanes: dict[Lane, LaneWorker] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _outcomes: list[tuple[Claim, Outcome]] = field(default_factory=list)
    _steps: list[tuple[Step, Outcome]] = field(default_factory=list)
    _reports: list[Report] = field(default_factory=list)
    _lost: list[tuple[LaneWorker, str]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _next_sweep: float = 0.0
    _patience: float = 0.0
    _orders_wait: bool = True
    _changes_wait: bool = True
    _stale: set[Lane] = field(default_factory=set)
    _foreign: list[str] = field(default_factory=list)
    _budgets: dict[Lane, tuple[OrderBudget, ReadBudget]] = field(default_factory=dict)  # outlive a lane's connection

    def __post_init__(self) -> None:
        self.gate = HaltGate(load=partial(self.db, ActiveHalts.load))

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until asked to stop, then let what is on the wire come home and record it."""
        failpoints.reach("disown.before")
        await self.db(resolver.disown, shard=self.shard, epoch=self.held.epoch, wall=self.wall())
        failpoints.reach("disown.after")
        while not stopping.is_set():
            await self._pass()
            await self._wait(stopping)
        await self._drain()

    def nudge(self) -> None:
        """Orders, or changes of them, may wait: claim soon."""
        self._orders_wait = self._changes_wait = True
        self.wake.set()

    def halts_changed(self) -> None:
        """A halt was set: what is claimed and not yet sent looks again."""
        self.gate.expire()

    def hint(self, account_id: int) -> None:
        """A broker said something about an account: read its books soon."""
        for (lane_account, _), worker in self.lanes.items():
            if lane_account == account_id:
                worker.hint()
        self.wake.set()

    def refresh_portfolio(self, account_id: int) -> None:
        """Somebody wants an account's holdings and funds read."""
        for (lane_account, _), worker in self.lanes.items():
            if lane_account == account_id:
                worker.ask_portfolio()
        self.wake.set()

    async def _wait(self, stopping: asyncio.Event) -> None:
        if self._outcomes or self._steps or self._reports or self._lost:
            return
        due = min((worker.next_read for worker in self.lanes.values() if not worker.reading), default=self._next_sweep)
        pause = max(0.0, min(due, self._next_sweep) - time.monotonic())
        stop = asyncio.create_task(stopping.wait())
        woken = asyncio.create_task(self.wake.wait())
        await asyncio.wait({stop, woken}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, woken):
            task.cancel()

    async def _pass(self) -> None:
        """One round. Answers first: they free lanes; then new orders; then everything that can wait a moment."""
        self.wake.clear()
        await self._record()
        await self._submit()
        if (self._outcomes or self._orders_wait) and time.monotonic() < self._patience:
            return  # new orders or a wave's answers: they go first
        self._patience = time.monotonic() + PATIENCE
        if time.monotonic() >= self._next_sweep:
            await self._sweep()
            self._orders_wait = True
            await self._submit()
        await self._apply_reports()
        await self._follow()
        self._start_reads()

    # answers ---------------------------------------------------------------------------------------------------

    async def _record(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        if outcomes:
            await each_apart(self._record_outcomes, outcomes, broke=self._unrecorded)
        for claim, outcome in outcomes:
            self._orders_wait = True  # its lane may have another one
            self._free(claim.lane, outcome)
            if outcome.verdict is not Verdict.ACKNOWLEDGED:
                self._next_sweep = 0.0  # what a refusal means for the intent is settled at once
        steps, self._steps = self._steps, []
        if steps:
            await self._record_steps(steps)
        for step, outcome in steps:
            self._orders_wait = True
            self._free(step.lane, outcome)
        lost, self._lost = self._lost, []
        for worker, message in lost:
            await self._lose_session(worker, message)

    async def _record_outcomes(self, outcomes: list[tuple[Claim, Outcome]]) -> None:
        await self.db(
            submission.record_outcomes, outcomes, epoch=self.held.epoch, now=self.market_now(), wall=self.wall()
        )

    async def _unrecorded(self, answered: tuple[Claim | Step, Outcome], error: Exception) -> None:
        """The order stays as it was claimed: soon it is overdue, and the book tells what became of it."""
        log.error("an answer cannot be recorded", exc_info=error, extra={"account": answered[0].lane[0]})

    async def _record_steps(self, steps: list[tuple[Step, Outcome]]) -> None:
        own = [one for one in steps if not one[0].request_id]
        asked = [one for one in steps if one[0].request_id]
        if own:
            await each_apart(partial(self.db, chase.record_steps, wall=self.wall()), own, broke=self._unrecorded)
        if asked:
            self._changes_wait = True
            record = partial(self.db, order_changes.record_answers, wall=self.wall())
            await each_apart(record, asked, broke=self._unrecorded)

    def _free(self, lane: Lane, outcome: Outcome) -> None:
        worker = self.lanes.get(lane)
        if worker is None:
            return
        worker.busy = False
        worker.breaker.note_order(outcome)
        worker.attention.unresolved = True
        worker.hint()
        if outcome.verdict is Verdict.SESSION_LOST:
            self._lost.append((worker, outcome.message))

    async def _lose_session(self, worker: LaneWorker, message: str) -> None:
        failpoints.reach("session.lost")
        await self.db(mark_session_lost, worker.lane[0], session_key=worker.session_key, message=message)
        if self.lanes.get(worker.lane) is worker:
            del self.lanes[worker.lane]
        await close_quietly(worker)

    # the sweep: what a lost message would have said --------------------------------------------------------------

    async def _sweep(self) -> None:
        self._next_sweep = time.monotonic() + settings.SWEEP_SECONDS
        now, wall, shard = self.market_now(), self.wall(), self.shard
        await self._look_at_builds(wall)
        waits = {slug: spec.resend_wait_seconds for slug, spec in self.specs.items()}
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
            await self.db(step)
            await self._submit()  # orders that came meanwhile do not wait for the rest
        self._changes_wait = True
        await self._tend_halts(wall)
        await self._tend_lanes(await self.db(lane_work, shard=self.shard))

    async def _look_at_builds(self, wall: datetime) -> None:
        """Beside workers of another build nothing is entered: two versions may mean different things by one row."""
        self._foreign = await self.db(builds.foreign_builds, process=self.held.name, term=self.held.epoch, wall=wall)
        self.detail |= {"standing_by": bool(self._foreign), "foreign_builds": self._foreign}

    async def _tend_halts(self, wall: datetime) -> None:
        """What one broker's trouble means for its accounts, and nothing for anybody else's."""
        down = {
            lane[0]: Trouble(worker.breaker.code, worker.breaker.text)
            for lane, worker in self.lanes.items()
            if worker.breaker.is_down()
        }
        healthy = {lane[0] for lane, worker in self.lanes.items() if worker.breaker.is_healthy()}
        unhealthy = {lane[0] for lane, worker in self.lanes.items() if not worker.breaker.is_healthy()}
        await self.db(breaker.tend_halts, shard=self.shard, down=down, healthy=healthy - unhealthy, wall=wall)

    def _resolve(self, waits: dict[str, int], now: datetime, wall: datetime) -> None:
        held = self.held
        resolver.resolve_unknown(
            shard=self.shard, lease=held.name, epoch=held.epoch, resend_waits=waits, now=now, wall=wall
        )

    def _tend_changes(self, waits: dict[str, int], wall: datetime) -> None:
        shown = {lane: worker.shown for lane, worker in self.lanes.items() if worker.shown is not None}
        order_changes.tend(shard=self.shard, epoch=self.held.epoch, shown=shown, waits=waits, wall=wall)

    async def _tend_lanes(self, work: list[LaneWork]) -> None:
        """Open a lane for every account with something to do, close the ones whose session changed."""
        for one in work:
            worker = self.lanes.get(one.lane)
            if worker is not None and worker.session_key != one.session_key and not worker.busy:
                del self.lanes[one.lane]
                await close_quietly(worker)
                worker = None
            if worker is None:
                worker = await self._open(one)
            if worker is not None:
                if one.portfolio_asked:
                    worker.ask_portfolio()
                was = worker.attention.unresolved or worker.attention.in_trade
                worker.attention = Attention(one.unresolved, one.in_trade, one.unknown)
                if not was and (one.unresolved or one.in_trade):
                    worker.hint()
        if self.hints is not None:
            self.hints.tend(work)
        wanted = {one.lane for one in work}
        for lane in [lane for lane, worker in self.lanes.items() if lane not in wanted and not worker.busy]:
            await close_quietly(self.lanes.pop(lane))

    async def _open(self, work: LaneWork) -> LaneWorker | None:
        try:
            broker = await self.connect(work)
        except BrokerError as error:
            log.warning(
                "lane not connected", extra={"account": work.lane[0], "code": error.code, "reason": error.message}
            )
            return None
        worker = LaneWorker(lane=work.lane, broker=broker, session_key=work.session_key, wall=self.wall)
        worker.spend_from(*self._budgets.setdefault(work.lane, (worker.orders, worker.reads)))
        self.lanes[work.lane] = worker
        return worker

    # new orders ------------------------------------------------------------------------------------------------

    async def _submit(self) -> None:
        """Claim and send until nothing more can go; a lane without a connection counts as busy.

        Only after something may have made an order sendable: the sweep looks in any case.
        """
        is_more, self._orders_wait = self._orders_wait, False
        while is_more and self.held.remaining() > settings.BROKER_TIMEOUT_SECONDS / 2:
            is_more = await self._submit_some()

    async def _submit_some(self) -> bool:
        """Claim and send a part; returns whether more waits."""
        ready = frozenset(lane for lane, worker in self.lanes.items() if not worker.busy and worker.may_call())
        if not ready:
            return False
        asked_at = time.monotonic()
        claimed = await self.db(
            submission.claim,
            shard=self.shard,
            epoch=self.held.epoch,
            lease=self.held.name,
            ready=ready,
            without_entries=frozenset(lane for lane in ready if not self._may_enter(lane)),
            now=self.market_now(),
            wall=self.wall(),
            at_most=AT_ONCE,
        )
        if claimed.halts is not None:
            self.gate.note(claimed.halts, asked_at=asked_at)
        for claim in claimed.claims:
            failpoints.reach("claim.committed")
            worker = self.lanes[claim.lane]
            worker.busy = True
            self._spawn(self._send(worker, claim, asked_at + SEND_WITHIN), partial(self._send_broke, claim))
        for lane in claimed.stale_lanes:
            self._stale.add(lane)
            self.lanes[lane].size_exits()
        return bool(claimed.is_more and claimed.claims)

    def _may_enter(self, lane: Lane) -> bool:
        """Whether entries of a lane may go now; what may not waits for as long as its own time allows."""
        return not self._foreign and self.lanes[lane].may_enter()

    async def _send(self, worker: LaneWorker, claim: Claim, claimed_by: float) -> None:
        """Send what still may go; what may not is taken back, provably unsent."""
        refusal = await self._last_look(claim, claimed_by)
        if refusal is not None:
            code, reason = refusal
            await self.db(
                submission.abort,
                [claim],
                epoch=self.held.epoch,
                reason_code=code,
                reason=reason,
                now=self.market_now(),
            )
            worker.busy = False
            self._orders_wait = True
        else:
            outcome = await worker.send(claim)  # the list is another one by the time the answer is here
            self._outcomes.append((claim, outcome))
        self.wake.set()

    async def _last_look(self, claim: Claim, claimed_by: float) -> tuple[str, str] | None:
        """Return the code and words of what keeps an order off the wire at the last moment; ``None``: it goes."""
        if claim.kind == IntentKind.ENTRY and (refusal := await self._halted(claim)) is not None:
            return refusal
        return self._too_late(claimed_by)

    async def _halted(self, entry: Risky) -> tuple[str, str] | None:
        try:
            reason = await self.gate.reason(entry)
        except HaltsUnread:
            return "HALTS_UNREAD", "What is halted could not be read."
        return ("HALTED", reason) if reason else None

    def _too_late(self, claimed_by: float) -> tuple[str, str] | None:
        if time.monotonic() > claimed_by or self.held.remaining() <= 0:
            return "TOO_LATE", "It was not on the wire in time."
        return None

    # books -----------------------------------------------------------------------------------------------------

    def _start_reads(self) -> None:
        now = time.monotonic()
        for worker in self.lanes.values():
            if worker.is_due(now):
                worker.reading = True
                self._spawn(self._read(worker), partial(self._read_broke, worker))
            if worker.is_portfolio_due(now):
                worker.reading_portfolio, worker.next_portfolio = True, now + PORTFOLIO_EVERY
                self._spawn(self._read_portfolio(worker), partial(self._portfolio_broke, worker))

    async def _read_portfolio(self, worker: LaneWorker) -> None:
        """Read holdings and funds beside everything else; what goes wrong is kept for the page that shows them."""
        try:
            if worker.portfolio_asked or await self.db(
                portfolio.is_worth_reading, worker.broker.spec, now=self.market_now()
            ):
                await self.db(portfolio.save_portfolio, await worker.read_portfolio())
        except BrokerError as error:
            await self.db(
                portfolio.note_portfolio_error,
                worker.lane[0],
                code=error.code,
                text=error.message,
                wall=self.wall(),
            )
        finally:
            worker.reading_portfolio = False

    def _portfolio_broke(self, worker: LaneWorker, error: BaseException) -> None:
        """It is read again when it is due, like after any failed read."""
        worker.reading_portfolio = False

    async def _read(self, worker: LaneWorker) -> None:
        if not worker.may_read_books():
            await self._read_positions(worker)
            worker.read_later()
            return
        try:
            report = await worker.read()
            self._reports.append(report)
        except SessionLost as error:
            self._lost.append((worker, error.message))
        except BrokerError as error:  # logged and scheduled anew by the lane
            if worker.failures == 1:
                await self.db(account_facts.note_error, worker.lane, code=error.code, text=error.message)
            if worker.lane in self._stale:
                await self._read_positions(worker)
        finally:
            asyncio.get_running_loop().call_later(GATHER, self.wake.set)

    async def _read_positions(self, worker: LaneWorker) -> None:
        """An exit waits to be sized and the books cannot or may not be read: the positions alone will do."""
        try:
            facts = await worker.read_positions()
        except BrokerError:
            return
        await each_apart(self._save_positions, [facts], broke=self._unsized)

    async def _apply_reports(self) -> None:
        found, self._reports = self._reports, []
        if not found:
            return
        latest = await self._note_unchanged(found)
        read = {report.lane for report in found if report.positions is not None}
        if latest:
            await each_apart(self._apply, latest, broke=self._unbooked)
        if latest or read & self._stale:
            self._stale -= read
            self.nudge()  # entries waited for the first read of their account, exits for its positions

    async def _apply(self, latest: list[Report]) -> None:
        applied = await self.db(
            reports.apply_reports, latest, epoch=self.held.epoch, now=self.market_now(), wall=self.wall()
        )
        for report in latest:
            worker = self.lanes.get(report.lane)
            if worker is not None and report.lane in applied.unfilled_lanes:
                worker.forget_fills()
            elif worker is not None:
                worker.settle(report)
        if applied.trade_ids:
            self._next_sweep = 0.0  # legs that must go flat get their next order at once

    async def _unbooked(self, report: Report, error: Exception) -> None:
        """An account's books cannot be taken in: to it that is as if they could not be read."""
        log.error("books cannot be taken in", exc_info=error, extra={"account": report.lane[0], "mode": report.lane[1]})
        trouble = BrokerUnavailable("UNBOOKABLE", f"What the broker shows cannot be booked: {error}")
        await self.db(account_facts.note_error, report.lane, code=trouble.code, text=trouble.message)
        worker = self.lanes.get(report.lane)
        if worker is not None:
            worker.leave_unbooked(trouble)
        if report.positions is not None:  # an exit that waits to be sized needs nothing else of what was read
            facts = Facts(lane=report.lane, read_at=report.read_at, positions=report.positions)
            await each_apart(self._save_positions, [facts], broke=self._unsized)

    async def _save_positions(self, facts: list[Facts]) -> None:
        await self.db(account_facts.save_snapshots, facts)
        self._stale -= {one.lane for one in facts}
        self.nudge()

    async def _unsized(self, facts: Facts, error: Exception) -> None:
        """Not even the positions make sense: exits of the account wait and are told of."""
        log.error("positions cannot be taken in", exc_info=error, extra={"account": facts.lane[0]})

    async def _note_unchanged(self, found: list[Report]) -> list[Report]:
        """Note reads that brought nothing new in one statement; return the others."""
        latest = {report.lane: report for report in found}
        same = [
            report for lane, report in latest.items() if lane in self.lanes and not self.lanes[lane].is_news(report)
        ]
        if same:
            await self.db(reports.note_unchanged, same, epoch=self.held.epoch)
        return [report for report in latest.values() if report not in same]

    async def _follow(self) -> None:
        """Cancels that were asked for, and limits the market has left behind."""
        ready = frozenset(lane for lane, worker in self.lanes.items() if not worker.busy and worker.may_call())
        if not any(self.lanes[lane].attention.unresolved for lane in ready):
            return
        limits = {slug: spec.max_modifications for slug, spec in self.specs.items()}
        steps = await self.db(
            chase.next_steps,
            shard=self.shard,
            ready=ready,
            sparing=frozenset(lane for lane in ready if not self.lanes[lane].spares_exits()),
            max_modifications=limits,
            wall=self.wall(),
        )
        for step in steps:
            worker = self.lanes[step.lane]
            worker.busy = True
            self._spawn(self._step(worker, step), partial(self._step_broke, step))
        await self._change()

    async def _change(self) -> None:
        """Changes people asked for, in lanes nothing else needs now."""
        waited, self._changes_wait = self._changes_wait, False
        ready = frozenset(lane for lane, worker in self.lanes.items() if not worker.busy and self._may_enter(lane))
        if not waited or not ready or self.held.remaining() <= settings.BROKER_TIMEOUT_SECONDS / 2:
            self._changes_wait = waited
            return
        claimed_by = time.monotonic() + SEND_WITHIN
        steps, self._changes_wait = await self.db(
            order_changes.claim,
            shard=self.shard,
            epoch=self.held.epoch,
            lease=self.held.name,
            ready=ready,
            now=self.market_now(),
            wall=self.wall(),
        )
        for step in steps:
            worker = self.lanes[step.lane]
            worker.busy = True
            self._spawn(self._send_change(worker, step, claimed_by), partial(self._step_broke, step))

    async def _send_change(self, worker: LaneWorker, step: Step, claimed_by: float) -> None:
        """Send what still may go; what may not is taken back, provably unsent."""
        refusal = await self._halted(step) or self._too_late(claimed_by)
        if refusal is None:
            await self._step(worker, step)
            return
        code, reason = refusal
        await self.db(order_changes.take_back, step, code=code, reason=reason, wall=self.wall())
        worker.busy = False
        self.wake.set()

    async def _step(self, worker: LaneWorker, step: Step) -> None:
        outcome = await worker.step(step)
        self._steps.append((step, outcome))
        self.wake.set()

    # tasks -----------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None], broke: Callable[[BaseException], None]) -> None:
        """Run a broker call beside the loop; if it breaks in a way nobody foresaw, ``broke`` keeps it to its lane."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._finished, broke=broke))

    def _finished(self, task: asyncio.Task[None], *, broke: Callable[[BaseException], None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a broker call broke", exc_info=error)
            broke(error)
            self.wake.set()

    def _send_broke(self, claim: Claim, error: BaseException) -> None:
        """Nobody knows what reached the broker."""
        self._outcomes.append((claim, Outcome(Verdict.UNKNOWN, code="BROKEN", message=type(error).__name__)))

    def _step_broke(self, step: Step, error: BaseException) -> None:
        self._steps.append((step, Outcome(Verdict.UNKNOWN, code="BROKEN", message=type(error).__name__)))

    def _read_broke(self, worker: LaneWorker, error: BaseException) -> None:
        """The lane reads again later, like after any failed read."""
        worker.reading = False
        worker.back_off(BrokerUnavailable("BROKEN", type(error).__name__))

    async def _drain(self) -> None:
        """Nothing new is sent; answers still under way are waited for and recorded."""
        if self.hints is not None:
            await self.hints.aclose()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=settings.BROKER_TIMEOUT_SECONDS + 1)
        await self._record()
        for worker in list(self.lanes.values()):
            await close_quietly(worker)
