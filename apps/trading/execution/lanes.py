"""The lanes a shard has open: which connect, which close, and what one broker's trouble keeps from going."""

import logging
from collections import UserDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.trading.execution.budget import OrderBudget, ReadBudget
from apps.trading.execution.lane import Attention, LaneWorker, close_quietly
from apps.trading.execution.work import LaneWork
from apps.trading.services.breaker import Trouble
from apps.trading.services.submission import Lane
from domain.broker import Broker, BrokerError

log = logging.getLogger(__name__)


class Connect(Protocol):
    """Makes the broker of one lane; raises ``BrokerError`` where credentials or a session are missing."""

    async def __call__(self, work: LaneWork) -> Broker: ...


@dataclass(frozen=True, slots=True)
class Health:
    """Which accounts' brokers are down and why, and whose every lane is well."""

    down: dict[int, Trouble]
    healthy: set[int]


class Lanes(UserDict[Lane, LaneWorker]):
    """The connected lanes. What is left of an account's calls outlives the connection it was spent on."""

    def __init__(self, connect: Connect, wall: Callable[[], datetime]) -> None:
        super().__init__()
        self._connect = connect
        self._wall = wall
        self._budgets: dict[Lane, tuple[OrderBudget, ReadBudget]] = {}

    async def tend(self, work: Iterable[LaneWork]) -> None:
        """Open a lane for every account with something to do, close the ones whose session changed."""
        wanted = set()
        for one in work:
            wanted.add(one.lane)
            worker = await self._current(one)
            if worker is not None:
                was = worker.attention.unresolved or worker.attention.in_trade
                worker.attention = Attention(one.unresolved, one.in_trade, one.unknown)
                if not was and (one.unresolved or one.in_trade):
                    worker.hint()
        for worker in [worker for lane, worker in self.items() if lane not in wanted and not worker.busy]:
            await self.drop(worker)

    async def drop(self, worker: LaneWorker) -> None:
        """Close a lane's connection; another one of the same lane stays."""
        if self.get(worker.lane) is worker:
            del self[worker.lane]
        await close_quietly(worker)

    def hint(self, account_id: int) -> None:
        """A broker said something about an account."""
        for (lane_account, _), worker in self.items():
            if lane_account == account_id:
                worker.hint()

    def free(self) -> frozenset[Lane]:
        """Return the lanes an order call may go on now."""
        return frozenset(lane for lane, worker in self.items() if not worker.busy and worker.may_call())

    def next_read(self, *, default: float) -> float:
        """Return when the next books are due; ``default`` where none are."""
        return min((worker.next_read for worker in self.values() if not worker.reading), default=default)

    def health(self) -> Health:
        """Return what one broker's trouble means for its accounts, and nothing for anybody else's."""
        breakers = [(lane[0], worker.breaker) for lane, worker in self.items()]
        down = {account: Trouble(breaker.code, breaker.text) for account, breaker in breakers if breaker.is_down()}
        healthy = {account for account, breaker in breakers if breaker.is_healthy()}
        return Health(down, healthy - {account for account, breaker in breakers if not breaker.is_healthy()})

    async def _current(self, work: LaneWork) -> LaneWorker | None:
        """Return the lane's connection of today's session; ``None`` where none can be made."""
        worker = self.get(work.lane)
        if worker is not None and (worker.session_key == work.session_key or worker.busy):
            return worker
        if worker is not None:
            await self.drop(worker)
        return await self._open(work)

    async def _open(self, work: LaneWork) -> LaneWorker | None:
        try:
            broker = await self._connect(work)
        except BrokerError as error:
            log.warning(
                "lane not connected", extra={"account": work.lane[0], "code": error.code, "reason": error.message}
            )
            return None
        worker = LaneWorker(lane=work.lane, broker=broker, session_key=work.session_key, wall=self._wall)
        worker.spend_from(*self._budgets.setdefault(work.lane, (worker.orders, worker.reads)))
        self[work.lane] = worker
        return worker
