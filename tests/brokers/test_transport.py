"""The wire sends once and returns a whole answer or a failure that proves nothing."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from brokers.transport import Egress, Wire, WireAnswer, WireFailure, WireRequest, shared_connector
from domain.broker import Credentials
from tests.brokers.servers import read_request, serve, serve_raw

LIMIT = 1_000_000


async def send(
    base: str, method: str = "POST", *, timeout: float = 5.0, limit: int = LIMIT, **wire: object
) -> WireAnswer:
    one = Wire(timeout=timeout, **wire)
    try:
        return await one.send(WireRequest(method, f"{base}/orders"), limit=limit)
    finally:
        await one.aclose()


def failure_of(call: Callable[[], Awaitable[object]]) -> WireFailure:
    with pytest.raises(WireFailure) as caught:
        asyncio.run(call())
    return caught.value


def raw_failure(answer: bytes, *, limit: int = LIMIT) -> WireFailure:
    """The failure of a call that gets these bytes and a closed connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        writer.close()

    async def call() -> None:
        async with serve_raw(talk) as base:
            await send(base, limit=limit)

    return failure_of(call)


def test_a_whole_answer_comes_back_with_its_status_and_body():
    async def teapot(request: web.Request) -> web.Response:
        return web.Response(status=418, body=b"short", content_type="text/plain")

    async def call() -> WireAnswer:
        async with serve(teapot) as base:
            return await send(base)

    answer = asyncio.run(call())
    assert (answer.status, answer.body, answer.content_type) == (418, b"short", "text/plain")


def test_a_server_that_never_answers_is_a_timeout():
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def call() -> None:
        async with serve(silent) as base:
            await send(base, timeout=0.2)

    assert failure_of(call).code == "TIMEOUT"


def test_a_body_that_never_ends_is_a_timeout():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        await reader.read()
        writer.close()

    async def call() -> None:
        async with serve_raw(talk) as base:
            await send(base, timeout=0.2)

    assert failure_of(call).code == "TIMEOUT"


def test_a_closed_port_is_no_connection():
    async def call() -> None:
        async with serve_raw(lambda reader, writer: asyncio.sleep(0)) as base:
            pass
        await send(base)

    assert failure_of(call).code == "NO_CONNECTION"


def test_a_reset_after_the_request_is_dropped():
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.transport.abort()

    async def call() -> None:
        async with serve_raw(talk) as base:
            await send(base)

    assert failure_of(call).code == "DROPPED"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"\x00" * 64,
    ],
)
def test_a_broken_answer_is_a_failure_and_never_an_answer(answer):
    assert raw_failure(answer).code in {"DROPPED", "GARBLED"}


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b""])
def test_a_failure_does_not_tell_the_address_which_may_hold_a_token(answer):
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        writer.close()

    async def call() -> None:
        async with serve_raw(talk) as base:
            wire = Wire(timeout=5)
            try:
                await wire.send(
                    WireRequest("DELETE", f"{base}/session/token", query=(("token", "sesame"),)), limit=LIMIT
                )
            finally:
                await wire.aclose()

    assert "sesame" not in str(failure_of(call))


def test_a_proxy_that_refuses_does_not_make_its_password_known():
    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def call() -> None:
        async with serve_raw(proxy) as address:
            egress = Egress(proxy=address.replace("http://", "http://client:sesame@"))
            await send("https://kite.test", egress=egress)

    assert "sesame" not in str(failure_of(call))


