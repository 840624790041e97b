"""How many messages wait to be read."""

from dataclasses import dataclass

from apps.notifications.models import Level
from apps.notifications.services.reading import MOST_UNREAD, unread
from apps.users.models import User
from bus import clock


@dataclass(frozen=True, slots=True)
class Bell:
    """Messages not read; ``urgent`` of them are pages."""

    unread: int
    urgent: int

    @property
    def unread_text(self) -> str:
        """The number as it fits on the bell."""
        return str(self.unread) if self.unread < MOST_UNREAD else f"{MOST_UNREAD - 1}+"


def bell_of(user: User) -> Bell:
    """Return a person's bell."""
    notes = unread(user, at=clock.now())
    return Bell(len(notes), sum(1 for note in notes if note.level == Level.PAGE))
