"""Books over HTTP: documented payloads in, whole books out, and every failure a ``BrokerError``."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from aiohttp import web

from brokers.connect import connect
from domain.broker import Broker, BrokerError, BrokerUnavailable, Credentials, RateLimited, SessionLost
from domain.orders import OrderStatus
from tests.brokers.mastertrust.cast import (
    CREDENTIALS,
    ORDER_ID,
    endpoint,
    lot_size_of,
    order_row,
    recorded,
    refused,
    success,
)
from tests.brokers.servers import serve

API = "/mastertrust/api/v1"
READS: dict[str, Callable[[Broker], Awaitable[object]]] = {
    "orders": lambda broker: broker.order_book(),
    "trades": lambda broker: broker.trade_book(),
    "positions": lambda broker: broker.positions(),
    "funds": lambda broker: broker.funds(),
}
PAYLOADS = {
    f"{API}/orders?type=pending&client_id=CLIENT123": "orders_pending",
    f"{API}/orders?type=completed&client_id=CLIENT123": "orders_completed",
    f"{API}/trades?client_id=CLIENT123": "trades",
    f"{API}/positions?type=historical&client_id=CLIENT123": "positions_historical",
    f"{API}/funds/view?type=all&client_id=CLIENT123": "funds_view",
    f"{API}/holdings?client_id=CLIENT123": "holdings",
    f"{API}/order/{ORDER_ID}/history?client_id=CLIENT123": "order_history",
}


def run(handler, call, *, timeout: float = 5.0):
    async def journey():
        async with serve(handler) as base:
            broker = connect("mastertrust", CREDENTIALS, endpoint(base), timeout=timeout, lot_size_of=lot_size_of)
            try:
                return await call(broker)
            finally:
                await broker.aclose()

    return asyncio.run(journey())


async def documented(http: web.Request) -> web.Response:
    assert http.headers["Authorization"] == "Bearer token1"
    return web.Response(body=recorded(PAYLOADS[http.path_qs]), content_type="application/json")


def always(status: int, body: bytes):
    async def answer(http: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    return answer


def test_every_book_is_read_from_its_own_address():
    book = run(documented, READS["orders"])
    assert len(book) == 1 + len(json.loads(recorded("orders_completed"))["data"]["orders"])
    assert len(run(documented, READS["trades"])) == 1
    assert len(run(documented, READS["positions"])) == 1
    assert run(documented, READS["funds"]).used == Decimal("1.93")
    assert len(run(documented, lambda broker: broker.holdings())) == 2


def test_a_history_takes_its_contract_from_the_book():
    states = run(documented, lambda broker: broker.order_history(ORDER_ID))
    assert {state.symbol for state in states} == {"DISHTV-EQ"}
    with pytest.raises(BrokerUnavailable, match="nobody knows order 7"):
        run(documented, lambda broker: broker.order_history("7"))
    with pytest.raises(BrokerError, match="INVALID"):
        run(documented, lambda broker: broker.order_history("../7"))


class Moving:
    """A book in which one order is filled right after the first read of either half."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    async def answer(self, http: web.Request) -> web.Response:
        half = http.query["type"]
        is_pending = not self.reads
        self.reads.append(half)
        row = order_row() if is_pending else order_row(order_status="complete", filled_quantity=130)
        shown = [row] if is_pending is (half == "pending") else []
        return web.Response(body=success({"orders": shown}), content_type="application/json")


def test_an_order_that_ends_between_the_two_reads_is_in_the_book_once():
    server = Moving()

    async def emptied(http: web.Request) -> web.Response:
        shown = [order_row(order_status="complete", filled_quantity=130)] if http.query["type"] == "completed" else []
        return web.Response(body=success({"orders": shown}), content_type="application/json")

    [order] = run(server.answer, READS["orders"])
    assert server.reads == ["pending", "completed"]
    assert order.status is OrderStatus.FILLED
    [order] = run(emptied, READS["orders"])
    assert order.status is OrderStatus.FILLED


@pytest.mark.parametrize("lost", ["pending", "completed"])
@pytest.mark.parametrize(
    "body", [b"", b'{"status":"success","data":{}}', b'{"status":"success","data":{"orders":null}}']
)
def test_half_a_book_is_no_book(lost, body):
    async def answer(http: web.Request) -> web.Response:
        whole = success({"orders": [order_row()]})
        return web.Response(body=body if http.query["type"] == lost else whole, content_type="application/json")

    with pytest.raises(BrokerUnavailable, match=r"mastertrust order book"):
        run(answer, READS["orders"])


FAILURES = [
    (401, refused("Request Unauthorised", code=40000).body, SessionLost),
    (429, refused("Too many requests", code=None).body, RateLimited),
    (400, refused("Something went wrong", code=45010).body, BrokerUnavailable),
    (500, b"", BrokerUnavailable),
    (200, b"", BrokerUnavailable),
    (200, b"<html>", BrokerUnavailable),
    (200, b'{"status":"success"}', BrokerUnavailable),
    (200, b'{"status":"success","data":null}', BrokerUnavailable),
    (200, b'{"status":"success","data":{"oms_order_id":"1"}}', BrokerUnavailable),
    (200, b'{"status":"success","data":{"orders":[{"oms', BrokerUnavailable),
    (302, success({"orders": []}), BrokerUnavailable),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("status", "body", "kind"), FAILURES)
def test_a_failed_read_raises_and_is_never_an_empty_book(read, status, body, kind):
    with pytest.raises(kind, match="mastertrust") as caught:
        run(always(status, body), READS[read])
    assert type(caught.value) is kind


def test_a_silent_broker_is_unavailable():
    async def silent(http: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(BrokerUnavailable, match="TIMEOUT"):
        run(silent, READS["orders"], timeout=0.2)


def test_an_account_without_its_client_id_is_refused():
    with pytest.raises(BrokerError, match="CREDENTIALS"):
        connect("mastertrust", Credentials("", {}), endpoint("http://mastertrust.test"))
