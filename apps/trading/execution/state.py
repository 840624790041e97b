"""One shard under one lease: its database and clocks, its lanes, and what waits for the next round."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from django.conf import settings

from apps.trading.execution.lane import LaneWorker
from apps.trading.services.submission import Lane
from bus.leases import Held
from domain.broker import BrokerSpec

log = logging.getLogger(__name__)


class Database(Protocol):
    """Runs blocking ORM code off the event loop, in order."""

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Awaitable[Any]: ...


@dataclass(slots=True)
class ShardState:
    """What the parts of a shard's engine share. Nothing here is truth: it starts empty after every takeover."""

    shard: int
    held: Held
    db: Database
    specs: Mapping[str, BrokerSpec]
    market_now: Callable[[], datetime]
    wall: Callable[[], datetime]
    detail: dict[str, Any] = field(default_factory=dict)  # shown with the heartbeat
    lanes: dict[Lane, LaneWorker] = field(default_factory=dict)
    lost: list[tuple[LaneWorker, str]] = field(default_factory=list)  # lanes whose token died, and what the broker said
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    unsized: set[Lane] = field(default_factory=set)  # lanes whose exits wait for positions to be sized on
    next_sweep: float = 0.0
    orders_wait: bool = True
    changes_wait: bool = True
    foreign_builds: list[str] = field(default_factory=list)

    def nudge(self) -> None:
        """Orders, or changes of them, may wait: claim soon."""
        self.orders_wait = self.changes_wait = True
        self.wake.set()

    def sweep_soon(self) -> None:
        """Something has an outcome that the sweep acts upon."""
        self.next_sweep = 0.0

    def can_send(self) -> bool:
        """Whether enough of the lease is left for an order call's answer."""
        return self.held.remaining() > settings.BROKER_TIMEOUT_SECONDS / 2

    def free_lanes(self) -> frozenset[Lane]:
        """Return the lanes that could take an order call now; one without a connection counts as busy."""
        return frozenset(lane for lane, worker in self.lanes.items() if not worker.busy and worker.may_call())

    def may_enter(self, lane: Lane) -> bool:
        """Whether entries of a lane may go now; what may not waits for as long as its own time allows."""
        return not self.foreign_builds and self.lanes[lane].may_enter()

    def spawn(self, work: Coroutine[Any, Any, None], broke: Callable[[BaseException], None]) -> None:
        """Run a broker call beside the loop; if it breaks in a way nobody foresaw, ``broke`` keeps it to its lane."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(partial(self._finished, broke=broke))

    def _finished(self, task: asyncio.Task[None], *, broke: Callable[[BaseException], None]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a broker call broke", exc_info=error)
            broke(error)
            self.wake.set()
