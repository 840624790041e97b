"""Recorded and made-up rows in our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.noren import mapping
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.noren.cast import ORDER_ID, SPEC, encoded, lot_size_of, order_row, recorded


def orders(*rows):
    return mapping.orders_of(SPEC, encoded(*rows), lot_size_of)


def one(**changes):
    return orders(order_row(**changes))[0]


def test_the_recorded_order():
    [order] = mapping.orders_of(SPEC, recorded("03-orders__response__04.json"), lot_size_of)
    assert (order.broker_order_id, order.exchange, order.symbol) == ("20121300065716", "NSE", "ACCELYA-EQ")
    assert (order.quantity, order.filled_quantity, order.average_price) == (180, 180, Decimal("800.00"))
    assert (order.side, order.order_type, order.product) == (Side.BUY, OrderType.LIMIT, "NRML")
    assert (order.status, order.raw_status) == (OrderStatus.FILLED, "COMPLETE")
    assert order.client_order_id == "WC TEST Order"
    assert order.updated_at == datetime(2020, 12, 13, 14, 29, 32, tzinfo=UTC)


def test_the_recorded_position_names_its_product_oddly():
    [position] = mapping.positions_of(SPEC, recorded("03-orders__response__05.json"), lot_size_of)
    assert (position.symbol, position.product, position.quantity, position.multiplier) == ("ACC-EQ", "CNC", 0, 1)


def test_the_recorded_limits_and_holdings():
    funds = mapping.funds_of(SPEC, recorded("05-holdings-and-limits__response__02.json"))
    assert funds.used == Decimal("3945540.00")
    assert funds.available + funds.used == funds.total == Decimal("1500000000000000.00")
    [holding] = mapping.holdings_of(SPEC, recorded("05-holdings-and-limits__response__01.json"))
    assert (holding.exchange, holding.symbol, holding.quantity, holding.pledged) == ("NSE", "ABB-EQ", 2000000, 200)


def test_the_tag_comes_back():
    assert one().client_order_id == "VAYDA000000000000001"
    assert one(remarks=None).client_order_id == ""


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "PENDING"}, OrderStatus.OPEN),
        ({"status": "REPLACED"}, OrderStatus.OPEN),
        ({"status": "PENDING", "prctyp": "SL-LMT", "trgprc": "41.00"}, OrderStatus.TRIGGER_PENDING),
        ({"status": "Trigger_Pending", "prctyp": "SL-LMT"}, OrderStatus.TRIGGER_PENDING),
        ({"status": "OPEN", "prctyp": "SL-LMT"}, OrderStatus.OPEN),
        ({"fillshares": "65", "avgprc": "42.10"}, OrderStatus.PARTIALLY_FILLED),
        ({"status": "CANCELED", "fillshares": "65", "cancelqty": "65"}, OrderStatus.CANCELLED),
        ({"status": "CANCELED", "fillshares": None, "cancelqty": "130"}, OrderStatus.CANCELLED),
        ({"status": "REJECTED", "fillshares": None, "rejreason": "RED:RULE"}, OrderStatus.REJECTED),
        ({"fillshares": None, "avgprc": None}, OrderStatus.OPEN),
    ],
)
def test_states(changes, status):
    assert one(**changes).status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SOMETHING"},
        {"status": "COMPLETE", "fillshares": "65"},
        {"status": "COMPLETE", "fillshares": None},
        {"status": "CANCELED", "fillshares": None},
        {"status": "CANCELED", "fillshares": None, "cancelqty": "65"},
        {"fillshares": "131"},
        {"fillshares": "-1"},
        {"qty": "0"},
        {"qty": "1.5"},
        {"qty": "many"},
        {"prc": "NaN"},
        {"trantype": "X"},
        {"prctyp": "DS"},
        {"norenordno": ""},
        {"tsym": None},
        {"prd": " "},
        {"norentm": "yesterday"},
    ],
)
def test_a_row_that_cannot_be_read_makes_the_book_unreadable(changes):
    with pytest.raises(BrokerUnavailable, match="flattrade order book"):
        orders(order_row(), order_row(**changes))


def test_a_trade_is_a_fill_of_its_order():
    row = order_row(flid="102", flqty="65", flprc="42.05", fltm="01-01-1980 00:00:00", exch_tm="00:00:00 01-01-1980")
    [fill] = mapping.fills_of(SPEC, encoded(row), lot_size_of)
    assert (fill.exchange_trade_id, fill.quantity, fill.price) == (f"{ORDER_ID}:102", 65, Decimal("42.05"))
    assert fill.filled_at == datetime(2020, 12, 13, 14, 29, 32, tzinfo=UTC)
    [fill] = mapping.fills_of(SPEC, encoded(row | {"fltm": "20-11-2026 10:00:01"}), lot_size_of)
    assert fill.filled_at == datetime(2026, 11, 20, 4, 30, 1, tzinfo=UTC)
    for odd in ({"flqty": "0"}, {"flid": ""}, {"flprc": "x"}, {"fltm": "", "exch_tm": "", "norentm": ""}):
        with pytest.raises(BrokerUnavailable, match="trade book"):
            mapping.fills_of(SPEC, encoded(row | odd), lot_size_of)


def crude(**changes):
    return order_row(**{"exch": "MCX", "tsym": "CRUDEOIL18DEC26", "qty": "2", "ls": "1"} | changes)


def test_commodities_count_lots_unless_their_row_says_parts_of_one():
    assert orders(crude())[0].quantity == 200
    assert orders(crude(qty="200", ls="100"))[0].quantity == 200
    assert orders(crude(qty="5", ls="5", tsym="LEAD31DEC26"))[0].quantity == 5000
    assert orders(crude(tsym="SOMEBODYS", ls="100"))[0].quantity == 2
    for odd in ({"qty": "2", "ls": "100"}, {"ls": "30"}, {"ls": "0"}, {"ls": "0.5"}, {"tsym": "NOSUCH"}):
        with pytest.raises(BrokerUnavailable):
            orders(crude(**odd))


def test_a_commodity_position_is_signed_units_with_the_rupees_of_one():
    row = {"exch": "MCX", "tsym": "CRUDEOIL18DEC26", "netqty": "-2", "netavgprc": "5400", "lp": "5410", "prd": "M"}
    for ls, quantity, factor, multiplier in (("1", "-2", "100.000000", 1), ("100", "-200", "1.000000", 1)):
        shown = row | {"ls": ls, "netqty": quantity, "prcftr": factor}
        [position] = mapping.positions_of(SPEC, encoded(shown), lot_size_of)
        assert (position.quantity, position.multiplier) == (-200, multiplier)


def test_a_pushed_update_is_an_order():
    update = order_row(
        t="om", reporttype="Fill", status="COMPLETE", fillshares="130", avgprc="42.1", stat=None, rpt=None
    )
    order = mapping.socket_order(SPEC, json.dumps(update).encode(), lot_size_of)
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, 130)
    with pytest.raises(BrokerUnavailable, match="order update"):
        mapping.socket_order(SPEC, b'{"t":"om"}', lot_size_of)
