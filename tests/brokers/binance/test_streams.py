"""Sockets of both markets read as one, and the listen key that keeps one of them open."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import pytest
from aiohttp import web

from brokers.binance.access import Access
from brokers.binance.feed import BinanceFeed
from brokers.binance.futures.order_stream import FuturesOrderStream
from brokers.binance.joined import Joined
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import BrokerOrder, OrderStatus, Side
from tests.brokers.binance.cast import account
from tests.brokers.contract.members.binance import TICKER as SPOT_TICKER
from tests.brokers.contract.members.binance_um import BOOK, TICKER
from tests.brokers.servers import serve

UPDATE = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1568879465651,
    "T": 1568879465650,
    "o": {
        "s": "BTCUSDT",
        "c": "VAYDA000000000000001",
        "S": "SELL",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.025",
        "p": "91000.1",
        "ap": "91000.20",
        "sp": "0",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8886774,
        "l": "0.010",
        "z": "0.010",
        "L": "91000.2",
        "T": 1568879465650,
        "t": 5,
        "ps": "BOTH",
    },
}


class Keys:
    """The private side of the futures exchange: hands out a key, and tells what it is given to the socket."""

    def __init__(self, *events: Any) -> None:
        self.events = events
        self.asked: list[tuple[str, str]] = []
        self.renewed = asyncio.Event()
        self.refusal: tuple[int, dict[str, Any]] | None = None

    async def __call__(self, http: web.Request) -> web.StreamResponse:
        self.asked.append((http.method, http.headers.get("X-MBX-APIKEY", "") or http.query["listenKey"]))
        if not web.WebSocketResponse().can_prepare(http).ok:
            return self._key(http)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        for event in self.events:
            await socket.send_str(event if isinstance(event, str) else json.dumps(event))
        await socket.receive()
        return socket

    def _key(self, http: web.Request) -> web.StreamResponse:
        if self.refusal is not None:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        if http.method == "PUT":
            self.renewed.set()
        return web.json_response({"listenKey": "a+key/of=theirs"})


def listening(keys: Keys, act: Callable[[AsyncIterator[BrokerOrder]], Awaitable[Any]], *, renew: float = 60.0) -> Any:
    async def within() -> Any:
        async with serve(keys) as url:
            one = account(url, contracts="BTCUSDT")
            wire, access = one.wire(), Access.of_futures(one)
            stream = FuturesOrderStream(wire=wire, access=access, url=url.replace("http", "ws"), renew_seconds=renew)
            try:
                async with aclosing(stream.connect()) as orders, asyncio.timeout(20):
                    return await act(orders)
            finally:
                await wire.aclose()

    return asyncio.run(within())


async def first(orders: AsyncIterator[BrokerOrder]) -> BrokerOrder:
    return await anext(orders)


def test_an_update_is_an_order_of_the_book_and_what_cannot_be_read_is_left_out():
    broken = UPDATE | {"o": UPDATE["o"] | {"X": "SOMETHING NEW"}}  # type: ignore[operator]
    keys = Keys("not JSON", broken, {"e": "ACCOUNT_UPDATE", "a": {}}, UPDATE)
    order = listening(keys, first)
    assert (order.broker_order_id, order.status) == (
        "UM:BTCUSDT:VAYDA000000000000001",
        OrderStatus.PARTIALLY_FILLED,
    )
    assert (order.side, order.quantity, order.filled_quantity) == (Side.SELL, 25, 10)
    assert keys.asked == [("POST", "key1"), ("GET", "a+key/of=theirs")]


def test_the_key_is_renewed_while_the_socket_is_open():
    keys = Keys()

    async def act(orders: AsyncIterator[BrokerOrder]) -> None:
        reading = asyncio.ensure_future(anext(orders))
        await keys.renewed.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    listening(keys, act, renew=0.01)
    assert ("PUT", "key1") in keys.asked


def test_a_key_that_ran_out_ends_the_stream():
    with pytest.raises(BrokerUnavailable, match="listen key ran out"):
        listening(Keys({"e": "listenKeyExpired", "E": 1, "listenKey": "a"}), first)


def test_dead_keys_are_a_lost_session():
    keys = Keys()
    keys.refusal = (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 1.2.3.4"})
    with pytest.raises(SessionLost):
        listening(keys, first)


class Streams:
    """Both markets' sockets: each tells its picture once it was asked for something."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    async def __call__(self, http: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        async for message in socket:
            said = json.loads(message.data)
            self.asked.append((http.path, said["params"]))
            data = {"/public/stream": BOOK, "/market/stream": TICKER}.get(http.path, SPOT_TICKER)
            await socket.send_json({"stream": "any", "data": data})
        return socket


async def tokens_of(ticks: AsyncIterator[Sequence[RawTick]], count: int) -> list[str]:
    return [(await anext(ticks))[0].token for _ in range(count)]


def test_the_futures_sockets_are_opened_once_something_of_them_is_wanted():
    streams = Streams()

    async def act() -> list[str]:
        async with serve(streams) as url, asyncio.timeout(20):
            feed = BinanceFeed(account(url))
            await feed.subscribe(["BTCUSDT"])
            try:
                async with aclosing(cast(AsyncGenerator[Sequence[RawTick], None], feed.connect())) as ticks:
                    seen = await tokens_of(ticks, 1)
                    await feed.subscribe(["UM:BTCUSDT"])
                    seen += await tokens_of(ticks, 1)
                    await feed.unsubscribe(["UM:BTCUSDT"])
                    return seen
            finally:
                await feed.aclose()

    assert asyncio.run(act()) == ["BTCUSDT", "UM:BTCUSDT"]
    paths = [path for path, _ in streams.asked]
    assert paths[1:3] == ["/public/stream", "/market/stream"]
    assert streams.asked[1][1] == ["btcusdt@depth5@500ms"]
    assert streams.asked[2][1] == ["btcusdt@ticker", "btcusdt@aggTrade"]


@pytest.mark.parametrize("token", ["", "btcusdt", "CM:BTCUSD", "UM:", "UM:BTC USDT"])
def test_a_token_of_no_market_is_refused(token):
    async def act() -> None:
        feed = BinanceFeed(account())
        try:
            await feed.subscribe([token])
        finally:
            await feed.aclose()

    with pytest.raises(BrokerError, match="TOKEN"):
        asyncio.run(act())


def test_of_streams_read_as_one_the_first_that_ends_ends_all():
    closed: list[str] = []

    async def told(name: str, *items: str, ends: bool) -> AsyncGenerator[str, None]:
        try:
            for item in items:
                yield item
            if ends:
                raise BrokerUnavailable("DROPPED", name)
            await asyncio.Event().wait()
        finally:
            closed.append(name)

    async def act() -> list[str]:
        joined, seen = Joined[str](), []
        joined.add(told("quiet", "a", ends=False))
        joined.add(told("dropped", "b", "c", ends=True))
        try:
            async for item in joined.read():
                seen.append(item)
        except BrokerUnavailable as error:
            seen.append(error.message)
        finally:
            await joined.aclose()
        return seen

    assert asyncio.run(act()) == ["a", "b", "c", "dropped"]
    assert sorted(closed) == ["dropped", "quiet"]
