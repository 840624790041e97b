"""Numbers the exchange hands out: unique within a process and, because they contain the time, across its
restarts.
"""

from datetime import datetime

from domain.clock import IST

_PER_SECOND = 10_000
_DIGITS = 9


class Numbers:
    """A counter that starts anew from the time of day: date (6 digits), then nine digits that only grow."""

    def __init__(self) -> None:
        self._day = ""
        self._last = 0

    def take(self, now: datetime) -> str:
        """Return the next number, 15 digits; the same sequence of times gives the same numbers."""
        local = now.astimezone(IST)
        day = f"{local:%y%m%d}"
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        floor = seconds * _PER_SECOND + 1
        self._last = max(self._last + 1, floor) if day == self._day else floor
        self._day = day
        return f"{day}{self._last:0{_DIGITS}}"
