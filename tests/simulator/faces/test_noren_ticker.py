"""The Noren face's socket, spoken to as the documentation says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.shared import shared_path
from tests.simulator.faces.noren_client import NorenClient, near, option_line, order_fields, sign_in

PATIENCE = 20.0
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
def client(site: Any) -> NorenClient:
    return sign_in(site)


@asynccontextmanager
async def opened(client: NorenClient, **first: str) -> AsyncIterator[Socket]:
    """A socket that has said who it is."""
    url = client.site.url.replace("http", "ws", 1) + "/flattrade/PiConnectWSAPI/"
    sign = {"t": "a", "uid": client.name, "actid": client.name, "source": "API", "accesstoken": client.token}
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json(sign | first)
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


def test_both_sign_ins_are_answered(client: NorenClient) -> None:
    async def journey() -> None:
        async with opened(client) as socket:
            assert await until(socket, "ak") == {"t": "ak", "uid": client.name, "s": "OK"}
        async with opened(client, t="c", susertoken=client.token) as socket:
            assert (await until(socket, "ck"))["s"] == "OK"
        async with opened(client, accesstoken="dead") as socket:
            assert (await until(socket, "ak"))["s"] == "NOT_OK"
            await socket.send_json({"t": "t", "k": "NSE|26000"})
            await socket.send_json({"t": "a", "uid": client.name, "accesstoken": client.token})
            assert (await socket.receive_json(timeout=PATIENCE))["t"] == "ak"  # nothing came of the subscription

    run(journey)


def test_a_subscription_is_shown_whole_and_then_what_changes(client: NorenClient) -> None:
    line = option_line(client)

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_json({"t": "t", "k": f"NSE|26000#NFO|{line['Token']}#NFO|1"})
            shown = [await until(socket, "tk") for _ in range(2)]
            assert [one["ts"] for one in shown] == ["Nifty 50", line["Tradingsymbol"]]
            assert shown[1].keys() >= {"lp", "bp1", "sp1", "bq1", "sq1", "v", "oi", "c", "ls", "ti"}
            update = await until(socket, "tf")
            assert "ts" not in update
            assert len(update) < len(shown[1])
            await socket.send_json({"t": "u", "k": f"NSE|26000#NFO|{line['Token']}"})
            await until(socket, "uk")

    run(journey)


def test_depth_has_five_levels(client: NorenClient) -> None:
    line = option_line(client)
    recorded = json.loads(shared_path("flattrade/docs_marketcalls/09-websocket__sample-message__05.json").read_text())

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_json({"t": "d", "k": f"NFO|{line['Token']}"})
            shown = await until(socket, "dk")
            assert shown.keys() >= recorded.keys()
            assert float(shown["bp1"]) > float(shown["bp5"]) > 0
            await until(socket, "df")

    run(journey)


def test_orders_are_pushed_without_an_acknowledgement(client: NorenClient) -> None:
    line = option_line(client)
    quote = client.ok("GetQuotes", exch="NFO", token=line["Token"])

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_json({"t": "o", "actid": client.name})
            await socket.send_json({"t": "p", "actid": client.name})
            await until(socket, "pk")
            fields = order_fields(line, prc=near(quote, 1.1))
            placed = await asyncio.to_thread(client.ok, "PlaceOrder", **fields)
            first = await until(socket, "om")
            assert (first["norenordno"], first["remarks"]) == (placed["norenordno"], "tag1")
            filled = first if first["reporttype"] == "Fill" else await until(socket, "om")
            assert (filled["status"], filled["flqty"]) == ("COMPLETE", line["Lotsize"])
            assert filled.keys() >= {"flid", "flprc", "fltm", "exchordid"}
            assert (await until(socket, "pm"))["netqty"] == line["Lotsize"]

    run(journey)


def test_a_second_socket_of_a_session_closes_the_first(client: NorenClient) -> None:
    async def journey() -> None:
        async with opened(client) as first:
            await until(first, "ak")
            async with opened(client) as second:
                await until(second, "ak")
                message = await first.receive(timeout=PATIENCE)
                assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
                await second.send_json({"t": "h"})
                assert (await until(second, "hk")) == {"t": "hk"}

    run(journey)


def test_socket_faults_cut_and_silence(client: NorenClient) -> None:
    async def journey() -> None:
        async with opened(client) as socket:
            await until(socket, "ak")
            add = asyncio.to_thread(
                client.site.control, "POST", "faults", {"kind": "dropped_socket", "endpoint": "ticker", "count": 1}
            )
            await add
            await socket.send_json({"t": "h"})
            message = await socket.receive(timeout=PATIENCE)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSING)

    run(journey)
