"""Waking the signals worker without waiting for it: a webhook answers after its insert, whatever Redis does.

One thread per process sends the wake-ups. Of a strategy's signals that wait together only the newest is named: the
router takes the earlier ones of the same strategy first. A wake-up that finds no room, or dies with the process, is no
loss: the sweep finds every signal nobody routed.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable

from bus import commands

log = logging.getLogger(__name__)

ROOM = 1000

_Waiting = tuple[int, int]
"""A signal and its strategy."""


class Waker:
    """Hands ids to a daemon thread; ``wake`` never blocks and never raises."""

    def __init__(self, send: Callable[[int], None], *, room: int = ROOM) -> None:
        self._send = send
        self._waiting: queue.Queue[_Waiting] = queue.Queue(room)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self, signal_id: int, strategy_id: int) -> bool:
        """Queue a wake-up; ``False`` when there was no room and the sweep will have to find the signal."""
        try:
            self._waiting.put_nowait((signal_id, strategy_id))
        except queue.Full:
            log.warning("no room for a wake-up, the sweep will find the signal", extra={"signal": signal_id})
            return False
        self._ensure_thread()
        return True

    def drain(self) -> None:
        """Wait until everything queued was sent or given up."""
        self._waiting.join()

    def _ensure_thread(self) -> None:
        """Started by the first wake-up: a server that forks its workers leaves threads behind."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            taken = self._take()
            try:
                for signal_id in newest(taken):
                    self._send(signal_id)
            finally:
                for _ in taken:
                    self._waiting.task_done()

    def _take(self) -> list[_Waiting]:
        """Wait for one, then take whatever else is there."""
        taken = [self._waiting.get()]
        while True:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                return taken


def newest(waiting: Iterable[_Waiting]) -> list[int]:
    """Return the highest signal of each strategy, the strategies in the order they came."""
    found: dict[int, int] = {}
    for signal_id, strategy_id in waiting:
        found[strategy_id] = max(signal_id, found.get(strategy_id, 0))
    return list(found.values())


waker = Waker(lambda signal_id: commands.send_route_signal(signal_id))
