"""Brokers' own order sockets: each word on one is a hint to read that account's books, nothing more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from apps.trading.execution.work import LaneWork
from apps.trading.services.submission import Lane
from domain.broker import BrokerError, BrokerSpec, OrderStream
from domain.broker_spec import Capability
from domain.orders import Mode

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

Listen = Callable[[LaneWork], Awaitable[OrderStream]]
"""Makes an account's order stream, not yet open; raises ``BrokerError``."""


@dataclass(slots=True)
class OrderHints:
    """One socket per live lane while it has something to do; a socket that drops is opened again, ever more slowly.

    Without any socket nothing is lost: the books are read on their own schedule.
    """

    listen: Listen
    hint: Callable[[Lane], None]
    specs: Mapping[str, BrokerSpec]
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def tend(self, work: Iterable[LaneWork]) -> None:
        """Open what is needed, close what is not."""
        wanted = {
            f"{one.lane[0]}:{one.session_key}": one
            for one in work
            if one.lane[1] == Mode.LIVE and (one.unresolved or one.in_trade) and self._has_socket(one.broker)
        }
        for key in [key for key in self._tasks if key not in wanted]:
            self._tasks.pop(key).cancel()
        for key, one in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._follow(one), name=f"orders-{key}")

    def _has_socket(self, broker: str) -> bool:
        return Capability.ORDER_STREAM in self.specs[broker].offers

    async def aclose(self) -> None:
        """Close every socket."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, work: LaneWork) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                stream = await self.listen(work)
                try:
                    async for _ in stream.connect():
                        self.hint(work.lane)
                        pause = FIRST_PAUSE
                finally:
                    await stream.aclose()
            except BrokerError as error:
                log.info("order socket lost", extra={"account": work.lane[0], "code": error.code})
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
