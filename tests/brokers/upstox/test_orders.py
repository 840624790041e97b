"""Order calls as Upstox wants them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.upstox.access import Access
from brokers.upstox.orders import cancel_request, modify_request, place_request
from brokers.upstox.spec import ENDPOINT
from domain.orders import OrderChange, OrderType, Product, Side, Validity
from tests.brokers.upstox.cast import CREDENTIALS, CRUDE, OPTION, access, request

ORDER_ID = "240108010918222"
CHANGE = OrderChange(
    order_type=OrderType.LIMIT, quantity=65, lot_size=65, exchange="NFO", price=Decimal("16.8"), token=OPTION
)


def test_a_place_goes_to_the_order_host_with_every_documented_field():
    sent = place_request(access(), request())
    assert (sent.method, sent.url) == ("POST", "http://upstox.test/upstox/v3/order/place")
    assert sent.headers["Authorization"] == "Bearer token1"
    assert "X-Algo-Name" not in sent.headers
    assert sent.json == {
        "instrument_token": "NSE_FO|43919",
        "transaction_type": "SELL",
        "quantity": 130,
        "product": "I",
        "validity": "DAY",
        "tag": "VAYDA000000000000001",
        "disclosed_quantity": 0,
        "is_amo": False,
        "slice": False,
        "order_type": "LIMIT",
        "price": 42.1,
        "trigger_price": 0,
    }
    assert "token1" not in repr(sent)


def test_orders_and_books_have_hosts_of_their_own():
    real = Access.of(CREDENTIALS, ENDPOINT)
    assert place_request(real, request()).url == "https://api-hft.upstox.com/v3/order/place"
    assert cancel_request(real, ORDER_ID).url == "https://api-hft.upstox.com/v3/order/cancel"
    assert real.read("/v2/order/retrieve-all").url == "https://api.upstox.com/v2/order/retrieve-all"
    assert real.market_socket().url == "https://api.upstox.com/v3/feed/market-data-feed/authorize"
    assert real.order_socket().url == "https://api.upstox.com/v2/feed/portfolio-stream-feed/authorize"


@pytest.mark.parametrize(
    ("order_type", "price", "trigger_price", "protection"),
    [
        (OrderType.LIMIT, 42.1, 0, None),
        (OrderType.SL, 42.1, 41.05, None),
        (OrderType.SL_M, 0, 41.05, -1),
        (OrderType.MARKET, 0, 0, -1),
    ],
)
def test_what_has_no_limit_has_a_protection(order_type, price, trigger_price, protection):
    body = place_request(access(), request(order_type=order_type, trigger_price=Decimal("41.05"))).json
    assert isinstance(body, dict)
    assert (body["price"], body["trigger_price"], body.get("market_protection")) == (price, trigger_price, protection)


@pytest.mark.parametrize(
    ("product", "exchange", "token", "word"),
    [
        (Product.MIS, "NFO", OPTION, "I"),
        (Product.NRML, "NFO", OPTION, "D"),
        (Product.CNC, "NSE", "NSE_EQ|INE002A01018", "D"),
    ],
)
def test_what_is_carried_is_delivery(product, exchange, token, word):
    wish = request(product=product, exchange=exchange, token=token, symbol=token)
    body = place_request(access(), wish).json
    assert isinstance(body, dict)
    assert body["product"] == word


def test_a_registered_algo_is_named_in_the_header_of_every_order_call():
    named = access(algo_name="momentum")
    calls = (place_request(named, request()), modify_request(named, ORDER_ID, CHANGE), cancel_request(named, ORDER_ID))
    assert [call.headers["X-Algo-Name"] for call in calls] == ["momentum"] * 3
    assert "X-Algo-Name" not in named.read("/v2/order/retrieve-all").headers


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": ""},
        {"client_order_id": "x" * 41},
        {"client_order_id": "a b"},
        {"quantity": 100},
        {"quantity": 0},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"exchange": "MCX", "token": CRUDE, "symbol": CRUDE},
        {"exchange": "NSE_INDEX"},
        {"product": Product.CNC},
        {"token": "43919"},
        {"token": "BSE_FO|43919"},
        {"token": "NSE_FO|43919,NSE_FO|43920"},
        {"order_type": OrderType.SL},
    ],
)
def test_what_upstox_could_not_take_is_refused_unsent(changes):
    with pytest.raises(ValueError):
        place_request(access(), request(**changes))


def test_a_modification_repeats_the_prices_of_its_type():
    sent = modify_request(access(), ORDER_ID, CHANGE)
    assert (sent.method, sent.url) == ("PUT", "http://upstox.test/upstox/v3/order/modify")
    assert sent.json == {
        "order_id": ORDER_ID,
        "quantity": 65,
        "validity": "DAY",
        "order_type": "LIMIT",
        "price": 16.8,
        "trigger_price": 0,
    }
    for lacking in ({"price": None}, {"order_type": OrderType.SL}, {"order_type": OrderType.SL_M, "price": None}):
        with pytest.raises(ValueError, match="for granted"):
            modify_request(access(), ORDER_ID, replace(CHANGE, **lacking))


def test_a_cancellation_names_the_order_in_its_query():
    sent = cancel_request(access(), ORDER_ID)
    assert (sent.method, sent.url, sent.query) == (
        "DELETE",
        "http://upstox.test/upstox/v3/order/cancel",
        (("order_id", ORDER_ID),),
    )
    for odd in ("", "1&tag=x", "../orders"):
        with pytest.raises(ValueError):
            cancel_request(access(), odd)


def test_an_immediate_order_says_so():
    body = place_request(access(), request(validity=Validity.IOC, side=Side.BUY)).json
    assert isinstance(body, dict)
    assert (body["validity"], body["transaction_type"]) == ("IOC", "BUY")
