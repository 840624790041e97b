"""The socket: who we are, what we ask for, what we do with what comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from struct import pack
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from brokers.connect import connect_feed, connect_order_stream
from brokers.mastertrust import connection
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.mastertrust.cast import CREDENTIALS, TAG, endpoint, lot_size_of, order_row
from tests.brokers.servers import serve

TICK = pack(">BBI8I2Q12I", 1, 2, 54452, 4210, 1, 65, 650, 4205, 65, 4215, 130, 9, 9, 4200, 1_743_137_188, *[1] * 10)
UPDATE = bytes([50, 0, 0, 0, 0]) + json.dumps(order_row()).encode()
HEARTBEAT = {"a": "h", "v": [], "m": ""}
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Server:
    """A socket that writes down what it hears, and then talks."""

    def __init__(self, talk: Talk, *, hears: int = 1) -> None:
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._talk = talk
        self._hears = hears

    async def answer(self, http: web.Request) -> web.StreamResponse:
        self.paths.append(http.path_qs)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        for _ in range(self._hears):
            self.heard.append(await socket.receive_json())
        await self._talk(socket)
        await socket.close()
        return socket


def says(*messages: bytes | str) -> Talk:
    async def talk(socket: web.WebSocketResponse) -> None:
        for message in messages:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    return talk


def fed(server: Server, *tokens: str, orders: list[BrokerOrder] | None = None) -> tuple[list[RawTick], str]:
    """The ticks until the socket ended, and the code it ended with."""

    async def journey() -> tuple[list[RawTick], str]:
        async with serve(server.answer) as base:
            on_order = orders.append if orders is not None else None
            feed = connect_feed("mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, on_order=on_order)
            await feed.subscribe(tokens)
            ticks: list[RawTick] = []
            try:
                async with aclosing(cast(AsyncIterator[Sequence[RawTick]], feed.connect())) as stream:  # type: ignore[type-var]
                    async for batch in stream:
                        ticks.extend(batch)
            except BrokerUnavailable as error:
                return ticks, error.code
            finally:
                await feed.aclose()
            raise AssertionError("the feed ended without saying why")

    return asyncio.run(journey())


def test_the_feed_says_who_it_is_and_asks_for_prices_and_orders():
    server = Server(says(TICK, TICK + TICK), hears=2)
    ticks, code = fed(server, "NFO|54452", "NSE|26000", orders=[])
    assert server.paths == ["/mastertrust/ws/v1/feeds?login_id=CLIENT123&token=token1&access_token=token1"]
    assert server.heard == [
        {"a": "subscribe", "v": [[2, 54452], [1, 26000]], "m": "marketdata"},
        {"a": "subscribe", "v": ["CLIENT123", "web"], "m": "updates"},
    ]
    assert [tick.token for tick in ticks] == ["NFO|54452"] * 3
    assert code == "DROPPED"


def test_many_contracts_are_asked_for_in_parts():
    server = Server(says(TICK), hears=3)
    fed(server, *(f"NFO|{number}" for number in range(1, 451)))
    assert [len(message["v"]) for message in server.heard] == [200, 200, 50]


def test_order_updates_are_handed_on_and_odd_ones_left_out():
    odd = (UPDATE[:5] + b'{"oms_order_id":7}', UPDATE[:5] + b"not JSON", "text", bytes([51]) + UPDATE[1:], b"\x07")
    orders: list[BrokerOrder] = []
    ticks, _ = fed(Server(says(*odd, UPDATE, TICK), hears=2), "NFO|54452", orders=orders)
    assert [(order.client_order_id, order.status) for order in orders] == [(TAG, OrderStatus.OPEN)]
    assert len(ticks) == 1


def test_what_is_dropped_is_unsubscribed_and_unknown_contracts_are_refused():
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(TICK)
        server.heard.append(await socket.receive_json())
        await socket.send_bytes(TICK)

    server = Server(talk)

    async def journey() -> None:
        async with serve(server.answer) as base:
            feed = connect_feed("mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            for odd in ("54452", "NFO|", "|1", "XYZ|1", "NFO|-1", "NFO|\u0663"):
                with pytest.raises(BrokerError, match="TOKEN"):
                    await feed.subscribe([odd])
            await feed.subscribe(["NFO|54452", "NSE|26000"])
            batches = cast(AsyncIterator[Sequence[RawTick]], feed.connect())
            await anext(batches)
            await feed.unsubscribe(["NSE|26000", "NSE|1"])
            await anext(batches)
            await feed.aclose()

    asyncio.run(journey())
    assert server.heard[1] == {"a": "unsubscribe", "v": [[1, 26000]], "m": "marketdata"}


def stream_of(server: Server) -> BrokerOrder:
    async def journey() -> BrokerOrder:
        async with serve(server.answer) as base:
            stream = connect_order_stream("mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            try:
                return await anext(aiter(stream.connect()))
            finally:
                await stream.aclose()

    return asyncio.run(journey())


def test_an_account_listens_for_its_orders_alone():
    server = Server(says(TICK, UPDATE))
    assert stream_of(server).client_order_id == TAG
    assert server.heard == [{"a": "subscribe", "v": ["CLIENT123", "web"], "m": "updates"}]


def test_a_heartbeat_is_sent_however_quiet_it_is(monkeypatch):
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.05)

    async def talk(socket: web.WebSocketResponse) -> None:
        assert await socket.receive_json() == HEARTBEAT
        assert await socket.receive_json() == HEARTBEAT
        await socket.send_bytes(UPDATE)

    assert stream_of(Server(talk)).status is OrderStatus.OPEN


def test_prices_that_stop_are_a_dead_socket():
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async def journey() -> None:
        async with serve(Server(talk).answer) as base:
            feed = connect_feed(
                "mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, silence_seconds=0.2
            )
            await feed.subscribe(["NFO|54452"])
            with pytest.raises(BrokerUnavailable, match="SILENT"):
                await anext(aiter(feed.connect()))
            await feed.aclose()

    asyncio.run(journey())


def test_an_account_without_orders_is_not_dead_but_nobody_at_the_other_end_is(monkeypatch):
    monkeypatch.setattr(connection, "_PING_SECONDS", 0.2)

    async def deaf(socket: web.WebSocketResponse) -> None:
        pongs.append(await _pinged(socket))
        await asyncio.Event().wait()

    async def answering(socket: web.WebSocketResponse) -> None:
        for _ in range(3):
            await _pinged(socket)
            await socket.pong()
        await socket.send_bytes(UPDATE)

    pongs: list[object] = []
    assert stream_of(Raw(answering)).client_order_id == TAG
    with pytest.raises(BrokerUnavailable, match="DROPPED"):
        stream_of(Raw(deaf))
    assert len(pongs) == 1


class Raw(Server):
    """A socket that answers pings only where its talk does."""

    async def answer(self, http: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(http)
        await socket.receive_json()
        await self._talk(socket)
        return socket


async def _pinged(socket: web.WebSocketResponse) -> None:
    while (await socket.receive()).type is not aiohttp.WSMsgType.PING:
        pass


@pytest.mark.parametrize(("status", "error"), [(401, SessionLost), (503, BrokerUnavailable), (200, BrokerUnavailable)])
def test_an_http_answer_is_no_socket_and_the_token_is_not_told(status, error):
    async def refuse(http: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async def journey() -> None:
        async with serve(refuse) as base:
            feed = connect_feed("mastertrust", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            with pytest.raises(error, match="mastertrust socket") as raised:
                await anext(aiter(feed.connect()))
            assert "token1" not in str(raised.value)
            await feed.aclose()

    asyncio.run(journey())


def test_nobody_there_is_unavailable():
    async def journey() -> None:
        feed = connect_feed("mastertrust", CREDENTIALS, endpoint("http://127.0.0.1:1"), lot_size_of=lot_size_of)
        with pytest.raises(BrokerUnavailable, match="NO_CONNECTION"):
            await anext(aiter(feed.connect()))
        await feed.aclose()

    asyncio.run(journey())