def test_a_body_over_the_limit_is_refused_compressed_or_not():
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    assert raw_failure(plain, limit=4999).code == "OVERSIZE"
    bomb = gzip.compress(b"0" * 5_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    assert raw_failure(head + bomb, limit=4999).code == "OVERSIZE"


def test_a_redirect_is_an_answer_and_is_not_followed():
    seen: list[str] = []

    async def moved(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async def call() -> WireAnswer:
        async with serve(moved) as base:
            return await send(base)

    assert asyncio.run(call()).status == 307
    assert seen == ["/orders"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_a_dropped_kept_alive_connection_is_not_tried_again(method):
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        requests.append(await read_request(reader))
        writer.close()

    async def call() -> None:
        async with serve_raw(talk) as base:
            wire = Wire(timeout=5)
            request = WireRequest(method, f"{base}/orders/regular/1")
            assert (await wire.send(request, limit=LIMIT)).status == 200
            try:
                await wire.send(request, limit=LIMIT)
            finally:
                await wire.aclose()

    assert failure_of(call).code == "DROPPED"
    assert len(requests) == 2


def test_a_wave_over_the_shared_pool_does_not_queue_behind_itself():
    accounts = 150
    arrived: list[str] = []

    async def call() -> list[int]:
        everyone = asyncio.Event()

        async def wait_for_all(request: web.Request) -> web.Response:
            arrived.append(request.path)
            if len(arrived) == accounts:
                everyone.set()
            await everyone.wait()
            return web.Response()

        async with serve(wait_for_all) as base:
            pool = shared_connector()
            wires = [Wire(timeout=20, connector=pool) for _ in range(accounts)]
            request = WireRequest("POST", f"{base}/orders")
            answers = await asyncio.gather(*(wire.send(request, limit=LIMIT) for wire in wires))
            await asyncio.gather(*(wire.aclose() for wire in wires))
            assert not pool.closed
            await pool.close()
            return [answer.status for answer in answers]

    assert asyncio.run(call()) == [200] * accounts


def noting(heads: list[bytes]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A proxy that keeps what it is asked and answers with nothing."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    return proxy


def test_an_account_leaves_through_its_own_proxy():
    heads: list[bytes] = []

    async def call() -> None:
        async with serve_raw(noting(heads)) as address:
            egress = Egress.of(Credentials("AB1234", {"proxy": address}))
            await send("http://kite.test", egress=egress)

    asyncio.run(call())
    assert heads[0].startswith(b"POST http://kite.test/orders HTTP/1.1")


@pytest.mark.parametrize("may_stay_inside", [False, True])
def test_a_proxys_name_leads_into_our_own_network_only_where_an_operator_named_it(may_stay_inside: bool):
    heads: list[bytes] = []

    async def call() -> None:
        mark = {"proxy_inside": "yes"} if may_stay_inside else {}
        async with serve_raw(noting(heads)) as address:
            named = {"proxy": address.replace("127.0.0.1", "localhost").replace("http://", "http://client:sesame@")}
            pool = shared_connector()
            try:
                await send("http://kite.test", connector=pool, egress=Egress.of(Credentials("AB1234", named | mark)))
            finally:
                await pool.close()

    if may_stay_inside:
        asyncio.run(call())
    else:
        failure = failure_of(call)
        assert failure.code == "NO_CONNECTION"
        assert "localhost is not outside our network" in failure.message
        assert "sesame" not in str(failure)
    assert len(heads) == may_stay_inside


def test_an_account_leaves_from_its_own_address_even_beside_a_shared_pool():
    peers: list[str] = []

    async def note(request: web.Request) -> web.Response:
        peers.append(str(request.remote))
        return web.Response()

    async def call() -> None:
        async with serve(note) as base:
            pool = shared_connector()
            egress = Egress.of(Credentials("AB1234", {"local_address": "127.0.0.2"}))
            await send(base, connector=pool, egress=egress)
            await send(base, connector=pool)
            await pool.close()

    asyncio.run(call())
    assert peers == ["127.0.0.2", "127.0.0.1"]


def test_cookies_of_one_answer_are_not_sent_with_the_next_request():
    cookies: list[str | None] = []

    async def sticky(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "session=1"})

    async def call() -> None:
        async with serve(sticky) as base:
            wire = Wire(timeout=5)
            for _ in range(2):
                await wire.send(WireRequest("GET", base), limit=LIMIT)
            await wire.aclose()

    asyncio.run(call())
    assert cookies == [None, None]


def test_a_cancelled_call_stays_cancelled():
    async def call() -> None:
        reached = asyncio.Event()

        async def silent(request: web.Request) -> web.Response:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with serve(silent) as base:
            task = asyncio.create_task(send(base))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(call())


def test_credentials_and_forms_do_not_show_in_logs():
    request = WireRequest(
        "POST",
        "http://kite.test",
        headers={"Authorization": "token a:b"},
        query=(("access_token", "sesame"),),
        form={"tag": "x"},
    )
    assert "token a:b" not in repr(request)
    assert "sesame" not in repr(request)
    assert "sesame" not in repr(Credentials("AB1234", {"api_secret": "sesame"}, access_token="sesame"))


@pytest.mark.parametrize(("is_quoted", "path"), [(True, "/q/a|1,b|2/x%20y"), (False, "/q/a%7C1,b%7C2/x%20y")])
def test_an_address_that_is_quoted_already_goes_out_as_it_is(is_quoted, path):
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response()

    async def call() -> None:
        async with serve(answer) as base:
            wire = Wire(timeout=5.0)
            await wire.send(WireRequest("GET", f"{base}/q/a|1,b|2/x%20y", is_quoted=is_quoted), limit=LIMIT)
            await wire.aclose()

    asyncio.run(call())
    assert asked == [path]
