"""What goes on the wire of each order call."""

import json
from decimal import Decimal

import pytest

from brokers.mastertrust.orders import cancel_request, modify_request, place_request
from brokers.transport import WireRequest
from domain.orders import OrderType, Product, Side, Validity
from tests.brokers.mastertrust.cast import ORDER_ID, TAG, access, change, recorded, request

TRADED = {
    "exchange": "NSE",
    "symbol": "DISHTV-EQ",
    "token": "NSE|14537",
    "side": Side.BUY,
    "product": Product.CNC,
    "quantity": 1,
    "lot_size": 1,
}


def body(prepared: WireRequest) -> dict[str, object]:
    assert isinstance(prepared.json, dict)
    assert prepared.headers == {"Accept": "application/json", "Authorization": "Bearer token1"}
    return prepared.json


def test_an_order_is_said_as_documented():
    documented = json.loads(recorded("place_order_request"))
    ours = body(place_request(access(), request(**TRADED, price=Decimal("5.5"), client_order_id="5002681")))
    assert ours == documented | {"product": "CNC", "market_protection_percentage": 0}


def test_a_modification_is_said_as_documented():
    documented = json.loads(recorded("modify_order_request"))
    prepared = modify_request(access(), "250328000020616", change(**TRADED, price=Decimal("5.6")))
    assert (prepared.method, prepared.url) == ("PUT", "http://mastertrust.test/mastertrust/api/v1/orders")
    assert body(prepared) == documented | {"instrument_token": "14537", "product": "CNC"}


def test_a_cancellation_names_the_client():
    prepared = cancel_request(access(), ORDER_ID)
    assert prepared.method == "DELETE"
    assert prepared.url == f"http://mastertrust.test/mastertrust/api/v1/orders/{ORDER_ID}"
    assert tuple(prepared.query) == (("client_id", "CLIENT123"),)
    assert (prepared.json, prepared.form, prepared.text) == (None, None, None)


def test_prices_are_numbers_and_a_stop_has_its_trigger():
    stop = request(order_type=OrderType.SL, price=Decimal("43.00"), trigger_price=Decimal("42.95"))
    ours = body(place_request(access(), stop))
    assert (ours["order_type"], ours["price"], ours["trigger_price"]) == ("SL", 43, 42.95)
    limit = body(place_request(access(), request()))
    assert (limit["order_type"], limit["price"], limit["trigger_price"]) == ("LIMIT", 42.1, 0)


def test_a_commoditys_units_are_lots_on_the_wire():
    crude = {"exchange": "MCX", "symbol": "CRUDEOIL26DECFUT", "token": "MCX|463279", "lot_size": 100}
    assert body(place_request(access(), request(**crude, quantity=300, product=Product.NRML)))["quantity"] == 3
    assert body(modify_request(access(), ORDER_ID, change(**crude, quantity=200)))["quantity"] == 2
    with pytest.raises(ValueError, match="lot"):
        place_request(access(), request(**crude, quantity=150, product=Product.NRML))


@pytest.mark.parametrize("tag", ["", "A1", "0123", "1" * 19, "-1", "1.0", "\u0663", "1\n"])
def test_a_tag_is_a_number_of_at_most_eighteen_digits(tag):
    with pytest.raises(ValueError, match="client_order_id"):
        place_request(access(), request(client_order_id=tag))
    assert body(place_request(access(), request()))["user_order_id"] == TAG


@pytest.mark.parametrize(
    "odd",
    [
        {"order_type": OrderType.MARKET},
        {"order_type": OrderType.SL_M, "trigger_price": Decimal(42)},
        {"exchange": "CDS"},
        {"product": Product.CNC},
        {"exchange": "NSE", "token": "NSE|1", "product": Product.NRML},
        {"exchange": "MCX", "token": "MCX|1", "validity": Validity.IOC},
        {"token": "BFO|54452"},
        {"token": "NFO|"},
        {"token": "NFO|5e3"},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
        {"quantity": 0},
        {"quantity": 131},
    ],
)
def test_what_the_broker_cannot_take_is_never_built(odd):
    with pytest.raises(ValueError):
        place_request(access(), request(**odd))


@pytest.mark.parametrize(
    "odd",
    [
        {"side": None},
        {"product": None},
        {"price": None},
        {"token": ""},
        {"order_type": OrderType.MARKET},
        {"product": Product.CNC},
    ],
)
def test_a_modification_says_all_of_the_order_or_nothing(odd):
    with pytest.raises(ValueError):
        modify_request(access(), ORDER_ID, change(**odd))


@pytest.mark.parametrize("order_id", ["", "1/../2", "250328 1", "1?x"])
def test_an_id_the_broker_cannot_have_given_is_never_sent(order_id):
    with pytest.raises(ValueError, match="order id"):
        cancel_request(access(), order_id)
    with pytest.raises(ValueError, match="order id"):
        modify_request(access(), order_id, change())
