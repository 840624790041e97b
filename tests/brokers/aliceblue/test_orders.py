"""What is sent: every field of an order call, and what is refused before the wire."""

import json
from decimal import Decimal

import pytest

from brokers.aliceblue.margins import basket_request, margin_of
from brokers.aliceblue.orders import cancel_request, modify_request, place_request
from domain.broker import BrokerError, BrokerUnavailable
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.aliceblue.cast import ORDER_ID, access, change, recorded, request, result, signed


def test_a_place_is_a_list_of_one_with_the_documented_fields():
    prepared = place_request(access(), request())
    assert (prepared.method, prepared.url) == (
        "POST",
        "http://alice.test/aliceblue/open-api/od/v1/orders/placeorder",
    )
    assert signed(prepared) == [
        {
            "exchange": "NFO",
            "instrumentId": "54452",
            "transactionType": "SELL",
            "quantity": 130,
            "product": "INTRADAY",
            "orderComplexity": "REGULAR",
            "orderType": "LIMIT",
            "validity": "DAY",
            "price": "42.1",
            "slTriggerPrice": "",
            "slLegPrice": "",
            "targetLegPrice": "",
            "disclosedQuantity": "",
            "marketProtectionPercent": "",
            "apiOrderSource": "",
            "algoId": "",
            "orderTag": "VAYDA000000000000001",
        }
    ]
    assert "token1" not in repr(prepared)
    (documented,) = json.loads(recorded("04-orders-management__place-order__01.json"))
    assert signed(prepared)[0].keys() <= documented.keys()


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"side": Side.BUY, "product": Product.NRML}, {"transactionType": "BUY", "product": "NORMAL"}),
        (
            {"exchange": "NSE", "token": "NSE|22", "lot_size": 1, "product": Product.CNC},
            {"product": "LONGTERM", "instrumentId": "22", "quantity": 130},
        ),
        ({"order_type": OrderType.SL, "trigger_price": Decimal("41")}, {"orderType": "SL", "slTriggerPrice": "41"}),
        ({"validity": Validity.IOC}, {"validity": "IOC"}),
        ({"algo_id": "A12345678901"}, {"algoId": "A12345678901"}),
        ({"exchange": "MCX", "token": "MCX|7", "quantity": 200, "lot_size": 100}, {"quantity": 2}),
        ({"client_order_id": "x" * 50}, {"orderTag": "x" * 50}),
        ({"price": Decimal("1E+2")}, {"price": "100"}),
        ({"price": Decimal("104.9500")}, {"price": "104.95"}),
    ],
)
def test_words_and_units(changes, fields):
    (said,) = signed(place_request(access(), request(**changes)))
    assert said.items() >= fields.items()


def test_an_account_may_choose_what_overnight_derivatives_are_called():
    (said,) = signed(place_request(access(carry_product="nrml"), request(product=Product.NRML)))
    assert said["product"] == "NRML"
    with pytest.raises(BrokerError, match="CREDENTIALS"):
        access(carry_product="DELIVERY")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": ""},
        {"client_order_id": "x" * 51},
        {"client_order_id": "with-dash"},
        {"exchange": "CDS", "token": "CDS|1"},
        {"symbol": ""},
        {"token": "54452"},
        {"token": "NSE|54452"},
        {"token": "NFO|5445x"},
        {"token": "NFO|"},
        {"order_type": OrderType.MARKET},
        {"order_type": OrderType.SL_M},
        {"product": Product.CNC},
        {"algo_id": "A123456789012"},
        {"exchange": "MCX", "token": "MCX|7", "validity": Validity.IOC, "quantity": 100, "lot_size": 100},
        {"quantity": 100},
        {"quantity": 0},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"order_type": OrderType.SL},
    ],
)
def test_what_cannot_be_placed_is_not_sent(changes):
    with pytest.raises(ValueError):
        place_request(access(), request(**changes))


def test_a_modify_says_all_prices_again():
    prepared = modify_request(access(), ORDER_ID, change(order_type=OrderType.SL, trigger_price=Decimal("41.5")))
    assert prepared.url.endswith("/open-api/od/v1/orders/modify")
    assert signed(prepared) == {
        "brokerOrderId": ORDER_ID,
        "quantity": 130,
        "orderType": "SL",
        "price": "43.05",
        "slTriggerPrice": "41.5",
        "slLegPrice": "",
        "targetLegPrice": "",
        "validity": "DAY",
        "disclosedQuantity": "",
        "marketProtection": "",
        "trailingSLAmount": "",
    }
    documented = json.loads(recorded("04-orders-management__modify-order__06.norm.json"))
    assert signed(prepared).keys() <= documented.keys()


@pytest.mark.parametrize(
    "changes",
    [{"price": None}, {"order_type": OrderType.MARKET}, {"quantity": 1}, {"exchange": "CDS"}, {"price": Decimal(-1)}],
)
def test_a_modify_that_says_too_little_is_not_sent(changes):
    with pytest.raises(ValueError):
        modify_request(access(), ORDER_ID, change(**changes))


def test_a_cancel_names_the_order_and_nothing_else():
    prepared = cancel_request(access(), ORDER_ID)
    assert prepared.url.endswith("/open-api/od/v1/orders/cancel")
    assert signed(prepared) == {"brokerOrderId": ORDER_ID}
    for odd in ("", "../1", "1 2", "x" * 65):
        with pytest.raises(ValueError):
            cancel_request(access(), odd)


def test_a_baskets_margin_is_asked_as_documented():
    prepared = basket_request(access(), [request(), request(product=Product.NRML, side=Side.BUY)])
    first, second = signed(prepared)
    (documented,) = json.loads(recorded("04-orders-management__basket-margin__13.json"))
    assert first.keys() == documented.keys()
    assert (first["qty"], first["transType"], first["product"], first["priceType"]) == ("130", "S", "MIS", "L")
    assert (second["transType"], second["product"]) == ("B", "NORMAL")
    margin = margin_of(result("04-orders-management__basket-margin__14.json"))
    assert (margin.required, margin.separate) == (Decimal("113.70"), ())


@pytest.mark.parametrize("said", [b"[]", b'[{"currentOrderMargin":""}]', b'[{"currentOrderMargin":"NaN"}]', b"[{}]"])
def test_a_margin_that_is_no_number_is_refused(said):
    with pytest.raises(BrokerUnavailable, match="aliceblue basket margin"):
        margin_of(said)
