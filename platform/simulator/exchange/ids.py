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
        self._last: dict[str, int] = {}

    def take(self, now: datetime) -> str:
        """Return the next number, 15 digits; the same sequence of times gives the same numbers."""
        local = now.astimezone(IST)
        day = f"{local:%y%m%d}"
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        number = max(self._last.get(day, 0), seconds * _PER_SECOND) + 1
        self._last[day] = number
        return f"{day}{number:0{_DIGITS}}"

    def skip(self, number: str) -> None:
        """Never hand out this number of an earlier run again, nor one below it of the same day."""
        day, last = number[:-_DIGITS], int(number[-_DIGITS:])
        self._last[day] = max(self._last.get(day, 0), last)
