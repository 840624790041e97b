"""Upstox's rows in our words, on the documentation's samples."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.lots import unknown_lots
from brokers.upstox.mapping import fills_of, funds_of, holdings_of, latest_of, orders_of, positions_of, socket_order
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.upstox.cast import CRUDE, lot_size_of, order_row, recorded, sample

TRADES = "13m-orders-get-trades__response-200__01.json"
UPDATE = "23-webhook__order-update-example__01.json"
POSITION = {
    "exchange": "NFO",
    "multiplier": 1.0,
    "product": "D",
    "instrument_token": "NSE_FO|52618",
    "average_price": 2.65,
    "quantity": -15,
    "last_price": 1.75,
    "buy_price": 2.65,
    "sell_price": 2.7,
}
HOLDING = {
    "isin": "INE528G01035",
    "exchange": "NSE",
    "instrument_token": "NSE_EQ|INE528G01035",
    "quantity": 36,
    "collateral_quantity": 10,
    "average_price": 18.75,
    "last_price": 17.05,
}


def orders(*rows: object):
    return orders_of(json.dumps(rows).encode(), lot_size_of)


def test_the_documented_update_is_read_as_an_order():
    order = socket_order(recorded(UPDATE), unknown_lots)
    assert order is not None
    assert (order.broker_order_id, order.client_order_id) == ("240221025997024", "")
    assert (order.exchange, order.symbol, order.product) == ("NSE", "NSE_EQ|INE848E01016", "CNC")
    assert (order.side, order.order_type, order.status) == (Side.BUY, OrderType.MARKET, OrderStatus.OPEN)
    assert order.updated_at == datetime(2024, 2, 21, 9, 10, 2, tzinfo=UTC)


def test_an_update_of_something_else_is_no_order():
    assert socket_order(recorded("23-webhook__gtt-order-update-example__02.json"), unknown_lots) is None
    assert socket_order(b'{"update_type":"position","quantity":2}', unknown_lots) is None
    with pytest.raises(BrokerUnavailable, match="upstox order update"):
        socket_order(b'{"update_type":"order","order_id":7}', unknown_lots)


@pytest.mark.parametrize(
    ("changes", "exchange", "product"),
    [
        ({"instrument_token": "NSE_FO|52567", "exchange": "NFO", "product": "D"}, "NFO", "NRML"),
        ({"instrument_token": "BSE_FO|840001", "exchange": "BFO", "product": "I"}, "BFO", "MIS"),
        ({"instrument_token": "BSE_EQ|INE220J01025", "exchange": "BSE", "product": "D"}, "BSE", "CNC"),
        ({"instrument_token": "NSE_EQ|INE062A01020", "exchange": "NSE", "product": "MTF"}, "NSE", "MTF"),
        ({"instrument_token": "NCD_FO|14294", "exchange": "CDS", "product": "D"}, "CDS", "NRML"),
        ({"instrument_token": "151064324", "exchange": "NSE", "product": "D"}, "NSE", "CNC"),
    ],
)
def test_the_key_says_where_a_contract_is_listed_and_what_delivery_means_there(changes, exchange, product):
    (order,) = orders(order_row(**changes))
    assert (order.exchange, order.product, order.symbol) == (exchange, product, changes["instrument_token"])


def test_commodities_count_lots_of_the_contract():
    changes = {"instrument_token": CRUDE, "exchange": "MCX", "product": "D", "quantity": 3, "filled_quantity": 2}
    (order,) = orders(order_row(**changes, status="open", order_type="LIMIT"))
    assert (order.quantity, order.filled_quantity) == (300, 200)
    row = {**POSITION, "instrument_token": CRUDE, "exchange": "MCX", "quantity": -3, "multiplier": 100.0}
    (position,) = positions_of(json.dumps([row]).encode(), lot_size_of)
    assert (position.quantity, position.multiplier) == (-300, 1)
    with pytest.raises(BrokerUnavailable, match="row 0"):
        orders_of(json.dumps([order_row(**changes)]).encode(), unknown_lots)


def test_a_rejection_tells_what_the_client_and_what_the_risk_system_was_told():
    told = {"status_message": "You need to add Rs. 100 in your account.", "status_message_raw": "RMS:Margin Exceeds"}
    (order,) = orders(order_row(status="rejected", **told))
    assert order.reason == "You need to add Rs. 100 in your account. | RMS:Margin Exceeds"
    (once,) = orders(order_row(status="rejected", status_message="16283", status_message_raw="16283"))
    assert once.reason == "16283"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "hovering"},
        {"status": "complete", "quantity": 2, "filled_quantity": 1},
        {"filled_quantity": 2},
        {"filled_quantity": -1},
        {"order_id": " "},
        {"instrument_token": ""},
        {"transaction_type": "HOLD"},
        {"order_type": "ICEBERG"},
        {"quantity": 1.5},
        {"price": None},
        {"price": "twelve"},
        {"order_timestamp": "yesterday"},
    ],
)
def test_a_row_that_is_not_what_is_documented_spoils_the_book(changes):
    with pytest.raises(BrokerUnavailable, match="upstox order book"):
        orders(order_row(order_id="1"), order_row(**changes))


def test_a_trade_of_the_documentation_is_a_fill():
    (fill,) = fills_of(json.dumps(sample(TRADES)["data"]).encode(), unknown_lots)
    assert (fill.broker_order_id, fill.exchange_trade_id) == ("221013001021539", "221013001021539:50091502")
    assert (fill.exchange, fill.symbol, fill.quantity, fill.price) == ("NSE", "151064324", 1, Decimal("299.4"))
    assert fill.filled_at == datetime(2017, 8, 3, 9, 33, 42, tzinfo=UTC)


def test_a_trade_may_be_stamped_year_first_and_not_at_all_is_refused():
    def fills(stamp: str):
        row = {**sample(TRADES)["data"][0], "exchange_timestamp": stamp, "order_timestamp": None}
        return fills_of(json.dumps([row]).encode(), unknown_lots)

    (fill,) = fills("2023-10-19 13:25:13")
    assert fill.filled_at == datetime(2023, 10, 19, 7, 55, 13, tzinfo=UTC)
    for odd in ("03-Foo-2017 15:03:42", "2023-10-19 25:25:13", ""):
        with pytest.raises(BrokerUnavailable, match="upstox trade book"):
            fills(odd)


def test_a_position_is_signed_units():
    (position,) = positions_of(json.dumps([POSITION]).encode(), unknown_lots)
    assert (position.exchange, position.symbol, position.product) == ("NFO", "NSE_FO|52618", "NRML")
    assert (position.quantity, position.average_price, position.multiplier) == (-15, Decimal("2.65"), 1)


@pytest.mark.parametrize(("quantity", "average"), [(15, "2.65"), (-15, "2.7"), (0, "0")])
def test_a_position_without_an_average_has_that_of_the_side_it_holds(quantity, average):
    row = {**POSITION, "average_price": None, "quantity": quantity}
    (position,) = positions_of(json.dumps([row]).encode(), unknown_lots)
    assert position.average_price == Decimal(average)
    bare = {**row, "buy_price": None, "sell_price": None, "quantity": 1}
    with pytest.raises(BrokerUnavailable, match="average_price"):
        positions_of(json.dumps([bare]).encode(), unknown_lots)


def test_holdings_and_what_of_them_is_pledged():
    (holding,) = holdings_of(json.dumps([HOLDING]).encode())
    assert (holding.exchange, holding.quantity, holding.pledged) == ("NSE", 36, 10)
    assert holdings_of(b"[]") == []


def test_funds_are_those_of_both_segments():
    data = sample("10b-user-get-fund-margin__response-structure__01.json")["data"]
    assert funds_of(json.dumps(data).encode()).total == 0
    data["equity"] |= {"available_margin": 1000.5, "used_margin": 200}
    data["commodity"]["available_margin"] = 10
    funds = funds_of(json.dumps(data).encode())
    assert (funds.available, funds.used, funds.total) == (Decimal("1010.5"), 200, Decimal("1210.5"))
    alone = funds_of(json.dumps({"equity": data["equity"]}).encode())
    assert alone.available == Decimal("1000.5")


def test_of_an_orders_states_the_final_one_stands_wherever_it_is_listed():
    first, last = order_row(status="put order req received"), order_row(status="rejected")
    other = order_row(order_id="2", status="open", order_type="LIMIT")
    for listed in ([first, last, other], [other, last, first]):
        found = {order.broker_order_id: order.status for order in latest_of(orders(*listed))}
        assert found == {"240221025997024": OrderStatus.REJECTED, "2": OrderStatus.OPEN}
