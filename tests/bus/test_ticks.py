"""Ticks travel in batches, and the last one of each instrument stays."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bus import ticks
from bus.connection import BusClient, async_redis
from bus.ticks import TickState
from domain.feed.freshness import Freshness
from domain.ticks import Tick

WAIT = 10.0
T = TypeVar("T")


def tick(instrument_id: int, last_price: int, **fields: int) -> Tick:
    return Tick(instrument_id=instrument_id, last_price=last_price, **fields)


def run(make: Callable[[], Awaitable[T]]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(make(), WAIT)

    return asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    async for _ in _turns():
        if condition():
            return


async def _turns() -> AsyncIterator[None]:
    while True:
        await asyncio.sleep(0)
        yield


def test_a_listener_hears_a_published_batch_in_order(bus: BusClient) -> None:
    sent = [tick(1, 100), tick(2, 200), tick(1, 101)]

    async def heard() -> list[Tick]:
        stream = ticks.listen()
        await stream.ready()
        await asyncio.to_thread(ticks.publish, bus, sent)
        found = await anext(stream)
        await stream.aclose()
        return found

    assert run(heard) == sent


def test_the_async_publisher_does_the_same(bus: BusClient) -> None:
    async def heard() -> list[Tick]:
        stream, client = ticks.listen(), async_redis()
        await stream.ready()
        await ticks.publish_soon(client, [tick(9, 900)])
        found = await anext(stream)
        await stream.aclose()
        await client.aclose()
        return found

    assert run(heard) == [tick(9, 900)]
    assert ticks.last_ticks([9]) == {9: tick(9, 900)}


def test_the_last_tick_of_each_instrument_is_kept(bus: BusClient) -> None:
    ticks.publish(bus, [tick(1, 100), tick(2, 200), tick(1, 101, bid=99, exchange_at=7)])
    assert ticks.last_ticks([1, 2, 3]) == {1: tick(1, 101, bid=99, exchange_at=7), 2: tick(2, 200)}


def test_nothing_is_asked_for_nothing(bus: BusClient) -> None:
    ticks.publish(bus, [])
    assert ticks.last_ticks([]) == {}
    assert not bus.exists(ticks.LAST)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"hello", b"\xc1", b"\x91\x91\xa1x", b'[{"instrument_id": 1}]', b"\x91\x92\x01\xcb" + b"\0" * 8],
)
def test_garbage_is_counted_and_skipped(bus: BusClient, garbage: bytes) -> None:
    async def heard() -> tuple[list[Tick], int]:
        stream = ticks.listen()
        await stream.ready()
        await asyncio.to_thread(bus.publish, ticks.CHANNEL, garbage)
        await asyncio.to_thread(ticks.publish, bus, [tick(1, 100)])
        found = await anext(stream)
        await stream.aclose()
        return found, stream.garbage

    assert run(heard) == ([tick(1, 100)], 1)


def test_an_unreadable_last_price_is_left_out(bus: BusClient) -> None:
    ticks.publish(bus, [tick(1, 100)])
    bus.hset(ticks.LAST, "2", b"junk")
    assert ticks.last_ticks([1, 2]) == {1: tick(1, 100)}


def test_a_cancelled_wait_loses_nothing(bus: BusClient) -> None:
    async def heard() -> list[Tick]:
        stream = ticks.listen()
        await stream.ready()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        await asyncio.to_thread(ticks.publish, bus, [tick(1, 100)])
        found = await anext(stream)
        await stream.aclose()
        return found

    assert run(heard) == [tick(1, 100)]


def test_a_killed_connection_is_replaced_and_told_as_a_gap(bus: BusClient) -> None:
    async def heard() -> tuple[list[Tick], int]:
        stream = ticks.listen()
        await stream.ready()
        await asyncio.to_thread(bus.client_kill_filter, _type="pubsub")
        await until(lambda: stream.gaps == 1)
        await stream.ready()
        await asyncio.to_thread(ticks.publish, bus, [tick(1, 100)])
        found = await anext(stream)
        await stream.aclose()
        return found, stream.gaps

    assert run(heard) == ([tick(1, 100)], 1)


def test_a_slow_reader_loses_the_oldest_and_is_told(bus: BusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.subscriber.MOST_WAITING", 2)

    async def heard() -> tuple[list[Tick], int]:
        stream = ticks.listen()
        await stream.ready()
        for price in range(1, 6):
            await asyncio.to_thread(ticks.publish, bus, [tick(1, price)])
        await until(lambda: stream.lost == 3)
        found = await anext(stream)
        await stream.aclose()
        return found, stream.lost

    assert run(heard) == ([tick(1, 4), tick(1, 5)], 3)


def test_states_travel_and_stay(bus: BusClient) -> None:
    changed = [TickState(1, Freshness.STALE, 1000), TickState(2, Freshness.LIVE, 1001)]

    async def heard() -> list[TickState]:
        stream, client = ticks.listen_states(), async_redis()
        await stream.ready()
        await ticks.publish_states(client, changed)
        found = await anext(stream)
        await stream.aclose()
        await client.aclose()
        return found

    assert run(heard) == changed
    assert ticks.last_states([1, 2, 3]) == {1: changed[0], 2: changed[1]}


def test_a_publisher_without_redis_says_so(settings: object) -> None:
    settings.REDIS_BUS_URL = "unix:///nowhere/redis.sock?db=1"  # type: ignore[attr-defined]
    with pytest.raises(RedisConnectionError):
        ticks.last_ticks([1])
