"""A server that hangs holds its askers up once, not every time."""

import time

SLOW_SECONDS = 0.5
"""Whatever failed after longer than this met a server that hangs; one that refuses at once costs nobody anything."""


class Patience:
    """As long as one call waited in vain, the next do not wait: they are left to whatever finds their work later."""

    def __init__(self) -> None:
        self._until = 0.0

    def is_over(self) -> bool:
        """Say whether asking is better left for now."""
        return time.monotonic() < self._until

    def lose(self, *, since: float) -> None:
        """Note a call that failed; ``since`` is the monotonic clock when it began."""
        now = time.monotonic()
        if now - since > SLOW_SECONDS:
            self._until = now + (now - since)
