"""Both sockets: who we are, what we ask for, what we do with what comes."""

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
from tests.brokers.kotak.cast import DOCS, credentials, endpoint, lot_size_of, order_row, recorded
from tests.brokers.kotak.packets import PAISA, index, picture
from tests.brokers.servers import serve

SEGMENTS = {"nse_cm": {"value": 1, "divider": 100}, "nse_fo": {"value": 2, "divider": 100}}
HELLO = {"message_code": 1119, "format": "native_batch", "exchanges": SEGMENTS}
CONNECTED = recorded(f"{DOCS}/13-order-position-streaming-websocket__4-connection-acknowledgement__01.json")
UPDATE = recorded(f"{DOCS}/13-order-position-streaming-websocket__6-order-updates-type-order__02.json")
POSITION = recorded(f"{DOCS}/13-order-position-streaming-websocket__7-position-updates-type-position__03.json")
PLAIN = "{type:cn,Authorization:trade.jwt.1,Sid:sid-1,src:WEB}"
AS_JSON = '{"type":"cn","Authorization":"trade.jwt.1","Sid":"sid-1","src":"WEB"}'

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


async def end(socket: web.WebSocketResponse) -> None:
    """Say nothing more."""


async def say(socket: web.WebSocketResponse, *messages: object) -> None:
    for message in messages:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))


class Server:
    """A socket that signs in as told, writes down what it hears, and then talks; ``hello`` of ``None`` hangs up."""

    def __init__(self, talk: Talk = end, *, hello: object = HELLO, hears: int = 1) -> None:
        self.heard: list[str] = []
        self.paths: list[str] = []
        self._talk = talk
        self._hello = hello
        self._hears = hears

    async def answer(self, http: web.Request) -> web.StreamResponse:
        self.paths.append(http.path_qs)
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.heard.append(await socket.receive_str())
        if self._hello is not None:
            await say(socket, self._hello)
            for _ in range(self._hears):
                self.heard.append(await socket.receive_str())
            await self._talk(socket)
        await socket.close()
        return socket

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard]


def fed(server: Server, *tokens: str, silence: float | None = None) -> tuple[list[RawTick], BrokerError]:
    """The ticks until the socket ended, and what it ended with."""

    async def journey() -> tuple[list[RawTick], BrokerError]:
        async with serve(server.answer) as base:
            feed = connect_feed("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            feed._silence_seconds = silence or feed._silence_seconds  # type: ignore[attr-defined]
            await feed.subscribe(tokens)
            ticks: list[RawTick] = []
            try:
                async with aclosing(cast(AsyncIterator[Sequence[RawTick]], feed.connect())) as stream:  # type: ignore[type-var]
                    async for batch in stream:
                        ticks.extend(batch)
            except BrokerError as error:
                return ticks, error
            finally:
                await feed.aclose()
            raise AssertionError("the feed ended without saying why")

    return asyncio.run(journey())


def test_the_feed_shows_its_session_and_asks_for_contracts_and_indices():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, {"message_code": 1109, "trading_symbols": {"nse_fo|54452": "NIFTY26D0124200CE"}})
        await say(socket, picture() + index(b"NIFTY 50"), picture(last=4215))

    server = Server(talk, hears=2)
    ticks, error = fed(server, "nse_fo|54452", "nse_cm|Nifty 50")
    assert server.paths == ["/kotak/apifeed"]
    hello, *asked = server.said()
    assert (hello["user"], hello["auth"], hello["format"]) == ("XP6M4", "sid-1", "native_batch")
    assert (hello["sessionValidation"], type(hello["conn_req_time"])) == (False, int)
    assert "trade.jwt.1" not in server.heard[0]
    assert asked == [
        {"event": "subscribeScrips", "inputtoken": "nse_fo|54452", "ack_symbol": True},
        {"event": "subscribeIndices", "inputtoken": "nse_cm|Nifty 50", "ack_symbol": True},
    ]
    assert [(tick.token, tick.last_price) for tick in ticks] == [
        ("nse_fo|54452", 4210 * PAISA),
        ("nse_cm|Nifty 50", 2_420_010 * PAISA),
        ("nse_fo|54452", 4215 * PAISA),
    ]
    assert error.code == "DROPPED"


def test_many_contracts_are_asked_for_in_parts():
    server = Server(hears=3)
    fed(server, *(f"nse_fo|{number}" for number in range(1, 1201)))
    assert [len(one["inputtoken"].split(",")) for one in server.said()[1:]] == [500, 500, 200]


