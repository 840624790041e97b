"""How the market feed is, as the page shows it."""

from dataclasses import dataclass
from datetime import datetime

from apps.dashboard.services.market import is_any_open
from bus import clock
from bus.models import Heartbeat

FEED_PROCESS = "feed"
SILENT_SECONDS = 15.0
STATES = frozenset({"live", "delayed", "frozen", "offline", "closed"})


@dataclass(frozen=True, slots=True)
class FeedState:
    """``state`` is one of ``STATES``; ``age_ms`` the newest tick's age, ``None`` before the first."""

    state: str
    age_ms: int | None

    @property
    def is_stale(self) -> bool:
        """Whether no price may be believed."""
        return self.state in ("delayed", "offline")


def read_feed(now: datetime) -> FeedState:
    """Return what the feed worker last said of itself; silent for too long, it is offline while a market trades."""
    beat = Heartbeat.objects.filter(process=FEED_PROCESS).first()
    newest = beat.detail.get("newest_tick_ms") if beat is not None else None
    age = max(_now_ms() - newest, 0) if isinstance(newest, int) else None
    if beat is None or (clock.now() - beat.beat_at).total_seconds() > SILENT_SECONDS:
        return FeedState("offline" if is_any_open(now) else "closed", age)
    state = beat.detail.get("state")
    return FeedState(state if state in STATES else "offline", age)


def _now_ms() -> int:
    return int(clock.now().timestamp() * 1000)
