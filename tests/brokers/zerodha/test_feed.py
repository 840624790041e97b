"""Kite's socket against a server on loopback: subscriptions, ticks, order updates, drops and silence."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from struct import pack
from typing import cast

import pytest
from aiohttp import WSMsgType, web

from brokers.connect import connect_feed, connect_order_stream
from brokers.transport import Wire
from brokers.zerodha.feed import ZerodhaFeed, ZerodhaOrderStream
from domain.broker import BrokerError, BrokerUnavailable, RateLimited, SessionLost
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import CREDENTIALS, endpoint, lot_size_of, recorded

TICK = pack(">HHIi", 1, 8, 256265, 2_420_000)
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class Ticker:
    """A ticker that runs a script per connection and keeps the messages it was sent."""

    def __init__(self, *scripts: Script, status: int = 101) -> None:
        self._scripts = list(scripts)
        self._status = status
        self.messages: list[list[dict[str, object]]] = []
        self.queries: list[dict[str, str]] = []

    async def answer(self, http: web.Request) -> web.StreamResponse:
        if self._status != 101:
            return web.Response(status=self._status)
        self.queries.append(dict(http.query))
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.messages.append([])
        await self._scripts.pop(0)(socket)
        return socket

    async def expect(self, socket: web.WebSocketResponse, count: int) -> None:
        """Wait for that many client messages."""
        for _ in range(count):
            message = await socket.receive()
            assert message.type is WSMsgType.TEXT
            self.messages[-1].append(json.loads(message.data))


def run(ticker: Ticker, journey: Callable[[str], Awaitable[object]]):
    async def whole():
        async with serve(ticker.answer) as base, asyncio.timeout(20):
            return await journey(base)

    return asyncio.run(whole())


def feed_at(base: str, **changes: object) -> ZerodhaFeed:
    return cast(ZerodhaFeed, connect_feed("zerodha", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, **changes))


async def drained(stream) -> tuple[list[object], BrokerUnavailable]:
    """Everything a stream yields, and the failure that ends it."""
    seen: list[object] = []
    try:
        async for item in stream:
            seen.append(item)
    except BrokerUnavailable as error:
        return seen, error
    raise AssertionError("the stream ended without saying why")


def order_text(**changes: object) -> str:
    row = {**json.loads(recorded("postback.json")), **changes}
    return json.dumps({"type": "order", "data": row})


def test_what_was_subscribed_is_asked_for_in_full_and_its_ticks_come_in_batches():
    async def script(socket: web.WebSocketResponse) -> None:
        await ticker.expect(socket, 2)
        await socket.send_bytes(b"\x00")
        await socket.send_bytes(TICK)
        await socket.close()

    ticker = Ticker(script)

    async def journey(base: str):
        feed = feed_at(base)
        await feed.subscribe(["256265", "408065", "256265"])
        try:
            return await drained(feed.connect())
        finally:
            await feed.aclose()

    batches, error = run(ticker, journey)
    assert [[tick.token for tick in batch] for batch in batches] == [["256265"]]
    assert error.code == "DROPPED"
    assert ticker.messages == [
        [{"a": "subscribe", "v": [256265, 408065]}, {"a": "mode", "v": ["full", [256265, 408065]]}]
    ]
    assert ticker.queries == [{"api_key": "key1", "access_token": "token1"}]


def test_a_second_connect_subscribes_again_what_is_still_wanted():
    async def script(socket: web.WebSocketResponse) -> None:
        await ticker.expect(socket, 2)
        await socket.close()

    ticker = Ticker(script, script)

    async def journey(base: str) -> None:
        feed = feed_at(base)
        await feed.subscribe(["1", "2"])
        await drained(feed.connect())
        await feed.unsubscribe(["1", "unheard-of"])
        await drained(feed.connect())
        await feed.aclose()

    run(ticker, journey)
    assert [messages[0] for messages in ticker.messages] == [
        {"a": "subscribe", "v": [1, 2]},
        {"a": "subscribe", "v": [2]},
    ]


def test_a_live_socket_takes_new_and_drops_old_subscriptions_at_once():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(TICK)
        await ticker.expect(socket, 3)
        await socket.close()

    ticker = Ticker(script)

    async def journey(base: str) -> None:
        feed = feed_at(base)

        async def steer() -> None:
            async for _ in feed.connect():
                await feed.subscribe(["7", "8"])
                await feed.subscribe(["7"])
                await feed.unsubscribe(["8"])

        with pytest.raises(BrokerUnavailable):
            await steer()
        await feed.aclose()

    run(ticker, journey)
    assert ticker.messages == [
        [{"a": "subscribe", "v": [7, 8]}, {"a": "mode", "v": ["full", [7, 8]]}, {"a": "unsubscribe", "v": [8]}]
    ]


def test_many_instruments_are_asked_for_in_chunks():
    async def script(socket: web.WebSocketResponse) -> None:
        await ticker.expect(socket, 6)
        await socket.close()

    ticker = Ticker(script)

    async def journey(base: str) -> None:
        feed = feed_at(base)
        await feed.subscribe([str(number) for number in range(1, 1201)])
        await drained(feed.connect())
        await feed.aclose()

    run(ticker, journey)
    asked = [token for message in ticker.messages[0] if message["a"] == "subscribe" for token in message["v"]]
    assert sorted(asked) == list(range(1, 1201))
    assert max(len(message["v"]) for message in ticker.messages[0]) <= 500


def test_more_than_a_socket_takes_and_what_is_no_token_are_refused():
    async def journey() -> None:
        feed = feed_at("http://127.0.0.1:1")
        await feed.subscribe([str(number) for number in range(3000)])
        with pytest.raises(BrokerError, match="3000") as caught:
            await feed.subscribe(["3001"])
        assert caught.value.code == "LIMIT"
        for bad in ("", "abc", "1;2", "٣"):
            with pytest.raises(BrokerError, match="not an instrument token"):
                await feed.subscribe([bad])

    asyncio.run(journey())


def test_a_silent_socket_is_given_up():
    async def silent(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async def journey(base: str):
        feed = ZerodhaFeed(
            wire=Wire(timeout=5), url=endpoint(base).socket_url, lot_size_of=lot_size_of, silence_seconds=0.2
        )
        try:
            return await drained(feed.connect())
        finally:
            await feed.aclose()

    batches, error = run(Ticker(silent), journey)
    assert (batches, error.code) == ([], "SILENT")


@pytest.mark.parametrize(
    ("status", "kind"), [(403, SessionLost), (429, RateLimited), (500, BrokerUnavailable), (302, BrokerUnavailable)]
)
def test_a_refused_handshake_says_why_and_hides_the_token(status, kind):
    async def journey(base: str) -> None:
        feed = feed_at(base)
        try:
            with pytest.raises(kind) as caught:
                await anext(aiter(feed.connect()))
            assert type(caught.value) is kind
            assert "token1" not in str(caught.value)
        finally:
            await feed.aclose()

    run(Ticker(status=status), journey)


def test_nobody_listening_is_unavailable_and_hides_the_token():
    async def journey() -> None:
        feed = feed_at("http://127.0.0.1:1")
        with pytest.raises(BrokerUnavailable) as caught:
            await anext(aiter(feed.connect()))
        assert "token1" not in str(caught.value)
        await feed.aclose()

    asyncio.run(journey())


def test_broken_packets_are_counted_and_the_socket_lives_on():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(pack(">HH", 1, 9) + b"\0" * 9)
        await socket.send_bytes(TICK)
        await socket.close()

    async def journey(base: str):
        feed = feed_at(base)
        batches, _ = await drained(feed.connect())
        await feed.aclose()
        return len(batches), feed.malformed_packets

    assert run(Ticker(script), journey) == (1, 1)


def test_an_order_update_beside_the_ticks_is_handed_on():
    filled = order_text()

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_str(filled)
        await socket.send_bytes(TICK)
        await socket.close()

    handed: list[BrokerOrder] = []

    async def journey(base: str):
        feed = feed_at(base, on_order=handed.append)
        batches, _ = await drained(feed.connect())
        await feed.aclose()
        return batches

    assert len(run(Ticker(script), journey)) == 1
    assert [(one.broker_order_id, one.status) for one in handed] == [("220303000308932", OrderStatus.FILLED)]


def test_the_order_stream_yields_updates_and_leaves_out_what_it_cannot_read(caplog):
    resting, filled = order_text(status="OPEN", filled_quantity=0), order_text()

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x00")
        await socket.send_str(json.dumps({"type": "message", "data": "hello"}))
        await socket.send_str(json.dumps({"type": "error", "data": "Too many subscriptions"}))
        await socket.send_str(json.dumps({"type": "order", "data": {}}))
        await socket.send_str("not json")
        await socket.send_str(resting)
        await socket.send_str(filled)
        await socket.close()

    async def journey(base: str):
        stream = connect_order_stream("zerodha", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
        try:
            return await drained(stream.connect())
        finally:
            await cast(ZerodhaOrderStream, stream).aclose()

    orders, error = run(Ticker(script), journey)
    assert [one.status for one in orders] == [OrderStatus.OPEN, OrderStatus.FILLED]
    assert error.code == "DROPPED"
    assert caplog.text.count("unreadable socket message") == 2
    assert "reports an error" in caplog.text


def test_a_long_error_in_another_script_is_cut_and_does_not_end_the_socket(caplog):
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_str(json.dumps({"type": "error", "data": "\u20b9" * 100}, ensure_ascii=False))
        await socket.send_str(order_text())
        await socket.close()

    async def journey(base: str):
        stream = connect_order_stream("zerodha", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
        try:
            return await drained(stream.connect())
        finally:
            await cast(ZerodhaOrderStream, stream).aclose()

    orders, error = run(Ticker(script), journey)
    assert ([one.status for one in orders], error.code) == ([OrderStatus.FILLED], "DROPPED")
    assert "reports an error" in caplog.text


def test_closing_the_feed_ends_a_running_connect():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(TICK)
        await socket.receive()

    async def journey(base: str) -> str:
        feed = feed_at(base)

        async def close_at_the_first_tick() -> None:
            async for _ in feed.connect():
                await feed.aclose()

        with pytest.raises(BrokerUnavailable) as caught:
            await close_at_the_first_tick()
        return caught.value.code

    assert run(Ticker(script), journey) == "DROPPED"
