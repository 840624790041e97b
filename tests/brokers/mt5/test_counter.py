"""What a terminal's calls do to its room, call by call, on a clock of the test's own."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from brokers.mt5.counter import AFTERWARDS, CALM_MS, FORCED, QUICK_MS, Visit, serve
from brokers.mt5.protocol import Kind, Refused, written
from brokers.mt5.room import Command
from tests.brokers.bridge import MemoryRoom
from tests.brokers.mt5 import words

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class Desk:
    """A room and the terminal at it."""

    def __init__(self) -> None:
        self.now = START
        self.room = MemoryRoom("5001", now=lambda: self.now)
        self.seq = 0
        self.said: dict[str, Any] = {}

    def call(self, name: str, body: bytes, *, seq: int | None = None) -> dict[str, Any]:
        self.seq += 1
        visit = Visit(self.room, self.room.client_id, self.seq if seq is None else seq, self.now)
        self.said = orjson.loads(written(serve(name, body, visit).body))
        return self.said

    def poll(self, **changes: Any) -> dict[str, Any]:
        return self.call("poll", words.poll(self.said["session"], self.said["mark"], **changes))

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


def posted(desk: Desk, command: Command) -> None:
    asyncio.run(desk.room.post(command))


def run(test: Callable[[Desk], Any]) -> None:
    one = Desk()
    one.call("hello", words.hello())
    test(one)


def test_books_stand_as_of_the_mark_that_was_seen_before_they_were_looked_at():
    def test(desk: Desk) -> None:
        desk.later(seconds=1)
        desk.poll(sync=words.sync([words.ORDER]))
        assert desk.room.link().as_of == START
        desk.later(seconds=1)
        desk.poll()
        assert desk.room.link().as_of == START + timedelta(seconds=1)

    run(test)


def test_a_poll_held_up_on_its_way_makes_nothing_look_fresher_than_it_was():
    def test(desk: Desk) -> None:
        desk.poll(sync=words.sync())
        session, mark = desk.said["session"], desk.said["mark"]
        desk.later(seconds=30)  # it was said long ago and comes now
        desk.call("poll", words.poll(session, mark))
        assert desk.room.link().as_of == START

    run(test)


def test_hashes_that_differ_ask_for_the_book_and_leave_it_as_old_as_it_is():
    def test(desk: Desk) -> None:
        desk.poll(sync=words.sync())
        desk.later(seconds=5)
        desk.poll()
        desk.later(seconds=5)
        assert desk.poll(positions_hash="p2")["resync"]
        assert desk.room.link().as_of == START

    run(test)


def test_an_old_book_is_asked_for_although_its_hashes_stand():
    def test(desk: Desk) -> None:
        desk.poll(sync=words.sync())
        assert not desk.poll()["resync"]
        desk.later(seconds=FORCED.total_seconds())
        assert desk.poll()["resync"]

    run(test)


def test_a_new_hello_forgets_the_books_and_ends_the_session():
    def test(desk: Desk) -> None:
        old = desk.said["session"]
        desk.poll(sync=words.sync([words.ORDER]))
        assert desk.call("hello", words.hello())["resync"]
        link = desk.room.link()
        assert (link.sync, link.as_of) == (b"", None)
        with pytest.raises(Refused) as raised:
            desk.call("poll", words.poll(old, 1))
        assert raised.value.code == "REPLACED"

    run(test)


def test_whoever_has_not_said_hello_is_told_to():
    desk = Desk()
    for name, body in (
        ("poll", words.poll("s", 1)),
        ("result", words.result("s", "A")),
        ("event", words.event("s")),
        ("bars", words.bars("s", "A")),
    ):
        with pytest.raises(Refused) as raised:
            desk.call(name, body)
        assert raised.value.code == "NO_SESSION"


def test_a_refused_hello_leaves_the_session_that_is_there():
    def test(desk: Desk) -> None:
        session = desk.said["session"]
        for changes in ({"login": 9}, {"currency": "EUR"}, {"protocol": 3}):
            with pytest.raises(Refused):
                desk.call("hello", words.hello(**changes))
        assert desk.room.link().session == session

    run(test)


def test_a_command_has_less_time_each_time_it_is_told():
    desk = Desk()
    desk.call("hello", words.hello())
    posted(desk, Command("A", Kind.ORDER_SEND, b"{}", timedelta(seconds=10)))
    first = desk.poll()["commands"][0]["expires_ms"]
    desk.later(seconds=4)
    second = desk.poll()["commands"][0]["expires_ms"]
    assert (first, second) == (10_000, 6_000)
    desk.later(seconds=7)
    assert desk.poll()["commands"] == []


def test_a_result_for_bars_and_bars_for_an_order_answer_nobody():
    desk = Desk()
    desk.call("hello", words.hello())
    posted(desk, Command("ORDER", Kind.ORDER_SEND, b"{}", timedelta(seconds=10)))
    posted(desk, Command("BARS", Kind.COPY_RATES, b"{}", timedelta(seconds=10)))
    desk.poll()
    session = desk.said["session"]
    for name, body in (("bars", words.bars(session, "ORDER")), ("result", words.result(session, "BARS"))):
        with pytest.raises(Refused) as raised:
            desk.call(name, body)
        assert raised.value.code == "NO_COMMAND"


def test_a_terminal_with_nothing_to_do_is_calm():
    def test(desk: Desk) -> None:
        assert desk.poll()["poll_ms"] == CALM_MS
        desk.room._link.wanted = ["XAUUSD"]
        assert desk.poll()["poll_ms"] == QUICK_MS
        assert desk.said["subscribe"] == ["XAUUSD"]

    run(test)
    assert timedelta(0) < AFTERWARDS


def test_a_symbol_somebody_glanced_at_is_shown_for_a_minute_beside_the_feeds():
    desk = Desk()
    desk.call("hello", words.hello())
    asyncio.run(desk.room.subscribe(["XAUUSD"]))
    asyncio.run(desk.room.glance(["EURUSD", "XAUUSD"]))
    assert desk.poll()["subscribe"] == ["XAUUSD", "EURUSD"]
    desk.later(seconds=61)
    assert desk.poll()["subscribe"] == ["XAUUSD"]
