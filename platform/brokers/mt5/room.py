"""The room between a terminal and its adapter: commands wait in it, answers and books are left in it.

The adapter is handed a ``Room``; the web process serves the terminal on the same rows (``counter``). All times are
those of the room's one clock: that of the database, where two machines share a room.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from brokers.mt5.protocol import Bars, Hello, Kind, Result, Sums, Sync, Tick


class RoomUnavailable(Exception):
    """The room could not be read or written; whether something was written is not known."""


class AlreadyPosted(Exception):
    """A command of this id was posted before: nothing was written."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something for the terminal to do once. ``request`` is JSON; after ``lifetime`` it must never be done any more."""

    cmd_id: str
    kind: Kind
    request: bytes
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is at the other side, and how fresh what it said is.

    ``link`` names the token in force ("": none), ``seen_at`` when it was last used. The books are complete as they
    stood at ``as_of`` or later. ``refusal`` is the (code, text) a terminal's last hello was turned away with.
    """

    now: datetime
    link: str = ""
    seen_at: datetime | None = None
    as_of: datetime | None = None
    refusal: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    """Everything a terminal said last."""

    seen: Seen
    hello: Hello
    sums: Sums | None = None
    sync: Sync | None = None
    ticks: Sequence[Tick] = field(default_factory=tuple)


class Room(Protocol):
    """One account's room, the adapter's side of it. Everything raises ``RoomUnavailable``."""

    async def seen(self) -> Seen:
        """Return who is there."""
        ...

    async def terminal(self) -> Terminal | None:
        """Return what the terminal said; ``None`` when it never said hello."""
        ...

    async def ticks(self) -> Sequence[Tick]:
        """Return the last tick of every symbol the terminal shows."""
        ...

    async def post(self, command: Command) -> None:
        """Leave a command, durably, before returning; raises ``AlreadyPosted``."""
        ...

    async def answer(self, cmd_id: str) -> Result | Bars | None:
        """Return what the terminal answered; ``None`` as long as it did not."""
        ...

    async def withdraw(self, cmd_id: str) -> bool:
        """Take a command back: ``True`` proves that the terminal was never told and never will be."""
        ...

    async def subscribe(self, symbols: Sequence[str]) -> None:
        """Say whose ticks are wanted, from now on and nothing else."""
        ...

    async def glance(self, symbols: Sequence[str]) -> None:
        """Ask for the ticks of these as well, for a minute."""
        ...

    async def changed(self, *, within: float) -> None:
        """Return when something may have changed, after so many seconds at the latest."""
        ...
