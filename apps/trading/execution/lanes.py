"""The lanes of one shard: opened for whoever has something to do, closed when their session is another one."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from apps.trading.execution.budget import OrderBudget, ReadBudget
from apps.trading.execution.hints import OrderHints
from apps.trading.execution.lane import Attention, LaneWorker, close_quietly
from apps.trading.execution.state import ShardState
from apps.trading.execution.work import LaneWork, lane_work, mark_session_lost, order_calls
from apps.trading.services.submission import Lane
from bus import failpoints
from domain.broker import Broker, BrokerError

log = logging.getLogger(__name__)


class Connect(Protocol):
    """Makes the broker of one lane; raises ``BrokerError`` where credentials or a session are missing."""

    async def __call__(self, work: LaneWork) -> Broker: ...


@dataclass(slots=True)
class Lanes:
    """Keeps the shard's lanes as Postgres wants them."""

    state: ShardState
    connect: Connect
    hints: OrderHints | None = None
    _budgets: dict[Lane, tuple[OrderBudget, ReadBudget]] = field(default_factory=dict)  # outlive a lane's connection

    def of_account(self, account_id: int) -> Iterable[LaneWorker]:
        """Return the open lanes of an account, whatever their mode."""
        return [worker for (lane_account, _), worker in self.state.lanes.items() if lane_account == account_id]

    async def tend(self) -> None:
        """Open a lane for every account with something to do, close the ones whose session changed."""
        work = await self.state.db(lane_work, shard=self.state.shard)
        for one in work:
            worker = await self._current(one)
            if worker is not None:
                _attend(worker, one)
        if self.hints is not None:
            self.hints.tend(work)
        wanted = {one.lane for one in work}
        lanes = self.state.lanes
        for lane in [lane for lane, worker in lanes.items() if lane not in wanted and not worker.busy]:
            await close_quietly(lanes.pop(lane))

    async def _current(self, work: LaneWork) -> LaneWorker | None:
        """Return the lane with the session it should have, opened where need be; ``None``: it cannot be opened."""
        worker = self.state.lanes.get(work.lane)
        if worker is not None and worker.session_key != work.session_key and not worker.busy:
            del self.state.lanes[work.lane]
            await close_quietly(worker)
            worker = None
        return await self._open(work) if worker is None else worker

    async def _open(self, work: LaneWork) -> LaneWorker | None:
        try:
            broker = await self.connect(work)
        except BrokerError as error:
            log.warning(
                "lane not connected", extra={"account": work.lane[0], "code": error.code, "reason": error.message}
            )
            return None
        worker = LaneWorker(lane=work.lane, broker=broker, session_key=work.session_key, wall=self.state.wall)
        if work.lane not in self._budgets:
            await self._recall(worker)
            self._budgets[work.lane] = worker.orders, worker.reads
        worker.spend_from(*self._budgets[work.lane])
        self.state.lanes[work.lane] = worker
        return worker

    async def _recall(self, worker: LaneWorker) -> None:
        """Count what whoever led before has used up of the broker's longer limits."""
        span = worker.orders.remembers
        if span:
            wall, now = self.state.wall(), time.monotonic()
            went_out = await self.state.db(order_calls, worker.lane, since=wall - timedelta(seconds=span))
            worker.orders.recall(now - (wall - at).total_seconds() for at in went_out)

    async def drop_lost(self) -> None:
        """Close the lanes whose token died, and say so."""
        lost, self.state.lost = self.state.lost, []
        for worker, message in lost:
            await self._lose_session(worker, message)

    async def _lose_session(self, worker: LaneWorker, message: str) -> None:
        failpoints.reach("session.lost")
        await self.state.db(mark_session_lost, worker.lane[0], session_key=worker.session_key, message=message)
        if self.state.lanes.get(worker.lane) is worker:
            del self.state.lanes[worker.lane]
        await close_quietly(worker)

    async def aclose(self) -> None:
        """Close every connection."""
        for worker in list(self.state.lanes.values()):
            await close_quietly(worker)


def _attend(worker: LaneWorker, work: LaneWork) -> None:
    """Watch a lane as closely as what it has to do wants it."""
    if work.portfolio_asked:
        worker.ask_portfolio()
    was = worker.attention.unresolved or worker.attention.in_trade
    worker.attention = Attention(work.unresolved, work.in_trade, work.unknown)
    if not was and (work.unresolved or work.in_trade):
        worker.hint()
