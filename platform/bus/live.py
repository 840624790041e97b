"""What browsers are told: sent after the commit, best effort. Whoever missed it re-reads the page's data."""

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from django.db import transaction
from redis.exceptions import RedisError

from bus.connection import redis_client
from bus.patience import Patience
from bus.subscriber import Stream

log = logging.getLogger(__name__)

CHANNEL = "live"
Kind = Literal["trade", "order", "feed", "notice"]


class LiveEvent(msgspec.Struct, frozen=True):
    """One event; ``users`` are the ids it is for, ``None`` is everybody who is signed in."""

    users: list[int] | None
    kind: Kind
    data: dict[str, Any]


_decoder = msgspec.json.Decoder(LiveEvent)
_patience = Patience()


def announce(user_ids: Iterable[int], kind: Kind, data: dict[str, Any]) -> None:
    """Tell some people; ``data`` is plain values, dates and Decimals (these travel as text)."""
    users = sorted(set(user_ids))
    if users:
        _on_commit(LiveEvent(users, kind, data))


def announce_all(kind: Kind, events: Iterable[tuple[int, dict[str, Any]]]) -> None:
    """Tell one person something, for many pairs of a person and plain values; all are sent in one round trip."""
    messages = [msgspec.json.encode(LiveEvent([user_id], kind, data)) for user_id, data in events]
    if messages:
        transaction.on_commit(lambda: _send(messages))


def announce_feed(state: dict[str, Any]) -> None:
    """Tell everybody how the market feed is."""
    _on_commit(LiveEvent(None, "feed", state))


def listen_live() -> Stream[LiveEvent]:
    """Subscribe to the events; close it with ``aclose``."""
    return Stream(CHANNEL, lambda message: [_decoder.decode(message)])


def _on_commit(event: LiveEvent) -> None:
    message = msgspec.json.encode(event)  # now: a value that cannot travel is the caller's error
    transaction.on_commit(lambda: _send([message]))


def _send(messages: Sequence[bytes]) -> None:
    if _patience.is_over():
        return
    started = time.monotonic()
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            for message in messages:
                pipe.publish(CHANNEL, message)
            pipe.execute()
    except RedisError as error:
        _patience.lose(since=started)
        log.warning("live event not sent", extra={"reason": str(error)})
