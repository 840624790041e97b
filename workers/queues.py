"""The table of queues: one file of this folder each, and which process consumes what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and how its worker runs. ``loop`` tells that a long leased loop lives in the worker, too."""

    name: str
    module: str
    pool: str
    concurrency: int
    loop: bool


QUEUES = (
    Queue(name="feed", module="workers.feed", pool="threads", concurrency=1, loop=True),
    Queue(name="signals", module="workers.signals", pool="threads", concurrency=2, loop=True),
    Queue(name="execution", module="workers.execution", pool="threads", concurrency=1, loop=True),
    Queue(name="sessions", module="workers.sessions", pool="threads", concurrency=2, loop=False),
    Queue(name="jobs", module="workers.jobs", pool="threads", concurrency=1, loop=False),
)


def execution_queue(shard: int) -> str:
    """Return the queue of one execution shard."""
    return f"execution.{shard}"
