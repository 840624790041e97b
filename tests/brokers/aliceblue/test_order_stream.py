"""The order socket: a token of its own, heartbeats, and updates that are hints."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest
from aiohttp import web

from brokers.aliceblue import feed as feeds
from brokers.connect import connect_order_stream
from domain.broker import BrokerUnavailable, SessionLost
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.aliceblue.cast import CREDENTIALS, endpoint, lot_size_of, recorded
from tests.brokers.servers import serve

GRANTED = {"status": "Ok", "message": "200", "result": [{"orderToken": "once"}]}
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def heard(talk: Talk, *, granted: Any = GRANTED, welcome: Any = None) -> tuple[list[BrokerOrder], str, list[Any]]:
    """The updates until the socket ended, the code it ended with, and what was asked."""
    asked: list[Any] = []

    async def answer(http: web.Request) -> web.StreamResponse:
        asked.append(http.path)
        if http.path.endswith("/createWsToken"):
            assert http.headers["Authorization"] == "Bearer token1"
            return web.json_response(granted) if granted is not None else web.Response()
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        asked.append(await socket.receive_json())
        await socket.send_json(welcome or {"status": "Ok"})
        await talk(socket)
        await socket.close()
        return socket

    async def journey() -> tuple[list[BrokerOrder], str]:
        async with serve(answer) as base, asyncio.timeout(20):
            stream = connect_order_stream("aliceblue", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)
            orders: list[BrokerOrder] = []
            try:
                async with aclosing(cast(AsyncIterator[BrokerOrder], stream.connect())) as told:  # type: ignore[type-var]
                    async for order in told:
                        orders.append(order)
            except BrokerUnavailable as error:
                return orders, error.code
            finally:
                await stream.aclose()
        raise AssertionError("the stream ended without saying why")

    return *asyncio.run(journey()), asked


def update() -> str:
    """The documentation's sample."""
    return recorded("10-webhooks__order-status-feed__06.json").decode()


async def nothing(socket: web.WebSocketResponse) -> None:
    """Say no more."""


def test_a_token_is_asked_for_and_shown_and_updates_are_told():
    async def talk(socket: web.WebSocketResponse) -> None:
        for text in (
            update(),
            "not JSON",
            "[]",
            '{"t":"om","norenordno":7}',
            '{"t":"xx"}',
            update(),
        ):
            await socket.send_str(text)

    orders, code, asked = heard(talk)
    assert [order.status for order in orders] == [OrderStatus.REJECTED] * 2
    assert code == "DROPPED"
    assert asked == [
        "/aliceblue/open-api/order-notify/ws/createWsToken",
        "/aliceblue/open-api/order-notify/websocket",
        {"orderToken": "once", "userId": "AB0001"},
    ]


def test_a_quiet_socket_is_kept_open_by_heartbeats_that_nobody_answers(monkeypatch):
    monkeypatch.setattr(feeds, "_QUIET_SECONDS", 0.2)
    beats: list[Any] = []

    async def talk(socket: web.WebSocketResponse) -> None:
        beats.extend([await socket.receive_json() for _ in range(3)])
        await socket.send_str(update())

    orders, _, _ = heard(talk)
    assert beats == [{"heartbeat": "h", "userId": "AB0001"}] * 3
    assert len(orders) == 1


def test_a_socket_that_answers_no_ping_is_dead(monkeypatch):
    monkeypatch.setattr(feeds, "_PING_SECONDS", 0.2)

    async def deaf(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    assert heard(deaf)[1] == "DROPPED"


def test_a_refused_token_is_a_lost_session():
    with pytest.raises(SessionLost, match="aliceblue socket"):
        heard(nothing, welcome={"status": "Not_ok"})
    with pytest.raises(SessionLost, match="aliceblue order socket"):
        heard(nothing, granted={"status": "Not_ok", "message": "EC087 : Session Expired"})


@pytest.mark.parametrize(
    "granted", [None, {"status": "Ok", "result": []}, {"status": "Ok", "result": [{"orderToken": ""}]}, ["x"]]
)
def test_without_a_token_there_is_no_socket(granted):
    orders, code, asked = heard(nothing, granted=granted)
    assert (orders, code) == ([], "MALFORMED")
    assert len(asked) == 1
