"""What is sent: every field of an order call, and what is refused before the wire."""

from decimal import Decimal

import pytest

from brokers.noren.orders import cancel_request, modify_request, place_request
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.noren.cast import ORDER_ID, access, change, request, said


def test_a_place_says_everything_in_strings():
    prepared = place_request(access(), request())
    assert (prepared.method, prepared.url) == ("POST", "http://noren.test/flattrade/PiConnectAPI/PlaceOrder")
    assert prepared.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert said(prepared) == {
        "uid": "FT0001",
        "actid": "FT0001",
        "exch": "NFO",
        "tsym": "NIFTY01DEC26C24200",
        "qty": "130",
        "prc": "42.1",
        "dscqty": "0",
        "prd": "I",
        "trantype": "S",
        "prctyp": "LMT",
        "ret": "DAY",
        "remarks": "VAYDA000000000000001",
        "ordersource": "API",
    }
    assert "token1" not in repr(prepared)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"side": Side.BUY, "product": Product.NRML}, {"trantype": "B", "prd": "M"}),
        ({"exchange": "NSE", "symbol": "X-EQ", "lot_size": 1, "product": Product.CNC}, {"prd": "C", "qty": "130"}),
        ({"order_type": OrderType.SL, "trigger_price": Decimal("41")}, {"prctyp": "SL-LMT", "trgprc": "41"}),
        ({"validity": Validity.IOC}, {"ret": "IOC"}),
        ({"algo_id": "A1"}, {"algo_id": "A1"}),
        ({"exchange": "MCX", "quantity": 200, "lot_size": 100}, {"qty": "2"}),
        ({"price": Decimal("1E+2")}, {"prc": "100"}),
        ({"price": Decimal("104.9500")}, {"prc": "104.95"}),
    ],
)
def test_words_and_units(changes, fields):
    assert said(place_request(access(), request(**changes))).items() >= fields.items()


def test_a_symbol_with_an_ampersand_survives_the_body():
    prepared = place_request(access(), request(symbol="M&M24NOV26F", quantity=200, lot_size=200))
    assert said(prepared)["tsym"] == "M&M24NOV26F"
    assert prepared.text.count("&") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": ""},
        {"client_order_id": "x" * 21},
        {"client_order_id": "with-dash"},
        {"exchange": "CDS"},
        {"symbol": ""},
        {"order_type": OrderType.MARKET},
        {"order_type": OrderType.SL_M},
        {"product": Product.CNC},
        {"exchange": "MCX", "validity": Validity.IOC, "quantity": 100, "lot_size": 100},
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


def test_a_modify_repeats_the_order():
    fields = said(modify_request(access(), ORDER_ID, change()))
    assert (
        fields.items()
        >= {
            "norenordno": ORDER_ID,
            "exch": "NFO",
            "tsym": "NIFTY01DEC26C24200",
            "qty": "130",
            "prctyp": "LMT",
            "prc": "43.05",
            "ret": "DAY",
        }.items()
    )


@pytest.mark.parametrize(
    "changes", [{"symbol": ""}, {"price": None}, {"order_type": OrderType.MARKET}, {"quantity": 1}, {"exchange": "CDS"}]
)
def test_a_modify_that_says_too_little_is_not_sent(changes):
    with pytest.raises(ValueError):
        modify_request(access(), ORDER_ID, change(**changes))


def test_a_cancel_names_the_order_and_nothing_else():
    assert said(cancel_request(access(), ORDER_ID)) == {"uid": "FT0001", "norenordno": ORDER_ID, "ordersource": "API"}
    for odd in ("", "../1", "1 2", "x" * 65):
        with pytest.raises(ValueError):
            cancel_request(access(), odd)
