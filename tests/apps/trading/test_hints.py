"""An account's own order socket: opened while it matters, re-opened when it drops, and only ever a hint."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from apps.trading.execution import hints
from apps.trading.execution.hints import OrderHints
from apps.trading.execution.work import LaneWork
from brokers.catalog import SPECS
from domain.broker import BrokerUnavailable
from domain.orders import BrokerOrder


class Stream:
    """Says so many words, then drops."""

    def __init__(self, words: int) -> None:
        self.words, self.closed = words, False

    async def connect(self) -> AsyncIterator[BrokerOrder]:
        word: Any = object()
        for _ in range(self.words):
            yield word
        raise BrokerUnavailable("DROPPED", "the socket closed")

    async def aclose(self) -> None:
        self.closed = True


def work(account: int, mode: str = "LIVE", *, busy: bool = True, session: int = 1, broker: str = "zerodha") -> LaneWork:
    return LaneWork((account, mode), broker, "AB1", session, unresolved=busy, in_trade=False, unknown=False)


async def until(condition: Any) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("never became so")


def test_each_word_is_a_hint_and_a_dropped_socket_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "FIRST_PAUSE", 0.0)
    streams: list[Stream] = []
    heard: list[Any] = []

    async def listen(_: LaneWork) -> Stream:
        streams.append(Stream(2))
        return streams[-1]

    async def go() -> None:
        order_hints = OrderHints(listen=listen, hint=heard.append, specs=SPECS)
        order_hints.tend([work(1)])
        await until(lambda: len(heard) >= 4)
        await order_hints.aclose()

    asyncio.run(go())
    assert set(heard) == {(1, "LIVE")}
    assert all(stream.closed for stream in streams)


def test_only_live_lanes_with_something_to_do_at_brokers_that_have_one_open_a_socket() -> None:
    opened: list[int] = []

    async def listen(one: LaneWork) -> Stream:
        opened.append(one.lane[0])
        await asyncio.Event().wait()
        raise AssertionError

    async def go() -> None:
        order_hints = OrderHints(listen=listen, hint=lambda lane: None, specs=SPECS)
        order_hints.tend([work(4, broker="mt5"), work(1), work(2, "PAPER"), work(3, busy=False)])
        await until(lambda: opened == [1])
        order_hints.tend([work(1), work(3)])
        await until(lambda: opened == [1, 3])
        order_hints.tend([work(1, session=2)])  # a new sign-in needs a new socket
        await until(lambda: opened == [1, 3, 1])
        await order_hints.aclose()

    asyncio.run(go())
