"""Celery's broker by its URL: Redis, or RabbitMQ with quorum queues. Messages are wake-ups either way.

RabbitMQ, and why each setting is what it is:

- Every queue is a quorum queue: replicated over the cluster's nodes, so that losing one loses no wake-up. They know no
  global prefetch; Celery sees the type and asks for prefetch per consumer by itself.
- ``confirm_publish``: a publish returns once the queue's majority has the message. Whoever publishes waits two seconds
  at most (``bus.commands``) and then leaves it to the sweep.
- No dead-letter exchange and no delivery limit are set: RabbitMQ 4 drops a message after 20 deliveries, and a dropped
  wake-up is found by the sweep. ``consumer_timeout`` (the server's, 30 minutes) never strikes, because messages are
  acknowledged when they are taken, not when the work is done.
- Celery declares its queues for delayed delivery beside quorum queues. Nothing here is ever delayed, so they are
  classic ones, which cost nothing.
- Reads and writes on a connection end after two seconds: taking leave of a server that froze would otherwise wait for
  good, inside somebody's request.
- A heartbeat of 10 s finds a dead connection that the operating system would believe in for a quarter of an hour.
"""

from typing import Any

CONNECT_SECONDS = 2
SILENT_SECONDS = 2
HEARTBEAT_SECONDS = 10
# Of one publish: a request must not wait for a queue that is down.
_ONE_RETRY = {"max_retries": 1, "interval_start": 0}


def is_rabbitmq(url: str) -> bool:
    """Say whether a broker's URL is RabbitMQ's."""
    return url.partition("://")[0] in ("amqp", "amqps", "pyamqp")


def transport_options(url: str) -> dict[str, Any]:
    """Return kombu's options for the broker at a URL."""
    if is_rabbitmq(url):
        return {
            **_ONE_RETRY,
            "confirm_publish": True,
            "read_timeout": SILENT_SECONDS,
            "write_timeout": SILENT_SECONDS,
        }
    return {
        **_ONE_RETRY,
        "visibility_timeout": 120,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "priority_steps": [0],
        "socket_timeout": 10,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def queue_type(url: str) -> str:
    """Return the type of every queue that is declared there."""
    return "quorum" if is_rabbitmq(url) else "classic"
