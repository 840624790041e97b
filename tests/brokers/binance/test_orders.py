"""Order calls as they go on the wire: signed, under our own client order id, fractions to the last step."""

import hashlib
import hmac
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from brokers.binance.ids import Named, named, order_id
from brokers.binance.orders import cancel_request, modify_request, place_request
from brokers.ccxt_family.signing import signature, signed
from brokers.transport import WireRequest
from domain.orders import OrderChange, OrderType, Side, Validity
from tests.brokers.binance.cast import SECRET, TAG, WISH, access
from tests.shared import ROOT

VECTOR = (
    "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
VECTOR_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
CHANGE = OrderChange(
    order_type=OrderType.LIMIT,
    quantity=300,
    lot_size=1,
    exchange="BINANCE",
    price=Decimal("90999.99"),
    side=Side.BUY,
)


def said(request: WireRequest) -> dict[str, str]:
    """What a request says; its signature must be of exactly that text."""
    text = request.text or urlsplit(request.url).query
    payload, _, proof = text.rpartition("&signature=")
    assert proof == hmac.new(SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return dict(parse_qsl(payload, strict_parsing=True))


def test_the_documentation_s_own_example_gets_its_signature():
    assert signature("binance", VECTOR, secret=SECRET) == VECTOR_SIGNATURE


def test_an_order_says_what_was_asked_for_to_the_last_step_and_tick():
    request = place_request(access(), WISH)
    sent = said(request)
    assert (request.method, request.url) == ("POST", "http://binance.invalid/api/v3/order")
    assert request.headers["X-MBX-APIKEY"] == "key1"
    assert sent.pop("timestamp").isdigit()
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.00250",
        "price": "91000.01",
        "newClientOrderId": TAG,
        "newOrderRespType": "ACK",
        "recvWindow": "5000",
    }


def test_one_step_is_written_out_and_never_as_an_exponent():
    assert said(place_request(access(), replace(WISH, quantity=1)))["quantity"] == "0.00001"


def test_a_stop_and_an_immediate_order():
    stop = replace(WISH, order_type=OrderType.SL, trigger_price=Decimal("90000.5"))
    assert {"type": "STOP_LOSS_LIMIT", "stopPrice": "90000.5"}.items() <= said(place_request(access(), stop)).items()
    assert said(place_request(access(), replace(WISH, validity=Validity.IOC)))["timeInForce"] == "IOC"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbol": "SOLUSDT"}, "not among the account's symbols"),
        ({"exchange": "NSE"}, "takes no"),
        ({"order_type": OrderType.MARKET}, "takes no"),
        ({"quantity": 0}, "lot size"),
        ({"price": Decimal(0)}, "price"),
        ({"client_order_id": "with space"}, "client_order_id"),
    ],
)
def test_what_could_not_be_read_back_or_taken_is_not_sent(change, message):
    with pytest.raises(ValueError, match=message):
        place_request(access(), replace(WISH, **change))


def test_a_pair_of_unknown_step_is_not_sent():
    with pytest.raises(ValueError, match="SOLUSDT"):
        place_request(access(pairs="solusdt, btcusdt"), replace(WISH, symbol="SOLUSDT"))


def test_a_change_puts_another_order_under_the_same_name_only_if_nothing_is_filled():
    request = modify_request(access(), f"BTCUSDT:{TAG}", CHANGE)
    sent = said(request)
    assert request.url.endswith("/api/v3/order/cancelReplace")
    assert {sent[name] for name in ("newClientOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId")} == {TAG}
    assert (sent["cancelReplaceMode"], sent["cancelRestrictions"]) == ("STOP_ON_FAILURE", "ONLY_NEW")
    assert (sent["side"], sent["quantity"], sent["price"]) == ("BUY", "0.00300", "90999.99")


@pytest.mark.parametrize(
    ("broker_order_id", "change"),
    [
        ("BTCUSDT:#28", CHANGE),
        (f"BTCUSDT:{TAG}", replace(CHANGE, side=None)),
        (f"BTCUSDT:{TAG}", replace(CHANGE, price=None)),
        (f"BTCUSDT:{TAG}", replace(CHANGE, order_type=OrderType.MARKET)),
        ("28", CHANGE),
    ],
)
def test_a_change_that_leaves_the_new_order_open_is_not_sent(broker_order_id, change):
    with pytest.raises(ValueError):
        modify_request(access(), broker_order_id, change)


def test_cancels_name_the_order_by_our_id_or_a_stranger_s_by_number():
    ours = said(cancel_request(access(), f"BTCUSDT:{TAG}"))
    assert {"symbol": "BTCUSDT", "origClientOrderId": TAG, "newClientOrderId": TAG}.items() <= ours.items()
    strangers = said(cancel_request(access(), "BTCUSDT:#28"))
    assert strangers["orderId"] == "28"
    assert "origClientOrderId" not in strangers


def test_names_of_orders():
    assert order_id("BTCUSDT", TAG, 28) == f"BTCUSDT:{TAG}"
    assert order_id("BTCUSDT", "x" * 36, 28) == "BTCUSDT:#28"
    assert named("BTCUSDT:#28") == Named("BTCUSDT", number="28")
    assert named(f"BTCUSDT:{TAG}") == Named("BTCUSDT", client_order_id=TAG)
    for odd in ("", "28", "BTCUSDT:", "btcusdt:1", "../order", "BTCUSDT:a b", "BTCUSDT:1&symbol=X"):
        with pytest.raises(ValueError):
            named(odd)


def test_a_secret_nothing_can_be_signed_with_is_told_without_showing_it():
    broken = "-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----"
    for call in (
        lambda: signature("binance", "a=1", secret=broken),
        lambda: signed("binance", "private", "GET", "account", {}, base_url="http://x", key="k", secret=broken),
    ):
        with pytest.raises(ValueError, match="cannot sign") as raised:
            call()
        assert "not a key" not in str(raised.value)


def test_ccxt_is_loaded_only_where_something_is_signed():
    code = "import sys, brokers.connect; print('ccxt' in sys.modules)"
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
