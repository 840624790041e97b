"""Fyers' order socket: what it is told, and what is believed of what it tells."""

import asyncio
import json

import pytest
from aiohttp import web

from brokers.connect import connect_order_stream
from brokers.fyers.order_feed import FyersOrderStream, order_in
from brokers.transport import Wire
from domain.broker import BrokerUnavailable, OrderStream, SessionLost
from domain.orders import BrokerOrder, OrderStatus
from tests.brokers.fyers.cast import CREDENTIALS, OPTION, ORDER_ID, access, endpoint, lot_size_of, recorded
from tests.brokers.servers import serve

PUSHED = {
    "id": ORDER_ID,
    "symbol": OPTION,
    "exchange": 10,
    "segment": 11,
    "tran_side": 1,
    "ord_type": 1,
    "org_ord_status": 2,
    "ord_status": 90,
    "product_type": "MARGIN",
    "qty": 130,
    "qty_filled": 130,
    "price_traded": 42.1,
    "price_limit": 42.1,
    "price_stop": 0,
    "ordertag": "1:VAYDA000000000000001",
    "oms_msg": "",
    "time_oms": "20-Nov-2026 10:00:00",
}


def text(**changes: object) -> str:
    return json.dumps({"orders": PUSHED | changes, "s": "ok"})


def test_an_update_is_an_order_as_the_book_shows_it():
    order = order_in(text(), lot_size_of)
    assert order is not None
    assert (order.broker_order_id, order.client_order_id) == (ORDER_ID, "VAYDA000000000000001")
    assert (order.exchange, order.status, order.filled_quantity) == ("NFO", OrderStatus.FILLED, 130)


@pytest.mark.parametrize(
    "message",
    [
        "pong",
        "",
        "not JSON",
        b"\xff",
        "[]",
        '{"code":1605,"message":"Successfully subscribed","s":"ok"}',
        '{"trades":{"tradeNumber":"1"},"s":"ok"}',
        text(org_ord_status=90),
        text(qty=0),
        text(symbol="MCX:UNHEARD26DECFUT", segment=20),
        text(tran_side=None),
    ],
)
def test_what_is_no_order_or_cannot_be_read_is_left_to_the_book(message):
    assert order_in(message, lot_size_of) is None


def test_the_sdks_own_words_are_not_the_sockets():
    assert order_in(recorded("response-attributes-for-order-updates__47.json"), lot_size_of) is None


def opened(base: str) -> OrderStream:
    return connect_order_stream("fyers", CREDENTIALS, endpoint(base), lot_size_of=lot_size_of)


def quickly(base: str, silence: float) -> FyersOrderStream:
    return FyersOrderStream(
        wire=Wire(timeout=5.0),
        url=endpoint(base).order_socket_url,
        access=access(base),
        lot_size_of=lot_size_of,
        silence_seconds=silence,
    )


def heard(*messages: str, status: int = 101, silence: float | None = None) -> tuple[list[BrokerOrder], list[str], str]:
    """The orders told, what the socket was sent, and how it ended."""
    sent: list[str] = []

    async def answer(http: web.Request) -> web.StreamResponse:
        if status != 101:
            return web.Response(status=status)
        assert http.headers["authorization"] == "APP1-200:token1"
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        sent.append(await socket.receive_str())
        for message in messages:
            await socket.send_str(message)
        if silence is None:
            await socket.close()
            return socket
        async for received in socket:
            sent.append(received.data)
        return socket

    async def whole() -> tuple[list[BrokerOrder], str]:
        async with serve(answer) as base, asyncio.timeout(20):
            stream = opened(base) if silence is None else quickly(base, silence)
            orders = []
            try:
                async for order in stream.connect():
                    orders.append(order)
            except BrokerUnavailable as error:
                return orders, error.code
            finally:
                await stream.aclose()
        raise AssertionError("the stream ended without saying why")

    orders, code = asyncio.run(whole())
    return orders, sent, code


def test_orders_are_subscribed_and_told_until_the_socket_drops():
    orders, sent, code = heard('{"code":1605,"s":"ok"}', text(org_ord_status=6, qty_filled=0), "garbage", text())
    assert [order.status for order in orders] == [OrderStatus.OPEN, OrderStatus.FILLED]
    assert [json.loads(one) for one in sent] == [{"T": "SUB_ORD", "SLIST": ["orders"], "SUB_T": 1}]
    assert code == "DROPPED"


def test_silence_is_asked_about_once():
    orders, sent, code = heard(silence=0.2)
    assert (orders, sent[1:], code) == ([], ["ping"], "SILENT")


def test_a_refused_handshake_is_a_lost_session():
    with pytest.raises(SessionLost):
        heard(status=403)
    assert heard(status=503)[2] == "HTTP_503"
