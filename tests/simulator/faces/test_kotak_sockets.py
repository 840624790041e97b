"""Both sockets of Kotak's face, spoken to as the documentation says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from struct import unpack_from
from time import monotonic
from typing import Any

import aiohttp
import pytest

from simulator.faces.kotak.updates import HEARTBEAT_SECONDS
from tests.shared import shared_path
from tests.simulator.faces.kotak_client import KotakClient, order_fields, sign_in

PATIENCE = 20.0
DOCS = "kotak/docs_marketcalls/13-order-position-streaming-websocket__"
Socket = aiohttp.ClientWebSocketResponse
Packet = tuple[int, int, int, int, bytes]
"""Length, code, exchange, level, and the whole of it."""


@pytest.fixture
def client(site: Any) -> KotakClient:
    return sign_in(site)


def run(journey: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(2 * PATIENCE):
            await journey()

    asyncio.run(whole())


@asynccontextmanager
async def opened(client: KotakClient, path: str) -> AsyncIterator[Socket]:
    url = client.site.url.replace("http", "ws", 1) + f"/kotak/{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield socket


@asynccontextmanager
async def feed(client: KotakClient, **changes: Any) -> AsyncIterator[Socket]:
    """A market socket that has said who it is."""
    async with opened(client, "apifeed") as socket:
        await socket.send_json({"user": client.name, "auth": client.sid, "format": "native_batch"} | changes)
        yield socket


@asynccontextmanager
async def updates(client: KotakClient, words: str = "") -> AsyncIterator[Socket]:
    """An order socket that has said who it is."""
    async with opened(client, "realtime") as socket:
        await socket.send_str(words or f"{{type:cn,Authorization:{client.token},Sid:{client.sid},src:WEB}}")
        yield socket


def packets_of(frame: bytes) -> list[Packet]:
    found = []
    while frame:
        length, code, exchange, level = unpack_from("<HHbB", frame)
        found.append((length, code, exchange, level, frame[:length]))
        frame = frame[length:]
    return found


async def packets(socket: Socket, wanted: Callable[[Packet], bool]) -> Packet:
    """The next packet of a kind."""
    while True:
        message = await socket.receive(timeout=PATIENCE)
        if message.type is aiohttp.WSMsgType.BINARY:
            for packet in packets_of(message.data):
                if wanted(packet):
                    return packet


async def texts(socket: Socket, name: str) -> dict[str, Any]:
    """The next text message that has a field."""
    while True:
        message = await socket.receive(timeout=PATIENCE)
        if message.type is aiohttp.WSMsgType.TEXT and name in (told := json.loads(message.data)):
            found: dict[str, Any] = told
            return found


def recorded(name: str) -> Any:
    return json.loads(shared_path(f"{DOCS}{name}.json").read_text())


def test_the_feed_tells_how_prices_are_divided(client: KotakClient) -> None:
    async def journey() -> None:
        async with feed(client) as socket:
            hello = await texts(socket, "message_code")
            assert (hello["message_code"], hello["format"]) == (1119, "native_batch")
            assert hello["exchanges"]["nse_fo"] == {"value": 2, "divider": 100}
            assert hello["exchanges"]["cde_fo"]["divider"] == 10_000_000

    run(journey)


@pytest.mark.parametrize("changes", [{"auth": "made-up"}, {"user": "DEMO01"}, {"format": "json"}])
def test_the_feed_closes_on_strangers(client: KotakClient, changes: dict[str, str]) -> None:
    async def journey() -> None:
        async with feed(client, **changes) as socket:
            message = await socket.receive(timeout=PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)

    run(journey)


def test_a_subscription_is_acknowledged_and_shown(client: KotakClient) -> None:
    line = client.option()
    key = f"nse_fo|{line['pSymbol']}"

    async def journey() -> None:
        async with feed(client) as socket:
            await socket.send_json({"event": "subscribeScrips", "inputtoken": f"{key},nse_fo|1", "ack_symbol": True})
            told = await texts(socket, "trading_symbols")
            assert told == {"message_code": 1109, "trading_symbols": {key: line["pTrdSymbol"]}}
            length, code, exchange, _, packet = await packets(socket, lambda one: one[3] == 4)
            assert (length, code, exchange) == (176, 7208, 2)
            assert unpack_from("<I", packet, 9) == (int(line["pSymbol"]),)
            bid, ask = unpack_from("<8xi", packet, 144)[0], unpack_from("<8xi", packet, 160)[0]
            assert 0 < bid < ask
            first = unpack_from("<q", packet, 29)
            changed = await packets(socket, lambda one: one[3] == 4 and one[4] != packet)
            assert unpack_from("<q", changed[4], 29) >= first  # volume never falls
            await socket.send_json({"event": "unsubscribeScrips", "inputtoken": key})

    run(journey)


def test_each_level_has_its_own_packet(client: KotakClient) -> None:
    key = f"nse_fo|{client.option()['pSymbol']}"

    async def journey() -> None:
        async with feed(client) as socket:
            for event, size in (("Depth", 144 + 2 * 5 * 16), ("ScripsLite", 54)):
                await socket.send_json({"event": f"snapshot{event}", "inputtoken": key})
                level = {"Depth": 8, "ScripsLite": 1}[event]
                length, *_ = await packets(socket, lambda one, level=level: one[3] == level)  # type: ignore[misc]
                assert length == size
            await socket.send_json({"event": "subscribeIndices", "inputtoken": "nse_cm|Nifty 50"})
            length, code, exchange, _, packet = await packets(socket, lambda one: one[1] == 7207)
            assert (length, code, exchange) == (87, 7207, 1)
            assert packet[66:].partition(b"\0")[0] == b"Nifty 50"

    run(journey)


def test_orders_and_positions_are_pushed(client: KotakClient) -> None:
    line = client.option()

    async def journey() -> None:
        async with updates(client) as socket:
            assert await texts(socket, "ak") == recorded("4-connection-acknowledgement__01")
            order_id = await asyncio.to_thread(client.placed, **order_fields(line, pr=client.near(line, 1.1)))
            order = await texts(socket, "data")
            while order["type"] != "order" or order["data"]["ordSt"] != "complete":
                order = await texts(socket, "data")
            sample = recorded("6-order-updates-type-order__02")["data"]
            assert sample.keys() <= order["data"].keys()
            assert (order["data"]["nOrdNo"], order["data"]["fldQty"]) == (order_id, int(line["lLotSize"]))
            position = await texts(socket, "data")
            assert position["type"] == "position"
            assert recorded("7-position-updates-type-position__03")["data"].keys() <= position["data"].keys()
            assert position["data"]["flBuyQty"] == line["lLotSize"]

    run(journey)


def test_the_first_words_may_be_json_and_a_stranger_is_refused(client: KotakClient) -> None:
    said = {"type": "cn", "Authorization": client.token, "Sid": client.sid, "src": "WEB"}

    async def journey() -> None:
        async with updates(client, json.dumps(said)) as socket:
            assert (await texts(socket, "ak"))["ak"] == "ok"
        for words in (json.dumps(said | {"Sid": "made-up"}), "{type:cn}", "hello"):
            async with updates(client, words) as socket:
                assert (await texts(socket, "ak"))["ak"] == "nok"
                assert (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.CLOSE

    run(journey)


def test_a_quiet_order_socket_shows_now_and_then_that_it_lives(client: KotakClient) -> None:
    async def journey() -> None:
        async with updates(client) as socket:
            await texts(socket, "ak")
            shown = []
            for _ in range(2):
                assert await texts(socket, "type") == {"type": "HB"}
                shown.append(monotonic())
            assert shown[1] - shown[0] > HEARTBEAT_SECONDS / 2

    run(journey)


@pytest.mark.parametrize("path", ["apifeed", "realtime"])
def test_faults_cut_both_sockets(client: KotakClient, path: str) -> None:
    async def journey() -> None:
        async with feed(client) if path == "apifeed" else updates(client) as socket:
            assert (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.TEXT
            fault = {"kind": "dropped_socket", "endpoint": "ticker", "count": 1}
            await asyncio.to_thread(client.site.control, "POST", "faults", fault)
            if path == "apifeed":
                await socket.send_json({"event": "subscribeIndices", "inputtoken": "nse_cm|Nifty 50"})
            while (message := await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.TEXT:
                assert path == "realtime"
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSING)

    run(journey)
