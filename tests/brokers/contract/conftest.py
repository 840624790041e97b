"""One simulated exchange for all cases, and others with clocks of their own where a case needs one."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.simulated import simulated_exchange

TODAY, LATER = "today ", "later "
"""An exchange of one broker, and what follows it two days later: the same books and sessions, after a restart."""


class Exchanges:
    """Simulated exchanges by name, each a process started when first asked for."""

    def __init__(self, state: Path, stack: ExitStack) -> None:
        self._state = state
        self._stack = stack
        self._running: dict[str, tuple[str, ExitStack]] = {}

    def url(self, name: str) -> str:
        """``plain``; ``ahead``: the clock is three hours ahead; ``today <slug>``, then ``later <slug>``."""
        if name not in self._running:
            if name.startswith(LATER):
                self._running[name.replace(LATER, TODAY)][1].close()
            self._running[name] = self._started(name)
        return self._running[name][0]

    def _started(self, name: str) -> tuple[str, ExitStack]:
        state = self._state / name.replace(LATER, TODAY).replace(" ", "-")
        state.mkdir(exist_ok=True)
        own = self._stack.enter_context(ExitStack())
        return own.enter_context(simulated_exchange(state, clients=1, clock=_clock(name))), own

    async def start(self, name: str) -> str:
        """The same from within a case."""
        return await asyncio.to_thread(self.url, name)


def _clock(name: str) -> str:
    ahead = timedelta(days=2) if name.startswith(LATER) else {"ahead": timedelta(hours=3)}.get(name)
    now = datetime.now(UTC)
    return "" if ahead is None else f"{(now + ahead).isoformat()}@{now.timestamp()}x1"


pytest.register_assert_rewrite("tests.brokers.contract.cases", "tests.brokers.contract.bench")


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    """The exchanges of all cases, gone with the last: each of them computes prices as long as it lives."""
    with ExitStack() as stack:
        yield Exchanges(tmp_path_factory.mktemp("contract"), stack)
