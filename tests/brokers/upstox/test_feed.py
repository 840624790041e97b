"""Upstox's sockets against a server on loopback: the way in, subscriptions, ticks, pings, drops and silence."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import pytest
from aiohttp import WSMsgType, web

from brokers.connect import connect_feed, connect_order_stream
from brokers.upstox.feed import UpstoxFeed, UpstoxOrderStream
from domain.broker import BrokerError, BrokerUnavailable, RateLimited, SessionLost
from tests.brokers.servers import serve
from tests.brokers.upstox.cast import CREDENTIALS, OPTION, endpoint, error, lot_size_of, order_row, recorded, success
from tests.brokers.upstox.test_ticker import MARKET_INFO, SHORT

INDEX = "NSE_INDEX|Nifty 50"
MARKET, ORDERS = "/upstox/v3/feed/market-data-feed/authorize", "/upstox/v2/feed/portfolio-stream-feed/authorize"
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class Gate:
    """Names a socket at its own address, runs a script per connection and keeps what it was asked and sent."""

    def __init__(self, *scripts: Script, refusal: tuple[int, bytes] | None = None) -> None:
        self._scripts = list(scripts)
        self._refusal = refusal
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.messages: list[list[dict[str, object]]] = []

    async def answer(self, http: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        if not socket.can_prepare(http):
            return self._named(http)
        assert http.query["code"] == "once"
        assert "Authorization" not in http.headers
        await socket.prepare(http)
        self.messages.append([])
        await self._scripts.pop(0)(socket)
        return socket

    def _named(self, http: web.Request) -> web.Response:
        assert http.headers["Authorization"] == "Bearer token1"
        self.asked.append((http.path, dict(http.query)))
        address = {"authorized_redirect_uri": f"ws://{http.host}/feeds?requestId=1&code=once"}
        status, body = self._refusal or (200, success(address))
        return web.Response(status=status, body=body, content_type="application/json")

    async def expect(self, socket: web.WebSocketResponse, count: int) -> None:
        """Wait for that many client messages: JSON in binary frames."""
        for _ in range(count):
            message = await socket.receive()
            assert message.type is WSMsgType.BINARY
            self.messages[-1].append(json.loads(message.data))


def run(gate: Gate, journey: Callable[[str], Awaitable[object]]):
    async def whole():
        async with serve(gate.answer) as base, asyncio.timeout(20):
            return await journey(base)

    return asyncio.run(whole())


def feed_at(base: str, **changes: object) -> UpstoxFeed:
    return cast(UpstoxFeed, connect_feed("upstox", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, **changes))


def stream_at(base: str) -> UpstoxOrderStream:
    return cast(UpstoxOrderStream, connect_order_stream("upstox", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of))


async def drained(stream) -> tuple[list[object], BrokerUnavailable]:
    """Everything a stream yields, and the failure that ends it."""
    seen: list[object] = []
    try:
        async for item in stream:
            seen.append(item)
    except BrokerUnavailable as ended:
        return seen, ended
    raise AssertionError("the stream ended without saying why")


def test_what_was_subscribed_is_asked_for_in_full_and_asked_for_again_after_a_drop():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(MARKET_INFO)
        await gate.expect(socket, 1)
        await socket.send_bytes(SHORT)
        await socket.close()

    gate = Gate(script, script)

    async def journey(base: str):
        feed = feed_at(base)
        await feed.subscribe([INDEX, OPTION])
        await feed.subscribe([OPTION])
        first = await drained(feed.connect())
        await feed.unsubscribe([INDEX, INDEX])
        second = await drained(feed.connect())
        await feed.aclose()
        return first, second

    for batches, ended in run(gate, journey):
        assert [[tick.token for tick in batch] for batch in batches] == [["NSE_FO|45450"]]
        assert ended.code == "DROPPED"
    assert [path for path, _ in gate.asked] == [MARKET, MARKET]
    (first,), (second,) = gate.messages
    assert (first["method"], first["data"]) == ("sub", {"mode": "full", "instrumentKeys": [OPTION, INDEX]})
    assert second["data"] == {"mode": "full", "instrumentKeys": [OPTION]}
    assert first["guid"] != second["guid"]


def test_subscriptions_and_their_ends_go_out_while_the_socket_is_open():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(SHORT)
        await gate.expect(socket, 2)
        await socket.close()

    gate = Gate(script)

    async def journey(base: str):
        feed = feed_at(base)
        stream = feed.connect()
        await anext(stream)
        await feed.subscribe([OPTION])
        await feed.unsubscribe([OPTION])
        await drained(stream)
        await feed.aclose()

    run(gate, journey)
    assert [message["method"] for message in gate.messages[0]] == ["sub", "unsub"]


def test_many_instruments_are_asked_for_in_parts_and_too_many_not_at_all():
    async def script(socket: web.WebSocketResponse) -> None:
        await gate.expect(socket, 3)
        await socket.close()

    gate = Gate(script)
    keys = [f"NSE_FO|{number}" for number in range(1500)]

    async def journey(base: str):
        feed = feed_at(base)
        await feed.subscribe(keys)
        with pytest.raises(BrokerError, match="LIMIT"):
            await feed.subscribe([INDEX])
        for odd in ("43919", "NSE_FO|", "XXX_FO|1", "NSE_FO|1,NSE_FO|2"):
            with pytest.raises(BrokerError, match="TOKEN"):
                await feed.subscribe([odd])
        await drained(feed.connect())
        await feed.aclose()

    run(gate, journey)
    asked = [key for message in gate.messages[0] for key in message["data"]["instrumentKeys"]]
    assert asked == sorted(keys)


def test_a_pong_nobody_asked_for_is_a_sign_of_life():
    """RFC 6455, 5.5.3: either side may send one as a heartbeat."""

    async def script(socket: web.WebSocketResponse) -> None:
        await gate.expect(socket, 1)
        await socket.pong(b"still here")
        await socket.send_bytes(SHORT)
        await socket.close()

    async def journey(base: str):
        feed = feed_at(base)
        await feed.subscribe([INDEX])
        ended = await drained(feed.connect())
        await feed.aclose()
        return ended

    gate = Gate(script)
    batches, ended = run(gate, journey)
    assert (len(batches), ended.code) == (1, "DROPPED")


def test_pings_are_answered_and_keep_a_quiet_socket_alive():
    silence = 1.5  # long for a machine that is busy, too

    async def script(socket: web.WebSocketResponse) -> None:
        loop, number = asyncio.get_running_loop(), 0
        quiet_until = loop.time() + 2 * silence
        while loop.time() < quiet_until:
            number += 1
            await socket.ping(str(number).encode())
            pong = await socket.receive()
            assert (pong.type, bytes(pong.data)) == (WSMsgType.PONG, str(number).encode())
        await socket.send_bytes(SHORT)
        await socket.close()

    class Listening(Gate):
        async def answer(self, http: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse(autoping=False)
            if not socket.can_prepare(http):
                return self._named(http)
            await socket.prepare(http)
            await script(socket)
            return socket

    async def journey(base: str):
        feed = feed_at(base, silence_seconds=silence)
        ended = await drained(feed.connect())
        await feed.aclose()
        return ended

    batches, ended = run(Listening(), journey)
    assert (len(batches), ended.code) == (1, "DROPPED")


def test_a_socket_that_says_nothing_is_dead():
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async def journey(base: str):
        feed = feed_at(base, silence_seconds=0.2)
        ended = await drained(feed.connect())
        await feed.aclose()
        return ended

    batches, ended = run(Gate(script), journey)
    assert (batches, ended.code) == ([], "SILENT")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, error("UDAPI100050", "Invalid token used to access API"), SessionLost),
        (429, error("UDAPI10005", "Too Many Request Sent"), RateLimited),
        (503, b"<html>", BrokerUnavailable),
        (200, success({}), BrokerUnavailable),
        (200, success({"authorized_redirect_uri": "https://elsewhere.test/feed"}), BrokerUnavailable),
        (200, success({"authorized_redirect_uri": "ws://127.0.0.1:1/feeds"}), BrokerUnavailable),
    ],
)
def test_a_way_in_that_is_refused_is_an_error_of_its_kind(status, body, kind):
    async def journey(base: str):
        for socket in (feed_at(base), stream_at(base)):
            with pytest.raises(kind, match="upstox socket"):
                await anext(aiter(socket.connect()))
            await socket.aclose()

    run(Gate(refusal=(status, body)), journey)


def test_order_updates_are_told_and_what_cannot_be_read_left_to_the_book():
    async def script(socket: web.WebSocketResponse) -> None:
        for text in (
            "not JSON",
            '{"update_type":"order","order_id":7}',
            recorded("23-webhook__gtt-order-update-example__02.json").decode(),
            json.dumps(order_row(status="open", order_type="LIMIT")),
        ):
            await socket.send_str(text)
        await socket.close()

    gate = Gate(script)

    async def journey(base: str):
        stream = stream_at(base)
        seen = await drained(stream.connect())
        await stream.aclose()
        return seen

    (order,), ended = run(gate, journey)
    assert (order.broker_order_id, order.client_order_id) == ("240221025997024", "VAYDA000000000000001")
    assert ended.code == "DROPPED"
    assert gate.asked == [(ORDERS, {"update_types": "order"})]
