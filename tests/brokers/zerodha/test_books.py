"""Books over HTTP: recorded payloads in, whole books out, and every failure a ``BrokerError``."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect
from domain.broker import Broker, BrokerError, BrokerUnavailable, Credentials, RateLimited, SessionLost
from tests.brokers.servers import serve
from tests.brokers.zerodha.cast import CREDENTIALS, endpoint, lot_size_of, recorded

READS: dict[str, Callable[[Broker], Awaitable[object]]] = {
    "/zerodha/orders": lambda broker: broker.order_book(),
    "/zerodha/trades": lambda broker: broker.trade_book(),
    "/zerodha/portfolio/positions": lambda broker: broker.positions(),
    "/zerodha/user/margins": lambda broker: broker.funds(),
}
PAYLOADS = {
    "/zerodha/orders": "orders.json",
    "/zerodha/trades": "trades.json",
    "/zerodha/portfolio/positions": "positions.json",
    "/zerodha/user/margins": "margins.json",
}


def run(handler, call, *, timeout: float = 5.0):
    async def journey():
        async with serve(handler) as base:
            broker = connect("zerodha", CREDENTIALS, endpoint(base), timeout=timeout, lot_size_of=lot_size_of)
            try:
                return await call(broker)
            finally:
                await broker.aclose()

    return asyncio.run(journey())


def always(status: int, body: bytes):
    async def answer(http: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    return answer


def test_every_book_is_read_from_its_own_address():
    bodies = {path: recorded(name) for path, name in PAYLOADS.items()}

    async def answer(http: web.Request) -> web.Response:
        assert http.headers["Authorization"] == "token key1:token1"
        return web.Response(body=bodies[http.path], content_type="application/json")

    assert len(run(answer, READS["/zerodha/orders"])) == 10
    assert len(run(answer, READS["/zerodha/trades"])) == 4
    assert len(run(answer, READS["/zerodha/portfolio/positions"])) == 3
    assert run(answer, READS["/zerodha/user/margins"]).used == Decimal("145706.55")


FAILURES = [
    (403, b'{"status":"error","error_type":"TokenException","message":"Incorrect token"}', SessionLost),
    (429, b'{"status":"error","error_type":"NetworkException","message":"Too many requests"}', RateLimited),
    (500, b"", BrokerUnavailable),
    (200, b"", BrokerUnavailable),
    (200, b"<html>", BrokerUnavailable),
    (200, b'{"status":"success"}', BrokerUnavailable),
    (200, b'{"status":"success","data":null}', BrokerUnavailable),
    (200, b'{"status":"success","data":{"order_id":"1"}}', BrokerUnavailable),
    (200, b'{"status":"success","data":[{"order_id"', BrokerUnavailable),
    (302, b'{"status":"success","data":[]}', BrokerUnavailable),
]


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(("status", "body", "kind"), FAILURES)
def test_a_failed_read_raises_and_is_never_an_empty_book(path, status, body, kind):
    with pytest.raises(kind) as caught:
        run(always(status, body), READS[path])
    assert type(caught.value) is kind


def test_a_cut_off_book_is_unavailable():
    whole = recorded("orders.json")

    async def cut(http: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
        await response.prepare(http)
        await response.write(whole[: len(whole) // 2])
        http.transport.abort()
        return response

    with pytest.raises(BrokerUnavailable):
        run(cut, READS["/zerodha/orders"])


def test_a_silent_broker_is_unavailable():
    async def silent(http: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(BrokerUnavailable, match="TIMEOUT"):
        run(silent, READS["/zerodha/orders"], timeout=0.2)


def test_an_account_without_its_api_key_is_refused_by_name():
    with pytest.raises(BrokerError, match="api_key"):
        connect("zerodha", Credentials("AB1234"), endpoint("http://kite.test"))
