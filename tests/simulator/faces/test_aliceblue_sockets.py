"""Alice Blue's sockets, spoken to as the documentation says."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.simulator.faces.alice_client import AliceClient, near, option, order, sign_in

PATIENCE = 20.0
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
def client(site: Any) -> AliceClient:
    return sign_in(site)


def session(client: AliceClient, name: str, *, user: str = "") -> None:
    assert client.ok(f"/profile/{name}", {"source": "API", "userId": user or client.name}) == [{"Status": "OK"}]


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@asynccontextmanager
async def opened(client: AliceClient, **change: str) -> AsyncIterator[Socket]:
    """A socket that has said who it is."""
    url = client.site.url.replace("http", "ws", 1) + "/aliceblue/NorenWS/"
    user = f"{client.name}_API"
    hello = {"susertoken": hashed(hashed(client.token)), "t": "c", "actid": user, "uid": user, "source": "API"}
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.send_json(hello | change)
        yield socket


async def until(socket: Socket, kind: str) -> dict[str, str]:
    """The next message of a kind."""
    while True:
        message = await socket.receive_json(timeout=PATIENCE)
        if message["t"] == kind:
            answer: dict[str, str] = message
            return answer


def run(journey: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(2 * PATIENCE):
            await journey()

    asyncio.run(whole())


def test_a_socket_has_to_be_announced_and_signed_with_the_token_hashed_twice(client: AliceClient) -> None:
    async def answers(**change: str) -> str:
        async with opened(client, **change) as socket:
            answer = await until(socket, "cf")
            return answer["k"]

    async def journey() -> None:
        assert await answers() == "failed"
        session(client, "createWsSess")
        for wrong in (client.token, hashed(client.token), ""):
            assert await answers(susertoken=wrong) == "failed"
        assert await answers(uid=client.name) == "OK"
        assert await answers(source="WEB") == "failed"
        assert await answers() == "OK"

    run(journey)


def test_somebody_elses_socket_cannot_be_announced(client: AliceClient) -> None:
    for body in ({"source": "API", "userId": "AB0002"}, {"userId": client.name}, {}):
        assert "EC914" in client.refused("/profile/createWsSess", body)


def test_prices_are_shown_whole_and_then_what_changes_and_nothing_else_is_answered(client: AliceClient) -> None:
    line = option(client.site)

    async def journey() -> None:
        session(client, "createWsSess")
        async with opened(client) as socket:
            await until(socket, "cf")
            await socket.send_json({"k": f"NSE|26000#NFO|{line['Token']}", "t": "t"})
            shown = [await until(socket, "tk") for _ in range(2)]
            assert [one["ts"] for one in shown] == ["Nifty 50", line["Trading Symbol"]]
            assert shown[1]["ls"] == line["Lot Size"]
            assert "ts" not in await until(socket, "tf")
            await socket.send_json({"k": f"NFO|{line['Token']}", "t": "d"})
            assert (await until(socket, "dk")).keys() >= {"bp5", "sp5", "uc", "lc", "tbq"}
            await socket.send_json({"k": "", "t": "h"})
            await socket.send_json({"k": f"NSE|26000#NFO|{line['Token']}", "t": "u"})
            await socket.send_json({"k": f"NFO|{line['Token']}", "t": "ud"})
            await socket.send_json({"k": "NSE|26000", "t": "t"})
            kinds = set()
            while (message := await socket.receive_json(timeout=PATIENCE))["t"] != "tk":
                kinds.add(message["t"])
            assert kinds <= {"tf", "df"}

    run(journey)


def test_the_next_socket_and_the_end_of_the_session_close_the_one_before(client: AliceClient) -> None:
    async def closed(socket: Socket) -> bool:
        while (message := await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.TEXT:
            pass
        return message.type is aiohttp.WSMsgType.CLOSE

    async def journey() -> None:
        session(client, "createWsSess")
        async with opened(client) as first:
            await until(first, "cf")
            async with opened(client) as second:
                await until(second, "cf")
                assert await closed(first)
                await asyncio.to_thread(session, client, "invalidateWsSess")
                assert await closed(second)
        async with opened(client) as third:
            assert (await until(third, "cf"))["k"] == "failed"

    run(journey)


def test_orders_are_told_on_a_socket_whose_token_works_once(client: AliceClient) -> None:
    line = option(client.site)
    url = client.site.url.replace("http", "ws", 1) + "/aliceblue/open-api/order-notify/websocket"
    answer = client.call("GET", "/aliceblue/open-api/order-notify/ws/createWsToken").json()
    hello = {"orderToken": answer["result"][0]["orderToken"], "userId": client.name}

    async def journey() -> None:
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            await socket.send_json(hello)
            assert await socket.receive_json(timeout=PATIENCE) == {"status": "Ok"}
            await socket.send_json({"heartbeat": "h", "userId": client.name})
            wish = order(line, await asyncio.to_thread(near, client, line, 1.1), orderTag="told1")
            order_id = await asyncio.to_thread(client.place, wish)
            while (update := await until(socket, "om"))["status"] != "COMPLETE":
                assert update["norenordno"] == order_id
            assert (update["remarks"], update["pcode"], update["fillshares"]) == ("told1", "M", line["Lot Size"])
            assert "prd" not in update
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            await socket.send_json(hello)
            assert await socket.receive_json(timeout=PATIENCE) == {"status": "Not_ok"}

    run(journey)
