"""Call limits per user, counted in calendar seconds and minutes: orders 10 and 40, everything else 40 and 200."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from simulator.faces.noren.wire import NorenError


class Bucket(StrEnum):
    """Which limit a call counts against."""

    ORDER = "Order"
    OTHER = "Request"


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``calls`` in each calendar window of ``seconds``."""

    calls: int
    seconds: int
    name: str


WINDOWS: dict[Bucket, tuple[Window, ...]] = {
    Bucket.ORDER: (Window(10, 1, "second"), Window(40, 60, "minute")),
    Bucket.OTHER: (Window(40, 1, "second"), Window(200, 60, "minute")),
}


class Limits:
    """Counts calls; ``is_enabled`` says at each call whether they matter."""

    def __init__(self, *, is_enabled: Callable[[], bool]) -> None:
        self._is_enabled = is_enabled
        self._counts: dict[tuple[str, Bucket, int], tuple[int, int]] = {}

    def count(self, *, user: str, bucket: Bucket, now: float) -> None:
        """Count one call at wall time ``now`` (epoch seconds), or raise the documented ``NorenError``."""
        if not self._is_enabled():
            return
        for window in WINDOWS[bucket]:
            slot = int(now // window.seconds)
            known, calls = self._counts.get((user, bucket, window.seconds), (slot, 0))
            calls = calls + 1 if known == slot else 1
            self._counts[user, bucket, window.seconds] = (slot, calls)
            if calls > window.calls:
                raise too_many(bucket, calls, window)


def too_many(bucket: Bucket, calls: int, window: Window) -> NorenError:
    """Return the refusal of a call too many, in the OMS's own spelling."""
    text = f"{bucket.value} Recieved {calls} in a current {window.name} exceeds Limit {window.calls} for user"
    return NorenError(f"Invalid Input : {text}")
