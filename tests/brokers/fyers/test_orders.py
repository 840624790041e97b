"""What is sent: every field of an order call, and what is refused before the wire."""

from decimal import Decimal

import pytest

from brokers.fyers.orders import cancel_request, modify_request, place_request
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.fyers.cast import ORDER_ID, access, change, request


def test_a_place_says_everything():
    prepared = place_request(access(), request())
    assert (prepared.method, prepared.url) == ("POST", "http://fyers.test/fyers/api/v3/orders/sync")
    assert prepared.headers["Authorization"] == "APP1-200:token1"
    assert prepared.json == {
        "symbol": "NSE:NIFTY26D0124200CE",
        "qty": 130,
        "type": 1,
        "side": -1,
        "productType": "INTRADAY",
        "limitPrice": 42.1,
        "stopPrice": 0,
        "validity": "DAY",
        "disclosedQty": 0,
        "offlineOrder": False,
        "orderTag": "VAYDA000000000000001",
    }
    assert "token1" not in repr(prepared)
    assert "token1" not in repr(access())


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"side": Side.BUY, "product": Product.NRML}, {"side": 1, "productType": "MARGIN"}),
        (
            {"exchange": "NSE", "symbol": "NSE:X-EQ", "lot_size": 1, "product": Product.CNC},
            {"productType": "CNC", "qty": 130},
        ),
        (
            {"order_type": OrderType.SL, "trigger_price": Decimal("41")},
            {"type": 4, "stopPrice": 41.0, "limitPrice": 42.1},
        ),
        ({"order_type": OrderType.MARKET, "price": Decimal(0)}, {"type": 2, "limitPrice": 0, "stopPrice": 0}),
        ({"order_type": OrderType.SL_M, "trigger_price": Decimal("41.5")}, {"type": 3, "stopPrice": 41.5}),
        ({"validity": Validity.IOC}, {"validity": "IOC"}),
        ({"exchange": "MCX", "symbol": "MCX:CRUDEOIL26DECFUT", "quantity": 200, "lot_size": 100}, {"qty": 2}),
        ({"price": Decimal("104.9500")}, {"limitPrice": 104.95}),
        ({"client_order_id": "x" * 30}, {"orderTag": "x" * 30}),
    ],
)
def test_words_and_units(changes, fields):
    assert place_request(access(), request(**changes)).json.items() >= fields.items()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": ""},
        {"client_order_id": "x" * 31},
        {"client_order_id": "with-dash"},
        {"client_order_id": "untagged"},
        {"client_order_id": "fx0011"},
        {"exchange": "NCO"},
        {"symbol": ""},
        {"order_type": OrderType.SL_M},
        {"order_type": OrderType.SL, "trigger_price": Decimal("Infinity")},
        {"product": Product.CNC},
        {"exchange": "MCX", "validity": Validity.IOC, "quantity": 100, "lot_size": 100},
        {"quantity": 100},
        {"quantity": 0},
        {"price": Decimal("NaN")},
        {"price": Decimal(0)},
    ],
)
def test_what_fyers_cannot_take_is_refused_before_the_wire(changes):
    with pytest.raises(ValueError, match=r"\w"):
        place_request(access(), request(**changes))


def test_a_modify_names_the_order_and_its_new_total():
    prepared = modify_request(access(), ORDER_ID, change())
    assert (prepared.method, prepared.url) == ("PATCH", "http://fyers.test/fyers/api/v3/orders/sync")
    assert prepared.json == {"id": ORDER_ID, "type": 1, "qty": 130, "limitPrice": 43.05}
    stop = change(order_type=OrderType.SL, trigger_price=Decimal("42.5"))
    assert modify_request(access(), ORDER_ID, stop).json["stopPrice"] == 42.5
    assert "limitPrice" not in modify_request(access(), ORDER_ID, change(price=None)).json
    crude = change(exchange="MCX", quantity=300, lot_size=100)
    assert modify_request(access(), ORDER_ID, crude).json["qty"] == 3


def test_a_cancel_names_the_order_in_its_body():
    prepared = cancel_request(access(), ORDER_ID)
    assert (prepared.method, prepared.url) == ("DELETE", "http://fyers.test/fyers/api/v3/orders/sync")
    assert prepared.json == {"id": ORDER_ID}
    for odd in ("", "../x", "1 2", "x" * 100):
        with pytest.raises(ValueError, match="id"):
            cancel_request(access(), odd)
        with pytest.raises(ValueError, match="id"):
            modify_request(access(), odd, change())
