"""What is sent: every field of an order call, and what is refused before the wire."""

from decimal import Decimal

import pytest

from brokers.ibkr.orders import cancel_request, modify_request, place_request, reply_request
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.ibkr.cast import CONID, NAME, ORDER_ID, TAG, access, change, request, said

ROOT = "http://ibkr.test/ibkr/v1/api/iserver"
TICKET = {
    "acctId": NAME,
    "conid": int(CONID),
    "orderType": "LMT",
    "side": "SELL",
    "tif": "DAY",
    "quantity": 130,
    "price": 42.1,
}


def test_a_place_is_one_ticket_with_our_tag():
    prepared = place_request(access(), request())
    assert (prepared.method, prepared.url) == ("POST", f"{ROOT}/account/{NAME}/orders")
    assert prepared.headers["Content-Type"] == "application/json"
    assert said(prepared) == {"orders": [{**TICKET, "cOID": TAG}]}
    assert '"price":42.10' in (prepared.text or "")  # to the last digit, never through a float


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"side": Side.BUY, "validity": Validity.IOC}, {"side": "BUY", "tif": "IOC"}),
        (
            {"order_type": OrderType.SL, "trigger_price": Decimal(43)},
            {"orderType": "STOP_LIMIT", "price": 42.1, "auxPrice": 43},
        ),
        ({"exchange": "NSE", "product": Product.CNC, "lot_size": 1, "quantity": 7}, {"quantity": 7}),
    ],
)
def test_words_prices_and_units_are_ibkrs(changes, fields):
    (ticket,) = said(place_request(access(), request(**changes)))["orders"]
    assert fields.items() <= ticket.items()


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.MARKET},
        {"order_type": OrderType.SL_M},
        {"product": Product.MIS},
        {"product": Product.CNC},
        {"exchange": "NSE"},
        {"exchange": "BFO"},
        {"token": ""},
        {"token": "NIFTY"},
        {"token": "12/34"},
        {"quantity": 66},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"order_type": OrderType.SL},
        {"client_order_id": "x" * 65},
        {"client_order_id": "a-b"},
    ],
)
def test_what_ibkr_cannot_take_is_not_built(changes):
    with pytest.raises(ValueError):
        place_request(access(), request(**changes))


def test_a_modification_repeats_the_order_and_is_no_list():
    prepared = modify_request(access(), ORDER_ID, change())
    assert (prepared.method, prepared.url) == ("POST", f"{ROOT}/account/{NAME}/order/{ORDER_ID}")
    assert said(prepared) == {**TICKET, "quantity": 65, "price": 42.15}


@pytest.mark.parametrize(
    "changes",
    [{"side": None}, {"price": None}, {"token": ""}, {"order_type": OrderType.SL}, {"order_type": OrderType.MARKET}],
)
def test_a_modification_that_leaves_something_out_is_not_built(changes):
    with pytest.raises(ValueError):
        modify_request(access(), ORDER_ID, change(**changes))


def test_a_cancellation_has_no_body():
    prepared = cancel_request(access(), ORDER_ID)
    assert (prepared.method, prepared.url, prepared.text) == ("DELETE", f"{ROOT}/account/{NAME}/order/{ORDER_ID}", None)
    for odd in ("", "../orders", "-1"):
        with pytest.raises(ValueError):
            cancel_request(access(), odd)


def test_a_reply_says_yes_or_no_to_one_question():
    prepared = reply_request(access(), "07a13a5a-4a48-44a5-bb25-5ab37b79186c", confirmed=False)
    assert prepared.url == f"{ROOT}/reply/07a13a5a-4a48-44a5-bb25-5ab37b79186c"
    assert said(prepared) == {"confirmed": False}
    for odd in ("", "--", "../orders", "a b", "ä"):
        with pytest.raises(ValueError):
            reply_request(access(), odd, confirmed=True)
