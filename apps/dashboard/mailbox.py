"""What waits to be sent to one socket: a few events and at most one patch, however slow the other side is."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]
Refresh = Callable[[], str]

MOST_EVENTS = 64


class Mailbox:
    """The latest values for one socket. ``refresh`` makes a patch of all current values, ``snapshot`` a whole snapshot.

    A patch that finds the former one still waiting is not queued: both are dropped, and when the socket can take
    something again it gets one patch of everything. Nothing grows while a client stalls.
    """

    __slots__ = (
        "_close_code",
        "_events",
        "_is_behind",
        "_needs_snapshot",
        "_patch",
        "_waiter",
        "refresh",
        "sending_since",
        "snapshot",
    )

    def __init__(self, *, refresh: Refresh, snapshot: Refresh) -> None:
        self.refresh = refresh
        self.snapshot = snapshot
        self.sending_since: float | None = None
        self._events: deque[str] = deque()
        self._patch: str | None = None
        self._is_behind = False
        self._needs_snapshot = True
        self._close_code: int | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put_patch(self, text: str) -> None:
        """Offer a patch of what changed."""
        if self._patch is not None or self._is_behind:
            self._patch, self._is_behind = None, True
        else:
            self._patch = text
        self._wake()

    def put_event(self, text: str) -> None:
        """Queue an event; too many waiting are replaced by one snapshot."""
        if len(self._events) >= MOST_EVENTS:
            self._events.clear()
            self._needs_snapshot = True
        else:
            self._events.append(text)
        self._wake()

    def ask_snapshot(self) -> None:
        """Send a snapshot next."""
        self._needs_snapshot = True
        self._wake()

    def close(self, code: int) -> None:
        """End the socket with a code, before anything else that waits."""
        self._close_code = code
        self._wake()

    def take(self) -> str | None:
        """Return the next message, ``None`` when nothing waits."""
        if self._events:
            return self._events.popleft()
        if self._needs_snapshot:
            self._needs_snapshot, self._is_behind, self._patch = False, False, None
            return self.snapshot()
        if self._is_behind:
            self._is_behind, self._patch = False, None
            return self.refresh()
        text, self._patch = self._patch, None
        return text

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def pump(self, send: Send) -> None:
        """Send what waits until closed; raises ``OSError`` when the other side is gone."""
        loop = asyncio.get_running_loop()
        while self._close_code is None:
            text = self.take()
            if text is None:
                self._waiter = loop.create_future()
                await self._waiter
                continue
            self.sending_since = loop.time()
            await _send(send, {"type": "websocket.send", "text": text})
            self.sending_since = None
        await _send(send, {"type": "websocket.close", "code": self._close_code})


async def _send(send: Send, message: dict[str, Any]) -> None:
    """Send one message. Raises ``ConnectionError`` where the server closed the socket before."""
    try:
        await send(message)
    except RuntimeError as error:
        raise ConnectionError("the socket is closed") from error
