"""Live events: only after the commit, only to those named, never a reason to fail."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction

from bus import live
from bus.connection import BusClient
from bus.live import LiveEvent

WAIT = 10.0


async def _heard(act: Callable[[], None]) -> list[LiveEvent]:
    stream = live.listen_live()
    await stream.ready()
    await asyncio.to_thread(act)
    found = await anext(stream)
    await stream.aclose()
    return found


def heard(act: Callable[[], None]) -> list[LiveEvent]:
    return asyncio.run(asyncio.wait_for(_heard(act), WAIT))


@pytest.mark.django_db(transaction=True)
def test_an_event_is_told_once_per_person_after_the_commit(bus: BusClient) -> None:
    def act() -> None:
        with transaction.atomic():
            live.announce([7, 3, 7], "order", {"id": 5, "price": Decimal("101.05")})
            bus.publish(live.CHANNEL, b'{"users": null, "kind": "notice", "data": {"before": "commit"}}')

    assert heard(act)[0].data == {"before": "commit"}


@pytest.mark.django_db(transaction=True)
def test_the_people_and_the_values_arrive(bus: BusClient) -> None:
    event = heard(lambda: live.announce([7, 3, 7], "order", {"id": 5, "price": Decimal("101.05")}))[0]
    assert event == LiveEvent([3, 7], "order", {"id": 5, "price": "101.05"})


@pytest.mark.django_db(transaction=True)
def test_a_rollback_tells_nobody(bus: BusClient) -> None:
    def act() -> None:
        with transaction.atomic():
            live.announce([1], "trade", {})
            transaction.set_rollback(True)
        live.announce([2], "trade", {"id": 1})

    assert [event.users for event in heard(act)] == [[2]]


@pytest.mark.django_db(transaction=True)
def test_the_feed_state_is_for_everybody(bus: BusClient) -> None:
    assert heard(lambda: live.announce_feed({"state": "DOWN"})) == [LiveEvent(None, "feed", {"state": "DOWN"})]


@pytest.mark.django_db(transaction=True)
def test_garbage_is_counted_and_skipped(bus: BusClient) -> None:
    def act() -> None:
        for garbage in (
            b"",
            b"{",
            b'{"users": "all", "kind": "order", "data": {}}',
            b'{"users": null, "kind": "x", "data": {}}',
        ):
            bus.publish(live.CHANNEL, garbage)
        live.announce([1], "notice", {"text": "hello"})

    assert [event.kind for event in heard(act)] == ["notice"]


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_caller_goes_on(settings: object, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_BUS_URL = "unix:///nowhere/redis.sock?db=1"  # type: ignore[attr-defined]
    with caplog.at_level(logging.WARNING):
        live.announce([1], "trade", {"id": 1})
    assert "live event not sent" in caplog.text


def test_nobody_is_told_nothing(bus: BusClient) -> None:
    live.announce([], "trade", {"id": 1})
