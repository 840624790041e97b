"""Kite's call limits, per api_key: counted in calendar seconds, as the documentation words them."""

from dataclasses import dataclass
from enum import StrEnum


class Bucket(StrEnum):
    """Which limit a call counts against."""

    ORDER = "order"
    QUOTE = "quote"
    HISTORICAL = "historical"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``calls`` in each calendar window of ``seconds``."""

    calls: int
    seconds: int


WINDOWS: dict[Bucket, tuple[Window, ...]] = {
    Bucket.ORDER: (Window(10, 1), Window(400, 60), Window(5000, 86_400)),
    Bucket.QUOTE: (Window(1, 1),),
    Bucket.HISTORICAL: (Window(3, 1),),
    Bucket.OTHER: (Window(10, 1),),
}


class Limits:
    """Counts calls; switched off it allows everything."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._counts: dict[tuple[str, Bucket, int], tuple[int, int]] = {}

    def allow(self, *, api_key: str, bucket: Bucket, now: float) -> bool:
        """Count one call at wall time ``now`` (epoch seconds).

        False when a window is full (and nothing is counted).
        """
        if not self.enabled:
            return True
        spent = [self._spent(api_key, bucket, window, now) for window in WINDOWS[bucket]]
        if any(calls >= window.calls for window, (_, calls) in zip(WINDOWS[bucket], spent, strict=True)):
            return False
        for window, (slot, calls) in zip(WINDOWS[bucket], spent, strict=True):
            self._counts[api_key, bucket, window.seconds] = (slot, calls + 1)
        return True

    def _spent(self, api_key: str, bucket: Bucket, window: Window, now: float) -> tuple[int, int]:
        slot = int(now // window.seconds)
        known, calls = self._counts.get((api_key, bucket, window.seconds), (slot, 0))
        return (slot, calls if known == slot else 0)
