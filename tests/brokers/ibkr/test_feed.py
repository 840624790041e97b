"""The socket: what is sent, what its messages add up to, and when it ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest
from aiohttp import web

from brokers.ibkr.feed import RENEW_SECONDS, IbkrFeed, IbkrOrderStream, Orders
from brokers.ibkr.ticker import Board, read_message, scaled
from brokers.rest import RestAccount
from domain.broker import BrokerError, BrokerUnavailable, RawTick, SessionLost
from domain.orders import OrderStatus
from domain.prices import PRICE_SCALE
from tests.brokers.ibkr.cast import CONID, account, endpoint
from tests.brokers.ibkr.test_mapping import ORDER
from tests.brokers.servers import serve

ALIVE = {"session": "a1b2", "iserver": {"authStatus": {"authenticated": True, "connected": True}}}
TICK = {"topic": f"smd+{CONID}", "conid": int(CONID), "31": "42.10", "84": "42.05", "_updated": 1_795_000_000_000}
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def message(**fields: Any) -> str:
    return json.dumps(TICK | fields)


def test_a_contracts_messages_add_up():
    board = Board()
    first = board.take(read_message(message(**{"86": "42.15", "88": "1,300", "85": "650", "7762": "12345"})))
    second = board.take(read_message(json.dumps({"topic": f"smd+{CONID}", "conid": int(CONID), "31": "42.20"})))
    assert first is not None
    assert second is not None
    assert (first.last_price, first.bid, first.ask) == tuple(PRICE_SCALE * price // 100 for price in (4210, 4205, 4215))
    assert (first.bid_quantity, first.ask_quantity, first.volume) == (1300, 650, 12345)
    assert (second.last_price, second.bid, second.volume) == (PRICE_SCALE * 4220 // 100, first.bid, 12345)
    assert (second.token, second.exchange_at) == (CONID, 1_795_000_000_000)


def test_the_previous_close_and_a_halt_are_prices_too():
    assert scaled("C24190.5") == scaled("H24,190.50") == 24190 * PRICE_SCALE + PRICE_SCALE // 2
    for odd in ("", "x", "1e5", "1.123456789", "CH"):
        with pytest.raises(ValueError, match="price"):
            scaled(odd)


def test_what_cannot_be_used_is_counted_and_left_out():
    board = Board()
    assert board.take(read_message(message(**{"31": "cheap"}))) is None
    assert board.malformed == 1
    assert board.take(read_message('{"topic":"system","hb":1}')) is None
    assert board.take(read_message(json.dumps({"topic": f"smd+{CONID}", "conid": int(CONID), "84": "42"}))) is None
    assert board.malformed == 1
    for odd in ("", "[]", '{"topic":7}'):
        with pytest.raises(ValueError, match="socket"):
            read_message(odd)


class Host:
    """A socket's other side: answers the tickle, notes what it is told, and says what the test wants."""

    def __init__(self, talk: Talk, *, tickle: object = ALIVE, status: int = 200) -> None:
        self._talk, self._tickle, self._status = talk, tickle, status
        self.heard: list[str] = []
        self.headers: dict[str, str] = {}
        self.query: dict[str, str] = {}

    async def answer(self, http: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        if not socket.can_prepare(http).ok:
            return web.json_response(self._tickle, status=self._status)
        await socket.prepare(http)
        self.headers, self.query = dict(http.headers), dict(http.query)
        listening = asyncio.create_task(self._listen(socket))
        await self._talk(socket)
        await listening
        return socket

    async def _listen(self, socket: web.WebSocketResponse) -> None:
        async for one in socket:
            self.heard.append(one.data)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the socket is read by another task
            await asyncio.sleep(0.001)


async def drain(feed: IbkrFeed, ticks: list[RawTick]) -> None:
    async with aclosing(cast(Any, feed.connect())) as stream:
        async for batch in stream:
            ticks.extend(batch)


def test_a_socket_is_opened_with_the_sessions_cookie_and_asked_again_before_its_streams_end():
    now = [0.0]

    async def go() -> Host:
        async def talk(socket: web.WebSocketResponse) -> None:
            await until(lambda: len(host.heard) == 1)
            await socket.send_str(message())
            now[0] += RENEW_SECONDS
            await socket.send_str(message())
            await socket.send_str(message())
            await until(lambda: len(host.heard) == 2)
            await socket.close()

        host = Host(talk)
        async with serve(host.answer) as base:
            held: RestAccount[Any] = account(base)
            feed = IbkrFeed(account=held, url=endpoint(base).socket_url, clock=lambda: now[0])
            await feed.subscribe([CONID])
            ticks: list[RawTick] = []
            with pytest.raises(BrokerUnavailable, match="ibkr") as raised:
                await drain(feed, ticks)
            await feed.aclose()
        assert (len(ticks), raised.value.code) == (3, "DROPPED")
        return host

    host = asyncio.run(go())
    assert (host.headers["Cookie"], host.query) == ("api=a1b2", {"oauth_token": "a1b2c3"})
    assert host.heard[0] == host.heard[1]
    assert host.heard[0].startswith(f'smd+{CONID}+{{"fields":["31","84"')


def ended(talk: Talk, *, tickle: object = ALIVE, status: int = 200, orders: bool = False) -> Exception:
    async def go() -> Exception:
        host = Host(talk, tickle=tickle, status=status)
        async with serve(host.answer) as base:
            held, url = account(base), endpoint(base).socket_url
            stream: Any = IbkrOrderStream(account=held, url=url) if orders else IbkrFeed(account=held, url=url)
            with pytest.raises(BrokerError) as raised:
                async for _ in stream.connect():
                    pass
            await stream.aclose()
        return raised.value

    return asyncio.run(go())


async def silent(socket: web.WebSocketResponse) -> None:
    await socket.close()


@pytest.mark.parametrize("orders", [False, True])
def test_a_session_that_is_gone_is_told_by_the_tickle_or_by_the_socket(orders):
    async def unauthenticated(socket: web.WebSocketResponse) -> None:
        await socket.send_str('{"topic":"sts","args":{"authenticated":false,"competing":true}}')

    gone = {"iserver": {"authStatus": {"authenticated": False, "connected": True}}}
    assert isinstance(ended(silent, tickle=gone, orders=orders), SessionLost)
    assert isinstance(ended(silent, tickle={"error": "not authenticated"}, status=401, orders=orders), SessionLost)
    assert isinstance(ended(unauthenticated, orders=orders), SessionLost)


def test_orders_are_told_whole_from_what_changed():
    shown = Orders()
    (first,) = shown.take(json.dumps({"topic": "sor", "args": [ORDER]}))
    (second,) = shown.take(json.dumps({"topic": "sor", "args": [{"orderId": ORDER["orderId"], "status": "Cancelled"}]}))
    assert first.status is OrderStatus.PARTIALLY_FILLED
    assert (second.status, second.client_order_id) == (OrderStatus.CANCELLED, "VAYDA1")


def test_what_is_no_order_is_left_to_the_book():
    shown = Orders()
    for odd in ("", "[]", '{"topic":"sor","args":{}}', '{"topic":"sor","args":[{"orderId":7}]}', '{"topic":"system"}'):
        assert shown.take(odd) == []


def test_a_token_that_is_none_is_refused():
    feed = IbkrFeed(account=account(), url="ws://ibkr.test")
    with pytest.raises(BrokerError, match="TOKEN"):
        asyncio.run(feed.subscribe(["NIFTY"]))
