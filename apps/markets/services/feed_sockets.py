"""The sockets of one feed account: as many as the subscriptions need, each kept open on its own."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.broker import BrokerError, BrokerSpec, BrokerUnavailable, MarketFeed, RawTick, SessionLost
from domain.feed.backoff import delay

log = logging.getLogger(__name__)

MOST_FAILURES = 4
"""Connections in a row without one packet after which another account is tried."""


class SourceFailed(Exception):
    """This account's sockets do not work now."""


@dataclass(slots=True)
class _Line:
    """One socket with what it carries."""

    feed: MarketFeed
    task: asyncio.Task[None]
    tokens: set[str] = field(default_factory=set)


class Sockets:
    """Spreads tokens over the sockets a broker allows and hands every frame on.

    ``failed`` is set with ``SessionLost`` or ``SourceFailed`` when a socket is given up.
    """

    def __init__(
        self, *, spec: BrokerSpec, make_feed: Callable[[], MarketFeed], take: Callable[[Sequence[RawTick]], None]
    ) -> None:
        self._spec = spec
        self._make_feed = make_feed
        self._take = take
        self._lines: list[_Line] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reconnects = 0
        self.is_connected = False

    @property
    def limit(self) -> int:
        """Instruments that may be subscribed at once."""
        return self._spec.feed_symbols_per_socket * self._spec.feed_sockets

    async def subscribe(self, tokens: Iterable[str]) -> None:
        """Carry tokens from now on, also across reconnects; raises ``BrokerError``."""
        waiting = list(tokens)
        while waiting:
            line = self._roomy_line()
            room = self._spec.feed_symbols_per_socket - len(line.tokens)
            chunk, waiting = waiting[:room], waiting[room:]
            line.tokens.update(chunk)
            await _tell(line.feed.subscribe, chunk)

    async def unsubscribe(self, tokens: Iterable[str]) -> None:
        """Carry tokens no longer."""
        gone = set(tokens)
        for line in self._lines:
            if dropped := sorted(line.tokens & gone):
                line.tokens.difference_update(dropped)
                await _tell(line.feed.unsubscribe, dropped)

    async def aclose(self) -> None:
        """Close every socket."""
        await end_tasks([line.task for line in self._lines])
        for line in self._lines:
            await line.feed.aclose()
        self._lines.clear()
        self.failed.cancel()

    def _roomy_line(self) -> _Line:
        for line in self._lines:
            if len(line.tokens) < self._spec.feed_symbols_per_socket:
                return line
        if len(self._lines) >= self._spec.feed_sockets:
            raise BrokerError("LIMIT", f"{self._spec.slug}: all {len(self._lines)} sockets are full")
        feed = self._make_feed()
        line = _Line(feed, asyncio.create_task(self._keep_open(feed), name=f"feed-socket-{len(self._lines)}"))
        line.task.add_done_callback(self._ended)
        self._lines.append(line)
        return line

    async def _keep_open(self, feed: MarketFeed) -> None:
        failures = 0
        while not self.failed.done():
            try:
                async for packets in feed.connect():
                    failures, self.is_connected = 0, True
                    self._take(packets)
                raise BrokerUnavailable("DROPPED", "the stream ended")
            except SessionLost as error:
                self._give_up(error)
            except BrokerError as error:
                failures += 1
                self.reconnects += 1
                log.warning(
                    "feed socket lost", extra={"broker": self._spec.slug, "reason": str(error), "row": failures}
                )
                if failures >= MOST_FAILURES:
                    self._give_up(SourceFailed(str(error)))
            self.is_connected = False
            await asyncio.sleep(delay(max(failures, 1), chance=random.random()))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(error)  # a defect: whoever serves this source must hear of it

    def _give_up(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and wait until they have ended, whatever with.

    Asked again every half second: before Python 3.12 ``wait_for``, which Redis clients use, can swallow a cancellation.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=0.5)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("a task failed while it was ended", extra={"task": task.get_name(), "reason": str(error)})


async def _tell(call: Callable[[Sequence[str]], Coroutine[Any, Any, None]], tokens: Sequence[str]) -> None:
    """Subscribe or unsubscribe now; a socket that has just dropped does it when it is open again."""
    try:
        await call(tokens)
    except BrokerUnavailable as error:
        log.info("told a dropped socket, it will follow", extra={"reason": str(error), "tokens": len(tokens)})
