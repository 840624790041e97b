"""Books over HTTP: each from its own address, the lookup by tag, and failures that are never an empty book."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from brokers.connect import connect
from domain.broker import Broker, BrokerError, BrokerUnavailable, MarginCalculator, OrderHistory, SessionLost, TagLookup
from domain.orders import OrderStatus
from tests.brokers.servers import serve
from tests.brokers.upstox.cast import CREDENTIALS, endpoint, error, lot_size_of, order_row, recorded, request, success

TAG = "VAYDA000000000000001"
FUNDS = "10b-user-get-fund-margin__response-structure__01.json"
READS: dict[str, Callable[[Broker], Awaitable[object]]] = {
    "/upstox/v2/order/retrieve-all": lambda broker: broker.order_book(),
    "/upstox/v2/order/trades/get-trades-for-day": lambda broker: broker.trade_book(),
    "/upstox/v2/portfolio/short-term-positions": lambda broker: broker.positions(),
    "/upstox/v2/user/get-funds-and-margin": lambda broker: broker.funds(),
}


def run(handler, call):
    async def journey():
        async with serve(handler) as base:
            broker = connect("upstox", CREDENTIALS, endpoint(base), timeout=5, lot_size_of=lot_size_of)
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
    visited: list[str] = []

    async def answer(http: web.Request) -> web.Response:
        assert http.headers["Authorization"] == "Bearer token1"
        visited.append(http.path)
        body = recorded(FUNDS) if http.path.endswith("margin") else success([])
        return web.Response(body=body, content_type="application/json")

    for read in READS.values():
        run(answer, read)
    assert visited == list(READS)


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, error("UDAPI100050", "Invalid token used to access API"), SessionLost),
        (404, error("UDAPI100010", "Order not found"), BrokerUnavailable),
        (423, error("UDAPI100072", "The Funds service is accessible from 5:30 AM"), BrokerUnavailable),
        (500, b"", BrokerUnavailable),
        (200, success(None), BrokerUnavailable),
        (200, success("nothing"), BrokerUnavailable),
        (200, success([{"order_id": "1"}]), BrokerUnavailable),
        (207, success([]), BrokerUnavailable),
    ],
)
def test_a_failed_read_raises_and_is_never_an_empty_book(path, status, body, kind):
    with pytest.raises(kind, match="upstox"):
        run(always(status, body), READS[path])


def tagged(status: int, body: bytes):
    asked: list[dict[str, str]] = []

    async def answer(http: web.Request) -> web.Response:
        asked.append(dict(http.query))
        assert http.path == "/upstox/v2/order/history"
        return web.Response(status=status, body=body, content_type="application/json")

    async def look(broker: Broker):
        assert isinstance(broker, TagLookup)
        return await broker.orders_tagged(TAG)

    found = run(answer, look)
    assert asked == [{"tag": TAG}]
    return found


def test_a_tag_finds_each_of_its_orders_once_as_it_stands():
    states = [order_row(status=status) for status in ("put order req received", "open", "cancelled")]
    stranger = order_row(order_id="9", tag="SOMEBODYELSES")
    (order,) = tagged(200, success([*states, stranger]))
    assert (order.broker_order_id, order.status) == ("240221025997024", OrderStatus.CANCELLED)


def test_a_tag_nobody_bears_finds_nothing_and_a_failure_is_no_such_answer():
    assert tagged(404, error("UDAPI100010", "Order not found")) == []
    assert tagged(200, success([])) == []
    for status, body in ((500, b""), (400, error("UDAPI100059", "Must provide either"))):
        with pytest.raises(BrokerUnavailable, match="upstox lookup by tag"):
            tagged(status, body)


def test_an_unknown_order_has_no_history():
    async def look(broker: Broker):
        assert isinstance(broker, OrderHistory)
        return await broker.order_history("240221025997024")

    with pytest.raises(BrokerUnavailable, match="upstox order history"):
        run(always(404, error("UDAPI100010", "Order not found")), look)


def test_the_margin_of_a_basket_is_that_after_its_hedges():
    asked: list[object] = []

    async def answer(http: web.Request) -> web.Response:
        asked.append(await http.json())
        data = {"margins": [{"total_margin": 100.5}], "required_margin": 100.5, "final_margin": 80}
        return web.Response(body=success(data), content_type="application/json")

    async def ask(broker: Broker):
        assert isinstance(broker, MarginCalculator)
        with pytest.raises(BrokerUnavailable, match="1 rows for 2"):
            await broker.basket_margin([request(), request()])
        for wrong in ([], [request()] * 21, [request(token="43919")]):
            with pytest.raises(BrokerError, match="INVALID"):
                await broker.basket_margin(wrong)
        return await broker.basket_margin([request()])

    margin = run(answer, ask)
    assert (margin.required, [float(one) for one in margin.separate]) == (80, [100.5])
    row = {"instrument_key": "NSE_FO|43919", "quantity": 130, "product": "I", "transaction_type": "SELL", "price": 42.1}
    assert asked[-1] == {"instruments": [row]}
    assert json.dumps(asked[-1])
