"""The signals worker: what stands in the tables is watched, and what fires is acted upon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.markets.clock import trading_date
from apps.strategies.services import routing
from apps.trading.services import watching
from bus import failpoints
from domain.risk import Fired, RiskEngine
from domain.ticks import Tick
from tests.model.process import attempt
from tests.standing_clock import FakeClock

REREAD_EVERY = 2.0


@dataclass
class Watcher:
    """The real risk engine, on the model's clock."""

    clock: FakeClock
    _reread_at: float = 0.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The signals worker starts anew: everything is read from the tables."""
        self.risk = RiskEngine(now=self.clock())
        self.install(None)

    def install(self, since: datetime | None) -> None:
        """Read what changed since then, or everything."""
        found = watching.watch_list(on=trading_date(self.clock()), since=since)
        for rules in found.rules:
            self.risk.update(rules)
        for trade_id in found.over:
            self.risk.disarm(trade_id)
        self._reread_at = self.clock.monotonic()

    def watch(self) -> None:
        """The signals worker's round: what changed is read, the clock is looked at, trails are kept."""
        if self.clock.monotonic() - self._reread_at >= REREAD_EVERY:
            self.install(self.clock() - timedelta(seconds=30))
            self.sweep_signals()
        self._act(self.risk.on_clock(self.clock()))
        attempt(lambda: watching.keep_trails(self.risk.trails_moved()))

    def see(self, ticks: Sequence[Tick]) -> None:
        """The market moved."""
        self._act(self.risk.on_ticks(ticks))

    def sweep_signals(self) -> None:
        """What a lost wake-up would have announced."""
        attempt(lambda: routing.sweep_signals(self.clock()))

    def _act(self, found: Sequence[Fired]) -> None:
        if found:
            attempt(lambda: self._leave(found))

    def _leave(self, found: Sequence[Fired]) -> None:
        """What the signals worker does with what fired."""
        failpoints.reach("watching.fired")
        now = self.clock()
        watching.act_on(found, now=now, trading_date=trading_date(now))
