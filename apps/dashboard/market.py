"""What the live process knows of prices: the last tick of each instrument, and what changed since the last flush."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from apps.dashboard.services.prices import Prices, change_percent, feed_state
from bus.ticks import TickState
from domain.feed.freshness import Freshness
from domain.prices import to_decimal
from domain.ticks import Tick


@dataclass(slots=True)
class Market:
    """Prices of all instruments heard of; ``scaled`` is what profit lines are marked with, ``decimals`` what the prices
    of those somebody looks at are written with."""

    ticks: dict[int, Tick] = field(default_factory=dict)
    states: dict[int, Freshness] = field(default_factory=dict)
    scaled: dict[int, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    restated: set[int] = field(default_factory=set)
    newest_ms: int = 0
    decimals: dict[int, int] = field(default_factory=dict)
    reported: str = ""
    is_open: bool = True

    def take(self, ticks: Iterable[Tick]) -> None:
        """Note a batch; a repeated price is no change."""
        scaled, changed, latest = self.scaled, self.changed, self.ticks
        for tick in ticks:
            key = tick.instrument_id
            if scaled.get(key) != tick.last_price:
                scaled[key] = tick.last_price
                changed.add(key)
            latest[key] = tick
            self.newest_ms = max(self.newest_ms, tick.received_at)

    def take_states(self, states: Iterable[TickState]) -> None:
        """Note which prices may no longer, or may again, be believed."""
        for entry in states:
            self.states[entry.instrument_id] = entry.state
            self.restated.add(entry.instrument_id)

    def adopt(self, prices: Prices) -> None:
        """Take what the bus kept: quietly where nothing was known, as news where it is newer than what was heard."""
        unknown = {key: tick for key, tick in prices.ticks.items() if key not in self.ticks}
        self.ticks.update(unknown)
        self.scaled.update({key: tick.last_price for key, tick in unknown.items()})
        self.take([tick for key, tick in prices.ticks.items() if tick.received_at > self.ticks[key].received_at])
        self.newest_ms = max([self.newest_ms, *(tick.received_at for tick in unknown.values())])
        self.states.update(prices.states)

    def drain(self) -> tuple[set[int], dict[int, orjson.Fragment]]:
        """Return what changed since the last call, each encoded once for all who see it."""
        changed, restated = self.changed | self.restated, self.restated
        self.changed, self.restated = set(), set()
        return changed, {key: self.fragment(key, with_state=key in restated) for key in changed if key in self.ticks}

    def fragment(self, instrument_id: int, *, with_state: bool) -> orjson.Fragment:
        """Return one instrument's JSON object."""
        tick, change = self.ticks[instrument_id], change_percent(self.ticks[instrument_id])
        shown: dict[str, str | bool | None] = {
            "last_price": self._written(instrument_id, tick),
            "change_percent": None if change is None else str(change),
        }
        if with_state:
            state = self.states.get(instrument_id, Freshness.LIVE)
            shown |= {"stale": state is Freshness.STALE, "frozen": state is Freshness.FROZEN}
        return orjson.Fragment(orjson.dumps(shown))

    def _written(self, instrument_id: int, tick: Tick) -> str:
        price, decimals = to_decimal(tick.last_price), self.decimals.get(instrument_id)
        return f"{price:f}" if decimals is None else f"{price:.{decimals}f}"

    def feed(self, now_ms: int) -> dict[str, str | int | None]:
        """Return the feed's state and the age of the newest tick; the feed worker knows of a freeze."""
        state = feed_state(newest_ms=self.newest_ms, now_ms=now_ms, is_open=self.is_open)
        if self.reported == "frozen" and state != "live":
            state = "frozen"  # the exchange holds the prices still: silence is right
        return {"state": state, "age_ms": max(now_ms - self.newest_ms, 0) if self.newest_ms else None}
