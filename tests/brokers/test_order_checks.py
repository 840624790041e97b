"""What every broker wants of an order before it is sent."""

from decimal import Decimal

import pytest

from brokers.catalog import spec_of
from brokers.orders import check_placeable, check_words, checked_order_id, checked_price, counted
from domain.orders import OrderType, Product, Validity
from tests.brokers.zerodha.cast import request

SPEC = spec_of("zerodha")


def test_an_order_the_spec_takes_passes():
    check_placeable(SPEC, request())
    check_placeable(SPEC, request(exchange="MCX", product=Product.MIS, order_type=OrderType.SL))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_order_id": ""}, "client_order_id"),
        ({"client_order_id": "A" * 21}, "20 characters"),
        ({"client_order_id": "with-dash"}, "with-dash"),
        ({"symbol": ""}, "no symbol"),
        ({"exchange": "NYSE"}, "NYSE"),
        ({"product": Product.CNC}, "CNC LIMIT DAY orders on 'NFO'"),
        ({"exchange": "MCX", "validity": Validity.IOC}, "IOC orders on 'MCX'"),
    ],
)
def test_an_order_the_spec_does_not_take_is_told_why(changes, said):
    with pytest.raises(ValueError, match=said):
        check_placeable(SPEC, request(**changes))


def test_words_are_checked_for_their_exchange():
    check_words(SPEC, "NFO", Validity.IOC)
    with pytest.raises(ValueError, match="Zerodha Kite takes no IOC orders on 'MCX'"):
        check_words(SPEC, "MCX", Validity.IOC)


@pytest.mark.parametrize(("exchange", "quantity", "count"), [("NFO", 130, 130), ("MCX", 130, 2)])
def test_quantities_are_counted_as_the_broker_counts(exchange, quantity, count):
    assert counted(SPEC, request(exchange=exchange, quantity=quantity)) == count


@pytest.mark.parametrize("quantity", [0, -65, 64, 66])
def test_part_of_a_lot_is_no_quantity(quantity):
    with pytest.raises(ValueError, match="lot size 65"):
        counted(SPEC, request(quantity=quantity))


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_price_is_named(value):
    with pytest.raises(ValueError, match="trigger_price"):
        checked_price(Decimal(value), "trigger_price")


@pytest.mark.parametrize("text", ["", "../session", "1/2", "1?x=1", "a b", "1" * 65, "१२३"])
def test_an_id_no_broker_gave_is_refused_with_the_brokers_name(text):
    with pytest.raises(ValueError, match="Zerodha Kite"):
        checked_order_id(SPEC, text)
    assert checked_order_id(SPEC, "1" * 64) == "1" * 64
