"""Fyers' call limits: 10 a second, 200 a minute and 100,000 a day for all calls of a user together.

Who goes over the minute's limit in more than three minutes of a day is refused for the rest of it.
"""

from collections import defaultdict

from simulator.faces.limits import Window

CALLS = "calls"
MINUTE = "minute"
WINDOWS: dict[str, tuple[Window, ...]] = {
    CALLS: (Window(10, 1, "second"), Window(200, 60, MINUTE), Window(100_000, 86_400, "day")),
}
FORGIVEN_MINUTES = 3
_MINUTE_SECONDS, _DAY_SECONDS = 60, 86_400


class Blocked:
    """Who went over the minute's limit too often today."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, int], set[int]] = defaultdict(set)

    def note(self, who: str, *, now: float) -> None:
        """A minute's limit is exceeded at wall time ``now`` (epoch seconds)."""
        self._minutes[who, int(now // _DAY_SECONDS)].add(int(now // _MINUTE_SECONDS))

    def is_blocked(self, who: str, *, now: float) -> bool:
        """Say whether somebody is refused for the rest of the day."""
        return len(self._minutes.get((who, int(now // _DAY_SECONDS)), ())) > FORGIVEN_MINUTES
