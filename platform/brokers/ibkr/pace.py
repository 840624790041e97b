"""Spaces the calls of a long row: a few at once, the rest evenly, so that a user name's other calls have room."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """``await turn()`` before each call; ``per_second`` in the long run, ``at_once`` after a rest."""

    def __init__(
        self,
        *,
        per_second: float,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._step = 1 / per_second
        self._ahead = at_once * self._step
        self._clock = clock
        self._sleep = sleep
        self._due = clock() - self._ahead

    async def turn(self) -> None:
        """Wait until the next call may go."""
        now = self._clock()
        self._due = max(self._due + self._step, now - self._ahead + self._step)
        if self._due > now:
            await self._sleep(self._due - now)
