"""Orders, changes and cancels of one shard: claimed, sent one at a time per lane, their answers recorded."""

import logging
import time
from dataclasses import dataclass, field
from functools import partial

from apps.risk.services.halts import ActiveHalts
from apps.trading.execution.apart import each_apart
from apps.trading.execution.halt_gate import HaltGate, HaltsUnread, Risky
from apps.trading.execution.lane import LaneWorker
from apps.trading.execution.state import ShardState
from apps.trading.services import chase, order_changes, submission
from apps.trading.services.chase import Step
from apps.trading.services.submission import Claim, Lane
from bus import failpoints
from domain.broker import Outcome, Verdict
from domain.orders import IntentKind

log = logging.getLogger(__name__)

SEND_WITHIN = 2.0
"""A claim not on the wire after this many seconds is taken back: the bound on the sender's pause."""

AT_ONCE = 70
"""How many orders one claim takes: they are on the wire while the next ones are being claimed."""


@dataclass(slots=True)
class Sender:
    """The one place of a shard that puts order calls on the wire."""

    state: ShardState
    gate: HaltGate = field(init=False)
    outcomes: list[tuple[Claim, Outcome]] = field(default_factory=list)  # answers not recorded yet
    steps: list[tuple[Step, Outcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = HaltGate(load=partial(self.state.db, ActiveHalts.load))

    # answers ---------------------------------------------------------------------------------------------------

    async def record(self) -> None:
        """Record what came back, and free its lanes."""
        outcomes, self.outcomes = self.outcomes, []
        if outcomes:
            await each_apart(self._record_outcomes, outcomes, broke=self._unrecorded)
        for claim, outcome in outcomes:
            self._free(claim.lane, outcome)
            if outcome.verdict is not Verdict.ACKNOWLEDGED:
                self.state.sweep_soon()  # what a refusal means for the intent is settled at once
        steps, self.steps = self.steps, []
        if steps:
            await self._record_steps(steps)
        for step, outcome in steps:
            self._free(step.lane, outcome)

    async def _record_outcomes(self, outcomes: list[tuple[Claim, Outcome]]) -> None:
        state = self.state
        await state.db(
            submission.record_outcomes, outcomes, epoch=state.held.epoch, now=state.market_now(), wall=state.wall()
        )

    async def _record_steps(self, steps: list[tuple[Step, Outcome]]) -> None:
        state = self.state
        own = [one for one in steps if not one[0].request_id]
        asked = [one for one in steps if one[0].request_id]
        if own:
            await each_apart(partial(state.db, chase.record_steps, wall=state.wall()), own, broke=self._unrecorded)
        if asked:
            state.changes_wait = True
            record = partial(state.db, order_changes.record_answers, wall=state.wall())
            await each_apart(record, asked, broke=self._unrecorded)

    async def _unrecorded(self, answered: tuple[Claim | Step, Outcome], error: Exception) -> None:
        """The order stays as it was claimed: soon it is overdue, and the book tells what became of it."""
        log.error("an answer cannot be recorded", exc_info=error, extra={"account": answered[0].lane[0]})

    def _free(self, lane: Lane, outcome: Outcome) -> None:
        self.state.orders_wait = True  # the lane may have another one
        worker = self.state.lanes.get(lane)
        if worker is None:
            return
        worker.busy = False
        worker.breaker.note_order(outcome)
        worker.attention.unresolved = True
        worker.hint()
        if outcome.verdict is Verdict.SESSION_LOST:
            self.state.lost.append((worker, outcome.message))

    # new orders ------------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        """Claim and send until nothing more can go; a lane without a connection counts as busy.

        Only after something may have made an order sendable: the sweep looks in any case.
        """
        is_more, self.state.orders_wait = self.state.orders_wait, False
        while is_more and self.state.can_send():
            is_more = await self._submit_some()

    async def _submit_some(self) -> bool:
        """Claim and send a part; returns whether more waits."""
        state = self.state
        ready = state.free_lanes()
        if not ready:
            return False
        asked_at = time.monotonic()
        claimed = await state.db(
            submission.claim,
            shard=state.shard,
            epoch=state.held.epoch,
            lease=state.held.name,
            ready=ready,
            without_entries=frozenset(lane for lane in ready if not state.may_enter(lane)),
            now=state.market_now(),
            wall=state.wall(),
            at_most=AT_ONCE,
        )
        if claimed.halts is not None:
            self.gate.note(claimed.halts, asked_at=asked_at)
        for claim in claimed.claims:
            failpoints.reach("claim.committed")
            worker = state.lanes[claim.lane]
            worker.busy = True
            state.spawn(self._send(worker, claim, asked_at + SEND_WITHIN), partial(self._send_broke, claim))
        for lane in claimed.stale_lanes:
            state.unsized.add(lane)
            state.lanes[lane].size_exits()
        return bool(claimed.is_more and claimed.claims)

    async def _send(self, worker: LaneWorker, claim: Claim, claimed_by: float) -> None:
        """Send what still may go; what may not is taken back, provably unsent."""
        state = self.state
        refusal = await self._last_look(claim, claimed_by)
        if refusal is not None:
            code, reason = refusal
            await state.db(
                submission.abort,
                [claim],
                epoch=state.held.epoch,
                reason_code=code,
                reason=reason,
                now=state.market_now(),
            )
            worker.busy = False
            state.orders_wait = True
        else:
            outcome = await worker.send(claim)  # the list is another one by the time the answer is here
            self.outcomes.append((claim, outcome))
        state.wake.set()

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
        if time.monotonic() > claimed_by or self.state.held.remaining() <= 0:
            return "TOO_LATE", "It was not on the wire in time."
        return None

    def _send_broke(self, claim: Claim, error: BaseException) -> None:
        """Nobody knows what reached the broker."""
        self.outcomes.append((claim, Outcome(Verdict.UNKNOWN, code="BROKEN", message=type(error).__name__)))

    # orders at the broker ----------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Cancels that were asked for, and limits the market has left behind."""
        state = self.state
        ready = state.free_lanes()
        if not any(state.lanes[lane].attention.unresolved for lane in ready):
            return
        steps = await state.db(
            chase.next_steps,
            shard=state.shard,
            ready=ready,
            sparing=frozenset(lane for lane in ready if not state.lanes[lane].spares_exits()),
            specs=state.specs,
            wall=state.wall(),
        )
        for step in steps:
            worker = state.lanes[step.lane]
            worker.busy = True
            state.spawn(self._step(worker, step), partial(self._step_broke, step))
        await self._change()

    async def _change(self) -> None:
        """Changes people asked for, in lanes nothing else needs now."""
        state = self.state
        waited, state.changes_wait = state.changes_wait, False
        ready = frozenset(lane for lane, worker in state.lanes.items() if not worker.busy and state.may_enter(lane))
        if not waited or not ready or not state.can_send():
            state.changes_wait = waited
            return
        claimed_by = time.monotonic() + SEND_WITHIN
        steps, state.changes_wait = await state.db(
            order_changes.claim,
            shard=state.shard,
            epoch=state.held.epoch,
            lease=state.held.name,
            ready=ready,
            now=state.market_now(),
            wall=state.wall(),
        )
        for step in steps:
            worker = state.lanes[step.lane]
            worker.busy = True
            state.spawn(self._send_change(worker, step, claimed_by), partial(self._step_broke, step))

    async def _send_change(self, worker: LaneWorker, step: Step, claimed_by: float) -> None:
        """Send what still may go; what may not is taken back, provably unsent."""
        refusal = await self._halted(step) or self._too_late(claimed_by)
        if refusal is None:
            await self._step(worker, step)
            return
        code, reason = refusal
        await self.state.db(order_changes.take_back, step, code=code, reason=reason, wall=self.state.wall())
        worker.busy = False
        self.state.wake.set()

    async def _step(self, worker: LaneWorker, step: Step) -> None:
        outcome = await worker.step(step)
        self.steps.append((step, outcome))
        self.state.wake.set()

    def _step_broke(self, step: Step, error: BaseException) -> None:
        self.steps.append((step, Outcome(Verdict.UNKNOWN, code="BROKEN", message=type(error).__name__)))
