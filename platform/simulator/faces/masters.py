"""A broker's instrument files: made when they are first asked for, the same all day, forgotten with it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Generic, TypeVar

from domain.clock import IST

_File = TypeVar("_File")


class DayFiles(Generic[_File]):
    """The files of one day. What a name that is none makes (``None``) is not kept: anybody may ask for any name."""

    def __init__(self) -> None:
        self._day = date.min
        self._files: dict[str, _File] = {}

    def get(self, name: str, make: Callable[[], _File], *, now: datetime) -> _File:
        """Return a file of the day that is at ``now``."""
        day = now.astimezone(IST).date()
        if day != self._day:
            self._day, self._files = day, {}
        if name in self._files:
            return self._files[name]
        made = make()
        if made is not None:
            self._files[name] = made
        return made

    def __len__(self) -> int:
        return len(self._files)
