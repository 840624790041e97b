"""Last prices and whether they may be believed."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from redis.exceptions import RedisError

from apps.dashboard.services.board import PriceMark
from bus import ticks
from domain.feed.freshness import Freshness
from domain.prices import to_decimal
from domain.ticks import Tick

log = logging.getLogger(__name__)

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Prices:
    """Last ticks and states of some instruments, and when anything at all was last heard (epoch milliseconds, or 0)."""

    ticks: Mapping[int, Tick]
    states: Mapping[int, Freshness]

    @property
    def scaled(self) -> dict[int, int]:
        """Instrument id to price integer."""
        return {key: tick.last_price for key, tick in self.ticks.items()}

    def mark(self, instrument_id: int, *, is_feed_stale: bool) -> PriceMark:
        """Return how one instrument is shown."""
        tick, state = self.ticks.get(instrument_id), self.states.get(instrument_id, Freshness.LIVE)
        if tick is None:
            return PriceMark()
        return PriceMark(
            price=to_decimal(tick.last_price),
            change=change_percent(tick),
            is_stale=is_feed_stale or state is Freshness.STALE,
            is_frozen=state is Freshness.FROZEN,
        )


def read_prices(instrument_ids: Iterable[int]) -> Prices:
    """Return what the bus keeps; empty, with a warning, while Redis cannot be reached."""
    wanted = list(instrument_ids)
    try:
        states = {key: entry.state for key, entry in ticks.last_states(wanted).items()}
        return Prices(ticks.last_ticks(wanted), states)
    except RedisError as error:
        log.warning("last prices cannot be read", extra={"reason": str(error)})
        return Prices({}, {})


def change_percent(tick: Tick) -> Decimal | None:
    """Return the change from yesterday's close in percent; ``None`` where the source gave no close."""
    if tick.close <= 0:
        return None
    return (Decimal(tick.last_price - tick.close) * 100 / tick.close).quantize(_HUNDREDTH)


def feed_state(*, newest_ms: int, now_ms: int, is_open: bool) -> str:
    """Return the feed in a word: ``live``, ``delayed``, ``offline``, or ``closed`` while no market trades."""
    if not is_open:
        return "closed"
    age = (now_ms - newest_ms) / 1000
    if age <= settings.FEED_STALE_SECONDS:
        return "live"
    return "delayed" if age <= settings.FEED_STALE_SECONDS * 10 else "offline"
