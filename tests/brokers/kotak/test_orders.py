"""What goes on the wire when an order is placed, changed or cancelled."""

from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.kotak.orders import cancel_request, modify_request, place_request
from domain.broker import SessionLost
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.kotak.cast import ORDER_ID, access, change, real_access, request, said


def test_a_limit_order_is_all_strings_with_our_tag():
    prepared = place_request(real_access(), request())
    assert prepared.url == "https://e43.kotaksecurities.com/quick/order/rule/ms/place"
    assert said(prepared) == {
        "am": "NO",
        "dq": "0",
        "es": "nse_fo",
        "mp": "0",
        "pc": "MIS",
        "pr": "42.1",
        "pt": "L",
        "qt": "130",
        "rt": "DAY",
        "tp": "0",
        "ts": "NIFTY26D0124200CE",
        "tt": "S",
        "ig": "VAYDA000000000000001",
        "os": "NEOTRADEAPI",
    }


def test_a_stop_has_a_trigger_and_a_market_order_has_no_price():
    stop = said(place_request(access(), request(order_type=OrderType.SL, trigger_price=Decimal("41.95"))))
    assert (stop["pt"], stop["pr"], stop["tp"]) == ("SL", "42.1", "41.95")
    market = said(place_request(access(), request(order_type=OrderType.MARKET)))
    assert (market["pt"], market["pr"], market["tp"], market["mp"]) == ("MKT", "0", "0", "0")


def test_commodities_go_out_in_lots():
    crude = request(exchange="MCX", symbol="CRUDEOIL26DECFUT", quantity=300, lot_size=100, product=Product.NRML)
    assert (said(place_request(access(), crude))["es"], said(place_request(access(), crude))["qt"]) == ("mcx_fo", "3")


def test_nothing_is_quoted_twice():
    assert said(place_request(access(), request(symbol="M&M26NOVFUT")))["ts"] == "M&M26NOVFUT"


@pytest.mark.parametrize(
    "changes",
    [
        {"order_type": OrderType.SL_M},
        {"client_order_id": ""},
        {"client_order_id": "x" * 21},
        {"client_order_id": "a b"},
        {"exchange": "CDS"},
        {"exchange": "MCX", "lot_size": 100, "quantity": 100, "validity": Validity.IOC},
        {"exchange": "NFO", "product": Product.CNC},
        {"exchange": "NSE", "product": Product.NRML},
        {"symbol": ""},
        {"quantity": 100},
        {"quantity": 0},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"order_type": OrderType.SL},
    ],
)
def test_what_kotak_cannot_take_is_refused_unsent(changes):
    with pytest.raises(ValueError):
        place_request(access(), request(**changes))


def test_a_change_says_everything_again():
    prepared = modify_request(real_access(), ORDER_ID, change())
    assert prepared.url == "https://e43.kotaksecurities.com/quick/order/vr/modify"
    assert said(prepared) == {
        "am": "NO",
        "dq": "0",
        "mp": "0",
        "no": ORDER_ID,
        "os": "NEOTRADEAPI",
        "pr": "43.05",
        "pt": "L",
        "qt": "130",
        "tp": "0",
        "vd": "DAY",
    }
    stop = change(order_type=OrderType.SL, trigger_price=Decimal(43))
    assert said(modify_request(access(), ORDER_ID, stop))["tp"] == "43"


@pytest.mark.parametrize(
    ("order_id", "changes"),
    [
        (ORDER_ID, {"price": None}),
        (ORDER_ID, {"order_type": OrderType.SL}),
        (ORDER_ID, {"quantity": 1}),
        (ORDER_ID, {"order_type": OrderType.SL_M}),
        ("../orders", {}),
        ("", {}),
    ],
)
def test_a_change_that_lacks_something_is_refused_unsent(order_id, changes):
    with pytest.raises(ValueError):
        modify_request(access(), order_id, change(**changes))


def test_a_cancel_names_the_order():
    prepared = cancel_request(real_access(), ORDER_ID)
    assert prepared.url == "https://e43.kotaksecurities.com/quick/order/cancel"
    assert said(prepared) == {"am": "NO", "on": ORDER_ID}
    with pytest.raises(ValueError):
        cancel_request(real_access(), "x y")


def test_without_a_session_there_is_nothing_to_sign_with():
    lost = real_access("deadbeef")
    for build in (
        lambda: place_request(lost, request(side=Side.BUY)),
        lambda: modify_request(lost, ORDER_ID, change()),
        lambda: cancel_request(lost, ORDER_ID),
    ):
        with pytest.raises(SessionLost, match="kotak"):
            build()
    assert replace(lost, token=real_access().token).session().token == "trade.jwt.1"
