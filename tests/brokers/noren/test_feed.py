"""The socket: who we are, what we ask for, what we do with what comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from brokers.connect import connect_feed, connect_order_stream
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.noren.cast import CREDENTIALS, endpoint, lot_size_of, order_row
from tests.brokers.servers import serve

TICK = {"t": "tk", "e": "NFO", "tk": "54452", "lp": "42.10"}
UPDATE = order_row(t="om", reporttype="New", stat=None, rpt=None)
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Server:
    """A socket that signs in as told, writes down what it hears, and then talks."""

    def __init__(self, talk: Talk, *, hello: object = None, hears: int = 1) -> None:
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._talk = talk
        self._hello = hello if hello is not None else {"t": "ak", "uid": "FT0001", "s": "OK"}
        self._hears = hears

    async def answer(self, http: web.Request) -> web.StreamResponse:
        self.paths.append(http.path)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.heard.append(await socket.receive_json())
        await socket.send_str(self._hello if isinstance(self._hello, str) else json.dumps(self._hello))
        for _ in range(self._hears):
            self.heard.append(await socket.receive_json())
        await self._talk(socket)
        await socket.close()
        return socket


async def say(socket: web.WebSocketResponse, *messages: object) -> None:
    for message in messages:
        await socket.send_str(message if isinstance(message, str) else json.dumps(message))


def fed(server: Server, *tokens: str, orders: list[BrokerOrder] | None = None) -> tuple[list[RawTick], str]:
    """The ticks until the socket ended, and the code it ended with."""

    async def journey() -> tuple[list[RawTick], str]:
        async with serve(server.answer) as base:
            on_order = orders.append if orders is not None else None
            feed = connect_feed("flattrade", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of, on_order=on_order)
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
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, TICK, {"t": "tf", "e": "NFO", "tk": "54452", "lp": "42.15"})

    server = Server(talk, hears=2)
    ticks, code = fed(server, "NFO|54452", "NSE|26000")
    assert server.paths == ["/flattrade/PiConnectWSAPI/"]
    assert server.heard[0] == {
        "t": "a",
        "uid": "FT0001",
        "actid": "FT0001",
        "source": "API",
        "accesstoken": "token1",
    }
    assert server.heard[1:] == [{"t": "o", "actid": "FT0001"}, {"t": "t", "k": "NFO|54452#NSE|26000"}]
    assert [tick.last_price for tick in ticks] == [4_210_000_000, 4_215_000_000]
    assert code == "DROPPED"


def test_many_contracts_are_asked_for_in_parts():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, TICK)

    server = Server(talk, hears=4)
    fed(server, *(f"NFO|{number}" for number in range(1, 251)))
    keys = [len(message["k"].split("#")) for message in server.heard[2:]]
    assert keys == [100, 100, 50]


def test_order_updates_on_the_feed_are_handed_on_and_odd_ones_left_out():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, UPDATE, {"t": "om", "norenordno": 7}, "not JSON", {"t": "hk"}, TICK)

    orders: list[BrokerOrder] = []
    ticks, _ = fed(Server(talk, hears=2), "NFO|54452", orders=orders)
    assert [order.status for order in orders] == [OrderStatus.OPEN]
    assert len(ticks) == 1


@pytest.mark.parametrize(
    ("hello", "error"),
    [
        ({"t": "ak", "uid": "FT0001", "s": "NOT_OK"}, SessionLost),
        ({"t": "ak", "uid": "FT0001"}, SessionLost),
        ({"t": "tk", "e": "NFO", "tk": "1"}, BrokerUnavailable),
        ("not JSON", BrokerUnavailable),
    ],
)
def test_a_sign_in_that_is_not_ok_is_an_error(hello, error):
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive()

    async def journey() -> None:
        async with serve(Server(talk, hello=hello, hears=0).answer) as base:
            stream = connect_order_stream("flattrade", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            try:
                with pytest.raises(error, match="flattrade socket"):
                    await anext(aiter(stream.connect()))
            finally:
                await stream.aclose()

    asyncio.run(journey())


def test_a_quiet_socket_is_asked_for_a_sign_of_life():
    async def talk(socket: web.WebSocketResponse) -> None:
        assert await socket.receive_json() == {"t": "h"}
        await say(socket, {"t": "hk"}, UPDATE)

    async def journey() -> BrokerOrder:
        async with serve(Server(talk).answer) as base:
            stream = connect_order_stream("flattrade", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            stream._silence_seconds = 0.4  # type: ignore[attr-defined]
            try:
                return await anext(aiter(stream.connect()))
            finally:
                await stream.aclose()

    assert asyncio.run(journey()).client_order_id == "VAYDA000000000000001"


def test_nobody_there_is_unavailable_and_odd_tokens_are_refused():
    feed = connect_feed("flattrade", CREDENTIALS, endpoint("http://127.0.0.1:1"), lot_size_of=lot_size_of)

    async def journey() -> None:
        for odd in ("54452", "NFO|", "|1", "N O|1", "NFO|1#NSE|2"):
            with pytest.raises(BrokerError, match="TOKEN"):
                await feed.subscribe([odd])
        with pytest.raises(BrokerUnavailable, match="NO_CONNECTION"):
            await anext(aiter(feed.connect()))
        await feed.aclose()

    asyncio.run(journey())


def test_an_http_answer_is_no_socket():
    async def refuse(http: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async def journey() -> None:
        async with serve(refuse) as base:
            feed = connect_feed("flattrade", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            with pytest.raises(BrokerUnavailable, match=aiohttp.WSServerHandshakeError.__name__):
                await anext(aiter(feed.connect()))
            await feed.aclose()

    asyncio.run(journey())
