"""Fyers' market socket against a server on loopback: sign-in, subscriptions, acknowledgements, drops and silence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from aiohttp import WSMsgType, web

from brokers.connect import connect_feed
from brokers.fyers import hsm
from brokers.fyers.feed import FyersFeed
from domain.broker import BrokerError, BrokerUnavailable, Credentials, SessionLost
from tests.brokers.fyers.cast import CREDENTIALS, endpoint, jwt, lot_size_of
from tests.brokers.fyers.test_hsm import INDEX, OPTION, PRICED, data, lite, snapshot
from tests.brokers.servers import serve

TOKEN = jwt(fy_id="FX0011", hsm_key="the socket's key")
YES = b"\x00\x0d\x01\x02\x01\x00\x01K\x02\x00\x04\x00\x00\x00\x02"  # acknowledge every second message
NO = b"\x00\x06\x01\x01\x01\x00\x01N"
Script = Callable[[web.WebSocketResponse], Awaitable[None]]


class Server:
    """A socket that runs a script per connection and keeps the messages it was sent."""

    def __init__(self, *scripts: Script, status: int = 101) -> None:
        self._scripts = list(scripts)
        self._status = status
        self.messages: list[list[bytes]] = []
        self.headers: list[set[str]] = []

    async def answer(self, http: web.Request) -> web.StreamResponse:
        if self._status != 101:
            return web.Response(status=self._status)
        self.headers.append({name.lower() for name in http.headers})
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.messages.append([])
        await self._scripts.pop(0)(socket)
        return socket

    async def expect(self, socket: web.WebSocketResponse, count: int) -> None:
        for _ in range(count):
            message = await socket.receive()
            assert message.type is WSMsgType.BINARY
            self.messages[-1].append(message.data)

    async def greet(self, socket: web.WebSocketResponse, *, topics: int = 1) -> None:
        """Let the client in, and read its mode and its subscriptions."""
        await self.expect(socket, 1)
        await socket.send_bytes(YES)
        await self.expect(socket, 1 + topics)


def run(server: Server, journey: Callable[[FyersFeed], Awaitable[object]], *, token: str = TOKEN, **options: object):
    async def whole():
        async with serve(server.answer) as base, asyncio.timeout(20):
            credentials = Credentials("FX0011", CREDENTIALS.fields, access_token=token)
            made = connect_feed("fyers", credentials, endpoint(base), lot_size_of=lot_size_of, **options)
            feed = cast(FyersFeed, made)
            try:
                return await journey(feed)
            finally:
                await feed.aclose()

    return asyncio.run(whole())


async def drained(feed: FyersFeed) -> tuple[list[list[str]], str]:
    """The tokens of every batch, and the code of the failure that ends them."""
    seen: list[list[str]] = []
    try:
        async for batch in feed.connect():
            seen.append([tick.token for tick in batch])
    except BrokerUnavailable as error:
        return seen, error.code
    raise AssertionError("the feed ended without saying why")


def test_the_sign_in_comes_first_and_carries_no_token_in_the_handshake():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket)
        await socket.send_bytes(b"\x00\x06\x0c\x01\x01\x00\x01K")
        await socket.send_bytes(b"\x00\x06\x04\x01\x01\x00\x01K")
        await socket.send_bytes(data(snapshot(1, OPTION, *PRICED), snapshot(2, INDEX, 2_420_000, 1, 1)))
        await socket.send_bytes(data(lite(1, 4300)))
        await socket.close()

    server = Server(script)

    async def journey(feed: FyersFeed):
        await feed.subscribe([OPTION, INDEX, OPTION])
        return await drained(feed)

    assert run(server, journey) == ([[OPTION, INDEX], [OPTION]], "DROPPED")
    wanted = list(hsm.topics_messages(hsm.SUBSCRIBE, sorted([OPTION, INDEX])))
    assert server.messages == [[hsm.auth_message("the socket's key"), hsm.full_mode_message(), *wanted]]
    assert "authorization" not in server.headers[0]


def test_data_is_acknowledged_as_often_as_the_socket_asked():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket)
        for number in range(5, 10):
            await socket.send_bytes(data(snapshot(1, OPTION, *PRICED), number=number))
        await server.expect(socket, 2)
        await socket.close()

    server = Server(script)

    async def journey(feed: FyersFeed):
        await feed.subscribe([OPTION])
        return await drained(feed)

    batches, _ = run(server, journey)
    assert len(batches) == 5
    assert server.messages[0][3:] == [hsm.acknowledgement(6), hsm.acknowledgement(8)]


def test_a_second_connect_signs_in_and_subscribes_again_what_is_still_wanted():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket)
        await socket.close()

    server = Server(script, script)

    async def journey(feed: FyersFeed) -> None:
        await feed.subscribe([OPTION, INDEX])
        await drained(feed)
        await feed.unsubscribe([INDEX, "sf|nse_fo|1"])
        await drained(feed)

    run(server, journey)
    assert [messages[2] for messages in server.messages] == [
        *hsm.topics_messages(hsm.SUBSCRIBE, sorted([OPTION, INDEX])),
        *hsm.topics_messages(hsm.SUBSCRIBE, [OPTION]),
    ]


def test_a_live_socket_takes_new_and_drops_old_subscriptions_at_once():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket, topics=0)
        await socket.send_bytes(data(snapshot(1, OPTION, *PRICED)))
        await server.expect(socket, 2)
        await socket.close()

    server = Server(script)

    async def steer(feed: FyersFeed) -> None:
        async for _ in feed.connect():
            await feed.subscribe([INDEX])
            await feed.subscribe([INDEX])
            await feed.unsubscribe([INDEX])

    async def journey(feed: FyersFeed) -> None:
        with pytest.raises(BrokerUnavailable):
            await steer(feed)

    run(server, journey)
    assert server.messages[0][2:] == [
        *hsm.topics_messages(hsm.SUBSCRIBE, [INDEX]),
        *hsm.topics_messages(hsm.UNSUBSCRIBE, [INDEX]),
    ]


@pytest.mark.parametrize("token", [TOKEN, "no JSON Web Token"])
def test_a_refused_sign_in_is_a_lost_session(token):
    async def script(socket: web.WebSocketResponse) -> None:
        await server.expect(socket, 1)
        await socket.send_bytes(NO)
        await socket.receive()

    server = Server(script)
    with pytest.raises(SessionLost):
        run(server, drained_or_lost, token=token)


async def drained_or_lost(feed: FyersFeed) -> None:
    async for _ in feed.connect():
        pass


@pytest.mark.parametrize(("status", "kind"), [(401, SessionLost), (403, SessionLost), (503, BrokerUnavailable)])
def test_a_refused_handshake(status, kind):
    with pytest.raises(kind) as raised:
        run(Server(status=status), drained_or_lost)
    assert raised.type is kind


def test_a_garbled_answer_to_the_sign_in_is_an_error():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.expect(socket, 1)
        await socket.send_bytes(b"\x00\x06\x01\x01\x01\x00\x09K")
        await socket.receive()

    server = Server(script)
    with pytest.raises(BrokerUnavailable, match="MALFORMED"):
        run(server, drained_or_lost)


def test_silence_is_asked_about_once_and_then_a_dead_socket():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket)
        await server.expect(socket, 1)
        await socket.send_bytes(b"\x00\x06\x0c\x01\x01\x00\x01K")
        await server.expect(socket, 1)
        await socket.receive()

    server = Server(script)

    async def journey(feed: FyersFeed):
        await feed.subscribe([OPTION])
        return await drained(feed)

    assert run(server, journey, silence_seconds=0.4) == ([], "SILENT")
    assert server.messages[0][3:] == [hsm.full_mode_message()] * 2


def test_what_cannot_be_read_is_counted():
    async def script(socket: web.WebSocketResponse) -> None:
        await server.greet(socket)
        await socket.send_str("text")
        await socket.send_bytes(b"\x00\x06\x04\x01\x01\x00\x09K")
        await socket.send_bytes(data(lite(7, 1)))
        await socket.send_bytes(b"\x00\x06\x04\x01\x01\x00\x01N")
        await socket.close()

    server = Server(script)

    async def journey(feed: FyersFeed):
        await feed.subscribe([OPTION])
        return await drained(feed), feed.malformed_messages

    assert run(server, journey) == (([], "DROPPED"), 3)


def test_tokens_that_are_no_topics_and_too_many_are_refused_unsent():
    async def journey(feed: FyersFeed) -> None:
        with pytest.raises(BrokerError, match="TOKEN"):
            await feed.subscribe(["256265"])
        await feed.subscribe([f"sf|nse_fo|{number}" for number in range(5000)])
        with pytest.raises(BrokerError, match="LIMIT"):
            await feed.subscribe([OPTION])

    run(Server(), journey)
