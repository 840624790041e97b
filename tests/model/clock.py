"""One clock for everything: the wall's, the market's and the processes' monotonic one move together, when told to."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest import mock

import time_machine

_MONOTONIC = [
    "apps.trading.execution.engine.time",
    "apps.trading.execution.lane.time",
    "apps.markets.services.calendar.time",
    "bus.leases.time",
]


@dataclass
class FakeClock:
    """Stands still until it is pushed; seconds are real ones, whatever the machine does meanwhile."""

    traveller: time_machine.Traveller
    started_at: datetime

    def __call__(self) -> datetime:
        return datetime.now(tz=UTC)

    def monotonic(self) -> float:
        """Seconds since the model began, plus what a machine has been up before."""
        return 10_000.0 + (self() - self.started_at).total_seconds()

    def push(self, seconds: float) -> None:
        """Let time pass."""
        self.traveller.shift(timedelta(seconds=seconds))

    def set(self, at: datetime) -> None:
        """Go to an instant."""
        self.traveller.move_to(at, tick=False)


@contextmanager
def standing(at: datetime) -> Iterator[FakeClock]:
    """Stop the clock of this process at an instant; only the event loops' own timers run on."""
    with ExitStack() as stack:
        clock = FakeClock(stack.enter_context(time_machine.travel(at, tick=False)), at)
        fake = SimpleNamespace(monotonic=clock.monotonic)
        for name in _MONOTONIC:
            stack.enter_context(mock.patch(name, fake))
        yield clock