def test_prices_may_come_before_the_answer_to_the_sign_in():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, HELLO)
        server.heard.append(await socket.receive_str())
        await say(socket, picture())

    server = Server(talk, hello=picture(last=1), hears=0)
    ticks, _ = fed(server, "nse_fo|54452")
    assert [tick.last_price for tick in ticks] == [4210 * PAISA]


def test_prices_alone_are_no_answer_to_the_sign_in():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, *[picture()] * 10)

    ticks, error = fed(Server(talk, hello=picture(), hears=0), "nse_fo|54452")
    assert (ticks, error.code) == ([], "MALFORMED")


def test_what_was_subscribed_is_subscribed_again_and_what_was_dropped_is_not():
    async def journey() -> list[list[dict[str, Any]]]:
        async with serve(server.answer) as base:
            feed = connect_feed("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            await feed.subscribe(["nse_fo|1", "nse_fo|2", "nse_fo|1"])
            heard = []
            for _ in range(2):
                with pytest.raises(BrokerUnavailable, match="DROPPED"):
                    await anext(aiter(feed.connect()))
                heard.append(server.said()[1:])
                server.heard.clear()
                await feed.unsubscribe(["nse_fo|1", "nse_fo|99"])
            await feed.aclose()
            return heard

    server = Server()
    first, second = asyncio.run(journey())
    assert [one["inputtoken"] for one in (*first, *second)] == ["nse_fo|1,nse_fo|2", "nse_fo|2"]


def test_a_running_feed_is_told_at_once():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, picture())
        for _ in range(2):
            server.heard.append(await socket.receive_str())

    async def journey() -> None:
        async with serve(server.answer) as base:
            feed = connect_feed("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            await feed.subscribe(["nse_fo|54452"])
            stream = aiter(feed.connect())
            await anext(stream)
            await feed.subscribe(["nse_fo|7", "nse_fo|54452"])
            await feed.unsubscribe(["nse_fo|54452", "nse_fo|8"])
            with pytest.raises(BrokerUnavailable):
                await anext(stream)
            await feed.aclose()

    server = Server(talk)
    asyncio.run(journey())
    assert server.said()[2:] == [
        {"event": "subscribeScrips", "inputtoken": "nse_fo|7", "ack_symbol": True},
        {"event": "unsubscribeScrips", "inputtoken": "nse_fo|54452"},
    ]


def test_a_quiet_feed_is_asked_for_a_price():
    async def talk(socket: web.WebSocketResponse) -> None:
        server.heard.append(await socket.receive_str())
        await say(socket, picture())

    server = Server(talk)
    ticks, error = fed(server, "nse_fo|54452", silence=0.6)
    assert server.said()[-1] == {"event": "snapshotScrips", "inputtoken": "nse_fo|54452", "ack_symbol": True}
    assert (len(ticks), error.code) == (1, "DROPPED")


def test_a_feed_that_stays_silent_is_dead():
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive_str()
        await socket.receive()  # the client gives up

    _, error = fed(Server(talk), "nse_fo|54452", silence=0.4)
    assert isinstance(error, BrokerUnavailable)
    assert error.code == "SILENT"


def test_packets_that_cannot_be_read_are_counted():
    async def talk(socket: web.WebSocketResponse) -> None:
        await say(socket, b"\x09\x00", "not JSON", picture())
        await socket.receive()

    async def journey() -> int:
        async with serve(Server(talk).answer) as base:
            feed = connect_feed("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            await feed.subscribe(["nse_fo|54452"])
            assert len(await anext(aiter(feed.connect()))) == 1
            await feed.aclose()
            return int(feed.malformed_packets)  # type: ignore[attr-defined]

    assert asyncio.run(journey()) == 1


@pytest.mark.parametrize(
    ("hello", "kind", "code"),
    [
        ({"message_code": 1120, "message": "Invalid session"}, SessionLost, "NO_SESSION"),
        ({"status": "error"}, SessionLost, "NO_SESSION"),
        ("not JSON", BrokerUnavailable, "MALFORMED"),
        (HELLO | {"format": "json"}, BrokerUnavailable, "MALFORMED"),
        (None, BrokerUnavailable, "DROPPED"),
    ],
)
def test_a_feed_that_does_not_sign_in_is_an_error(hello, kind, code):
    ticks, error = fed(Server(hello=hello, hears=0), "nse_fo|54452")
    assert (ticks, type(error), error.code) == ([], kind, code)
    assert "kotak socket" in error.message


def test_odd_tokens_and_too_many_are_refused():
    async def journey() -> None:
        feed = connect_feed("kotak", credentials(), endpoint("http://127.0.0.1:1"), lot_size_of=lot_size_of)
        for odd in ("54452", "nse_fo|", "|1", "nse fo|1", "nse_fo|1,nse_fo|2", "nse_cm|Nifty 51", "nse_fo|²"):
            with pytest.raises(BrokerError, match="TOKEN"):
                await feed.subscribe([odd])
        await feed.subscribe([f"nse_fo|{number}" for number in range(3000)])
        await feed.subscribe(["nse_fo|1"])
        with pytest.raises(BrokerError, match="LIMIT: kotak socket: at most 3000"):
            await feed.subscribe(["nse_fo|3000"])
        await feed.aclose()

    asyncio.run(journey())


def test_nobody_there_is_unavailable():
    async def refuse(http: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async def journey() -> None:
        async with serve(refuse) as base:
            for url, reason in (
                (base, aiohttp.WSServerHandshakeError.__name__),
                ("http://127.0.0.1:1", aiohttp.ClientConnectorError.__name__),
            ):
                feed = connect_feed("kotak", credentials(url), endpoint(url), lot_size_of=lot_size_of)
                with pytest.raises(BrokerUnavailable, match=reason):
                    await anext(aiter(feed.connect()))
                await feed.aclose()

    asyncio.run(journey())


def told(server: Server, *, connections: int = 1) -> tuple[list[BrokerOrder], list[BrokerError]]:
    """The orders of some connections in turn, and what each ended with."""

    async def journey() -> tuple[list[BrokerOrder], list[BrokerError]]:
        async with serve(server.answer) as base:
            stream = connect_order_stream("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            orders: list[BrokerOrder] = []
            errors: list[BrokerError] = []
            for _ in range(connections):
                try:
                    async for order in stream.connect():
                        orders.append(order)
                except BrokerError as error:
                    errors.append(error)
            await stream.aclose()
            return orders, errors

    return asyncio.run(journey())


def test_the_order_socket_hears_unquoted_words_and_shows_orders_alone():
    async def talk(socket: web.WebSocketResponse) -> None:
        row = order_row(ordSt="complete", fldQty=130, unFldSz=0, avgPrc="42.05")
        await say(socket, '{"type":"HB"}', POSITION.decode(), UPDATE.decode(), "not JSON", {"type": "order", "data": 7})
        await say(socket, {"type": "order", "data": row})

    server = Server(talk, hello=CONNECTED.decode(), hears=0)
    orders, errors = told(server)
    assert (server.paths, server.heard) == (["/kotak/realtime"], [PLAIN])
    assert [(one.broker_order_id, one.status, one.filled_quantity) for one in orders] == [
        ("260216000308219", OrderStatus.FILLED, 1),
        ("250720000007242", OrderStatus.FILLED, 130),
    ]
    assert orders[1].client_order_id == "VAYDA000000000000001"
    assert [error.code for error in errors] == ["DROPPED"]


def test_words_that_are_not_answered_are_said_the_other_way_next_time():
    server = Server(hello=None)
    _, errors = told(server, connections=3)
    assert server.heard == [PLAIN, AS_JSON, PLAIN]
    assert [error.code for error in errors] == ["DROPPED"] * 3


def test_words_that_were_answered_are_said_again():
    server = Server(hello=CONNECTED.decode(), hears=0)
    told(server, connections=2)
    assert server.heard == [PLAIN, PLAIN]


@pytest.mark.parametrize(
    ("hello", "kind"),
    [
        ({"ak": "nok", "type": "cn", "msg": "invalid session"}, SessionLost),
        ({"type": "cn"}, SessionLost),
        ({"type": "HB"}, BrokerUnavailable),
        ("not JSON", BrokerUnavailable),
    ],
)
def test_an_order_socket_that_does_not_sign_in_is_an_error(hello, kind):
    orders, (error,) = told(Server(hello=hello, hears=0))
    assert (orders, type(error)) == ([], kind)
    assert "kotak socket" in error.message


def test_a_silent_order_socket_is_dead():
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive()  # the client gives up

    async def journey() -> None:
        async with serve(Server(talk, hello=CONNECTED.decode(), hears=0).answer) as base:
            stream = connect_order_stream("kotak", credentials(base), endpoint(base), lot_size_of=lot_size_of)
            stream._silence_seconds = 0.3  # type: ignore[attr-defined]
            with pytest.raises(BrokerUnavailable, match="SILENT: kotak socket"):
                await anext(aiter(stream.connect()))
            await stream.aclose()

    asyncio.run(journey())
