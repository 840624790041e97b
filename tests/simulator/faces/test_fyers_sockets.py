"""Fyers' two sockets, spoken to byte by byte as its SDK does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from struct import pack, unpack_from
from typing import Any

import aiohttp
import pytest

from tests.simulator.faces.fyers_client import FyersClient, claims, near, option_row, order_form, sign_in

PATIENCE = 20.0
AUTH, ACKNOWLEDGE, SUBSCRIBE, UNSUBSCRIBE, DATA, PAUSE, RESUME, MODE = 1, 3, 4, 5, 6, 7, 8, 12
SNAPSHOT, UPDATE, LITE = 83, 85, 76
INDEX = "if|nse_cm|Nifty 50"
CHANNEL = (2, b"\x0b")
CHANNELS = (1, pack(">Q", 1 << 11))
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
def client(site: Any) -> FyersClient:
    return sign_in(site)


def message(kind: int, *fields: tuple[int, bytes]) -> bytes:
    body = b"".join(pack(">BH", number, len(value)) + value for number, value in fields)
    return pack(">HBB", len(body) + 2, kind, len(fields)) + body


def topics(*names: str) -> tuple[int, bytes]:
    return 1, pack(">H", len(names)) + b"".join(bytes([len(name)]) + name.encode() for name in names)


def topic_of(row: dict[str, Any], kind: str = "sf") -> str:
    return f"{kind}|nse_fo|{row['exToken']}"


@asynccontextmanager
async def connected(client: FyersClient, path: str, **headers: str) -> AsyncIterator[Socket]:
    url = client.site.url.replace("http", "ws", 1) + f"/fyers{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
        yield socket


@asynccontextmanager
async def opened(client: FyersClient) -> AsyncIterator[Socket]:
    """A market socket that has said who it is."""
    async with connected(client, "/hsm/v1-5/prod") as socket:
        key = claims(client.token)["hsm_key"].encode()
        await socket.send_bytes(message(AUTH, (1, key), (2, b"P"), (3, b"\x01"), (4, b"test")))
        assert (await answer(socket, AUTH))[:2] == [b"K", pack(">I", 200)]
        yield socket


async def received(socket: Socket, kind: int) -> bytes:
    """The next message of a kind."""
    while True:
        data = await socket.receive_bytes(timeout=PATIENCE)
        if data[2] == kind:
            return data


async def answer(socket: Socket, kind: int) -> list[bytes]:
    """The fields of the next answer of a kind."""
    data, offset, fields = await received(socket, kind), 4, []
    for _ in range(data[3]):
        (length,) = unpack_from(">H", data, offset + 1)
        fields.append(data[offset + 3 : offset + 3 + length])
        offset += 3 + length
    return fields


def records(data: bytes) -> list[tuple[int, int, str, tuple[int, ...]]]:
    """(kind, topic id, topic, values) of every record of a data message."""
    (count,), offset, found = unpack_from(">H", data, 7), 9, []
    for _ in range(count):
        kind, number = unpack_from(">BH", data, offset)
        offset, name = offset + 3, ""
        if kind == SNAPSHOT:
            name = data[offset + 1 : offset + 1 + data[offset]].decode()
            offset += 1 + data[offset]
        fields = 1 if kind == LITE else data[offset]
        offset += kind != LITE
        values = unpack_from(f">{fields}i", data, offset)
        offset += 4 * fields
        if kind == SNAPSHOT:
            assert unpack_from(">HB", data, offset + 2) == (1, 2)
            offset += 5
            for _ in range(3):
                offset += 1 + data[offset]
        found.append((kind, number, name, values))
    assert offset == len(data)
    return found


def run(journey: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(2 * PATIENCE):
            await journey()

    asyncio.run(whole())


def test_topics_are_shown_whole_and_then_what_changes(client: FyersClient) -> None:
    option = option_row(client)

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_bytes(message(SUBSCRIBE, topics(topic_of(option), INDEX, "sf|nse_fo|1"), CHANNEL))
            assert await answer(socket, SUBSCRIBE) == [b"K"]
            shown: dict[str, tuple[int, tuple[int, ...]]] = {}
            while len(shown) < 2:
                rows = records(await received(socket, DATA))
                shown |= {name: (number, values) for kind, number, name, values in rows if kind == SNAPSHOT}
            number, values = shown[topic_of(option)]
            assert (len(values), len(shown[INDEX][1])) == (21, 6)
            assert values[13] <= values[0] <= values[14]
            assert 0 < values[6] <= values[7]
            while True:
                for kind, changed, _, fields in records(await received(socket, DATA)):
                    if kind == UPDATE and changed == number:
                        assert set(fields) & {-(1 << 31)}
                        return

    run(journey)


def test_a_lite_socket_is_told_the_price_and_a_paused_one_nothing(client: FyersClient) -> None:
    option = option_row(client)

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_bytes(message(MODE, CHANNELS, (2, b"L")))
            assert await answer(socket, MODE) == [b"K"]
            await socket.send_bytes(message(SUBSCRIBE, topics(topic_of(option), INDEX), CHANNEL))
            kinds: set[int] = set()
            while LITE not in kinds:
                kinds |= {kind for kind, *_ in records(await received(socket, DATA))}
            assert kinds == {SNAPSHOT, LITE}
            await socket.send_bytes(message(PAUSE, CHANNELS))
            await answer(socket, PAUSE)
            await socket.send_bytes(message(MODE, CHANNELS, (2, b"F")))
            assert (await socket.receive_bytes(timeout=PATIENCE))[2] == MODE  # no data came before it
            await socket.send_bytes(message(RESUME, CHANNELS))
            await received(socket, DATA)

    run(journey)


def test_depth_has_five_levels(client: FyersClient) -> None:
    option = option_row(client)

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_bytes(message(SUBSCRIBE, topics(topic_of(option, "dp")), CHANNEL))
            [(kind, _, name, values)] = records(await received(socket, DATA))
            assert (kind, name, len(values)) == (SNAPSHOT, topic_of(option, "dp"), 30)
            assert list(values[:5]) == sorted(values[:5], reverse=True)
            assert list(values[5:10]) == sorted(values[5:10])

    run(journey)


def test_what_is_unsubscribed_goes_quiet_and_the_rest_ticks_on(client: FyersClient) -> None:
    option = option_row(client)

    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_bytes(message(SUBSCRIBE, topics(topic_of(option), INDEX), CHANNEL))
            await answer(socket, SUBSCRIBE)
            await socket.send_bytes(message(UNSUBSCRIBE, topics(topic_of(option), "sf|nse_fo|1"), CHANNEL))
            assert await answer(socket, UNSUBSCRIBE) == [b"K"]
            for _ in range(5):
                assert len(records(await received(socket, DATA))) == 1

    run(journey)


def test_a_key_that_is_none_is_refused_and_nothing_else_is_obeyed(client: FyersClient) -> None:
    async def journey() -> None:
        for key in (b"dead", b"", b"\xff" * 40, claims(client.token)["hsm_key"].encode()[:-2]):
            async with connected(client, "/hsm/v1-5/prod") as socket:
                await socket.send_bytes(message(SUBSCRIBE, topics(INDEX), CHANNEL))
                await socket.send_bytes(message(AUTH, (1, key)))
                assert await answer(socket, AUTH) == [b"N"]

    run(journey)


def test_what_cannot_be_read_is_passed_over(client: FyersClient) -> None:
    async def journey() -> None:
        async with opened(client) as socket:
            await socket.send_str("text")
            for odd in (b"", b"\x00\x01\x0b", b"\x00\x04\x04\x01\x01\x00\x09", b"\x00\x06\x04\x01\x01\x00\x01\x00"):
                await socket.send_bytes(odd)
            await socket.send_bytes(message(ACKNOWLEDGE, (1, b"\x01")))
            await socket.send_bytes(message(MODE, CHANNELS, (2, b"F")))
            assert await answer(socket, MODE) == [b"K"]

    run(journey)


def test_a_handshake_that_carries_a_token_is_never_answered(client: FyersClient) -> None:
    async def journey() -> None:
        async with connected(client, "/hsm/v1-5/prod", Authorization=f"{client.key}:{client.token}") as mute:
            await mute.send_bytes(message(AUTH, (1, claims(client.token)["hsm_key"].encode())))
            async with opened(client):
                pass
            with pytest.raises(asyncio.TimeoutError):
                await mute.receive_bytes(timeout=0.2)

    run(journey)


def test_the_order_socket_tells_what_was_asked_for(client: FyersClient) -> None:
    option = option_row(client)

    async def journey() -> None:
        header = f"{client.key}:{client.token}"
        async with connected(client, "/trade/v3", authorization=header) as socket:
            await socket.send_str("ping")
            assert await socket.receive_str(timeout=PATIENCE) == "pong"
            await socket.send_json({"T": "SUB_ORD", "SLIST": ["orders", "trades", "positions"], "SUB_T": 1})
            assert (await socket.receive_json(timeout=PATIENCE))["code"] == 1605
            form = order_form(client, option, limitPrice=await asyncio.to_thread(near, client, option, 1.2))
            resting = await asyncio.to_thread(order_form, client, option)
            placed = (await asyncio.to_thread(lambda: client.place(**form))).json()
            told: dict[str, list[Any]] = {}
            while {"orders", "trades", "positions"} - told.keys() or told["orders"][-1]["org_ord_status"] != 2:
                row = await socket.receive_json(timeout=PATIENCE)
                kind = next(name for name in row if name != "s")
                told.setdefault(kind, []).append(row[kind])
            assert {row["id"] for row in told["orders"]} == {placed["id"]}
            await socket.send_json({"T": "SUB_ORD", "SLIST": ["orders", "trades", "positions"], "SUB_T": -1})
            await socket.send_str('{"T":"SUB_ORD"}')
            await socket.send_str("not JSON")
            await asyncio.to_thread(lambda: client.place(**resting))
            await socket.send_str("ping")
            rest = [await socket.receive_str(timeout=PATIENCE) for _ in range(2)]
            assert [json.loads(rest[0])["code"], rest[1]] == [1605, "pong"]

    run(journey)


def test_the_order_socket_wants_a_session(client: FyersClient) -> None:
    async def journey() -> None:
        for header in ("", "dead", f"{client.key}:dead"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                async with connected(client, "/trade/v3", authorization=header):
                    pass
            assert raised.value.status == 403

    run(journey)
