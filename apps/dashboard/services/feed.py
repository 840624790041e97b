"""How the market feed is, as the page shows it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from apps.dashboard.services.market import is_any_open
from apps.dashboard.services.prices import feed_state
from bus.models import Heartbeat

FEED_PROCESS = "feed"


@dataclass(frozen=True, slots=True)
class FeedState:
    """``state`` is live, delayed, frozen, offline or closed; ``age_ms`` the newest tick's age, ``None`` before the first."""

    state: str
    age_ms: int | None

    @property
    def is_stale(self) -> bool:
        """Whether no price may be believed."""
        return self.state in ("delayed", "offline")


def read_feed(now: datetime) -> FeedState:
    """Return the feed's state at a market time, from the feed worker's heartbeat; ages are the wall clock's."""
    beat = Heartbeat.objects.filter(process=FEED_PROCESS).first()
    newest = beat.detail.get("newest_tick_ms") if beat is not None else None
    if beat is None or (newest is not None and not isinstance(newest, int)):
        return FeedState(feed_state(newest_ms=0, now_ms=_now_ms(), is_open=is_any_open(now)), None)
    heard = newest if isinstance(newest, int) else int(beat.beat_at.timestamp() * 1000)
    state = feed_state(newest_ms=heard, now_ms=_now_ms() - _grace_ms(beat), is_open=is_any_open(now))
    return FeedState(state, max(_now_ms() - heard, 0))


def _now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


def _grace_ms(beat: Heartbeat) -> int:
    """What the heartbeat says is as old as the heartbeat, which comes every three seconds or so."""
    return min(max(_now_ms() - int(beat.beat_at.timestamp() * 1000), 0), 5000)
