"""One clock for everything: the wall's, the market's and the processes' monotonic one move together, when told to."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType, SimpleNamespace
from unittest import mock

import time_machine

from apps.markets.services import calendar
from apps.trading import execution
from bus import leases

_OTHERS = (calendar, leases)
"""What counts monotonic seconds besides the engine's parts."""


def _counting_seconds() -> Iterator[ModuleType]:
    parts = (import_module(part.name) for part in iter_modules(execution.__path__, f"{execution.__name__}."))
    return (module for module in (*parts, *_OTHERS) if hasattr(module, "time"))


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
        for module in _counting_seconds():
            stack.enter_context(mock.patch.object(module, "time", fake))
        yield clock
