"""Ticks between processes: batches on a channel, the last one of each instrument in a hash.

Both are hints. A batch nobody heard is gone; the hash says where the market stood, and a tick's
``received_at`` how long ago.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from bus.connection import AsyncBusClient, BusClient, redis_client
from bus.subscriber import Stream
from domain.feed.freshness import Freshness
from domain.ticks import Tick

log = logging.getLogger(__name__)

T = TypeVar("T")

CHANNEL = "ticks"
LAST = "ticks:last"
STATE = "ticks:state"


class TickState(msgspec.Struct, array_like=True, frozen=True):
    """Whether an instrument's price may be believed, and since when (epoch milliseconds, wall clock)."""

    instrument_id: int
    state: Freshness
    at: int


_encoder = msgspec.msgpack.Encoder()
_tick = msgspec.msgpack.Decoder(Tick)
_ticks = msgspec.msgpack.Decoder(list[Tick])
_state = msgspec.msgpack.Decoder(TickState)
_states = msgspec.msgpack.Decoder(list[TickState])


def publish(client: BusClient, ticks: Sequence[Tick]) -> None:
    """Send one batch and keep the last tick of each instrument, in one round trip; raises ``RedisError``."""
    if ticks:
        with client.pipeline(transaction=False) as pipe:
            pipe.hset(LAST, mapping=_last(ticks))
            pipe.publish(CHANNEL, _encoder.encode(ticks))
            pipe.execute()


async def publish_soon(client: AsyncBusClient, ticks: Sequence[Tick]) -> None:
    """Do what ``publish`` does without blocking the event loop; raises ``RedisError``."""
    if ticks:
        async with client.pipeline(transaction=False) as pipe:
            pipe.hset(LAST, mapping=_last(ticks))
            pipe.publish(CHANNEL, _encoder.encode(ticks))
            await pipe.execute()


async def publish_states(client: AsyncBusClient, states: Sequence[TickState]) -> None:
    """Send and keep what changed; raises ``RedisError``."""
    if states:
        async with client.pipeline(transaction=False) as pipe:
            pipe.hset(STATE, mapping={str(one.instrument_id): _encoder.encode(one) for one in states})
            pipe.publish(STATE, _encoder.encode(states))
            await pipe.execute()


def last_ticks(ids: Iterable[int]) -> dict[int, Tick]:
    """Return the last tick of each instrument that ever had one, however old; raises ``RedisError``."""
    return _kept(LAST, ids, _tick)


def last_states(ids: Iterable[int]) -> dict[int, TickState]:
    """Return the last known state of each instrument that has one; raises ``RedisError``."""
    return _kept(STATE, ids, _state)


def listen() -> Stream[Tick]:
    """Subscribe to the ticks: lists of everything that waits, oldest first. Close it with ``aclose``."""
    return Stream(CHANNEL, _ticks.decode)


def listen_states() -> Stream[TickState]:
    """Subscribe to the changes of states; close it with ``aclose``."""
    return Stream(STATE, _states.decode)


def _last(ticks: Sequence[Tick]) -> Mapping[str | bytes, bytes]:
    latest = {tick.instrument_id: tick for tick in ticks}
    return {str(instrument_id): _encoder.encode(tick) for instrument_id, tick in latest.items()}


def _kept(name: str, ids: Iterable[int], decoder: "msgspec.msgpack.Decoder[T]") -> dict[int, T]:
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    found: dict[int, T] = {}
    for instrument_id, packed in zip(wanted, redis_client().hmget(name, [str(one) for one in wanted]), strict=True):
        if packed is not None:
            try:
                found[instrument_id] = decoder.decode(packed)
            except msgspec.MsgspecError:
                log.warning("an unreadable entry was left out", extra={"hash": name, "instrument": instrument_id})
    return found
