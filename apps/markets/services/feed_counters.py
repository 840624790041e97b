"""What the market feed counts, as its heartbeat shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """What happened since the loop began to lead."""

    published: int = 0
    unpublished: int = 0
    polls: int = 0
    poll_failures: int = 0
    sources: int = 0
    ticks_per_second: float = 0.0
    newest_tick_ms: int = 0
    needs: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    unnamed: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the counts by name; the newest tick only once there is one."""
        counts = {
            "ticks_per_second": self.ticks_per_second,
            "published": self.published,
            "unpublished": self.unpublished,
            "polls": self.polls,
            "poll_failures": self.poll_failures,
            "needs": dict(self.needs),
            "refused": self.refused,
            "unnamed": self.unnamed,
        }
        return counts | ({"newest_tick_ms": self.newest_tick_ms} if self.newest_tick_ms else {})
