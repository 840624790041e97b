"""Taking a queue's messages only while this process leads: a standby would swallow the leader's wake-ups."""

from typing import Any


class QueueTap:
    """One queue of this process's Celery worker, opened and closed from the loop's thread.

    The worker's own thread does the opening and closing; until it has, the sweep finds what a message would have said.
    """

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self._is_wanted = False
        self._consumer: Any = None

    def attach(self, consumer: Any) -> None:
        """Take over a worker's consumer (`worker_ready` sends it, in the worker's thread) and close the queue."""
        self._consumer = consumer
        self._turn()

    def open(self) -> None:
        """Take messages from now on."""
        self._want(True)

    def close(self) -> None:
        """Leave messages to whoever leads."""
        self._want(False)

    def _want(self, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        if self._consumer is not None:
            self._consumer.call_soon(self._turn)

    def _turn(self) -> None:
        """Do what was last asked for: callbacks may run in any order."""
        if self._is_wanted:
            self._consumer.add_task_queue(self.queue)
        else:
            self._consumer.cancel_task_queue(self.queue)
