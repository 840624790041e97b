"""Recorded and made-up rows in our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.fyers import mapping, margins
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.fyers.cast import ORDER_ID, access, lot_size_of, order_row, recorded, request, said


def orders(*rows):
    return mapping.orders_of(said(orderBook=list(rows)), lot_size_of)


def one(**changes):
    return orders(order_row(**changes))[0]


def test_the_recorded_order():
    [order] = mapping.orders_of(recorded("order-filter-by-order-id__09.json"), lot_size_of)
    assert (order.broker_order_id, order.exchange, order.symbol) == ("23030900015105", "NSE", "NSE:IDEA-EQ")
    assert (order.quantity, order.filled_quantity, order.average_price) == (1, 1, Decimal("6.95"))
    assert (order.side, order.order_type, order.product) == (Side.SELL, OrderType.LIMIT, "CNC")
    assert (order.status, order.raw_status, order.client_order_id) == (OrderStatus.FILLED, "2", "Ordertag")
    assert order.updated_at == datetime(2023, 3, 9, 4, 4, 38, tzinfo=UTC)


def test_the_recorded_trades():
    fills = mapping.fills_of(recorded("response-attributes-for-each-trade__07.json"), lot_size_of)
    assert (fills[0].broker_order_id, fills[0].exchange_trade_id) == ("120080789075", "120080789075:52605023")
    assert (fills[0].quantity, fills[0].price, fills[0].side) == (10, Decimal("32.7"), Side.BUY)
    assert fills[0].filled_at == datetime(2020, 8, 7, 8, 21, 12, tzinfo=UTC)


def test_the_recorded_position():
    [position] = mapping.positions_of(recorded("response-attributes-overall-positions__11.norm.json"), lot_size_of)
    assert (position.exchange, position.symbol, position.product) == ("MCX", "MCX:SILVERMIC20AUGFUT", "NRML")
    assert (position.quantity, position.average_price, position.last_price) == (1, 71856, 72717)


def test_the_recorded_holdings_and_margin():
    held = mapping.holdings_of(recorded("response-attributes-overall-holdings__05.norm.json"))
    assert [(row.exchange, row.symbol, row.quantity, row.pledged) for row in held] == [
        ("NSE", "NSE:JPASSOCIAT-EQ", 1, 0),
        ("NSE", "NSE:ZEEL-EQ", 1, 0),
    ]
    needed = margins.margin_of(recorded("response-attributes__40.json")).required
    assert needed == Decimal("147738.05634886527")


def test_only_our_own_tag_comes_back():
    assert one().client_order_id == "VAYDA000000000000001"
    for shown in (None, "", "2:Untagged", "1:Untagged", "2:SomethingOfFyers", "VAYDA000000000000001"):
        assert one(orderTag=shown).client_order_id == ""


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": 4}, OrderStatus.OPEN),
        ({"status": 6}, OrderStatus.OPEN),
        ({"status": "6"}, OrderStatus.OPEN),
        ({"type": 4, "stopPrice": 41}, OrderStatus.TRIGGER_PENDING),
        ({"type": 3, "status": 4, "stopPrice": 41}, OrderStatus.TRIGGER_PENDING),
        ({"filledQty": 65, "tradedPrice": 42.1}, OrderStatus.PARTIALLY_FILLED),
        ({"status": 2, "filledQty": 130, "tradedPrice": 42.1}, OrderStatus.FILLED),
        ({"status": 1, "filledQty": 65, "tradedPrice": 42.1}, OrderStatus.CANCELLED),
        ({"status": 5, "message": "RED:Margin Shortfall"}, OrderStatus.REJECTED),
        ({"status": 7}, OrderStatus.EXPIRED),
    ],
)
def test_states(changes, status):
    assert one(**changes).status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 0},
        {"status": 3},
        {"status": 90},
        {"status": "OPEN"},
        {"status": 2, "filledQty": 65},
        {"filledQty": 131},
        {"filledQty": -1},
        {"qty": 0},
        {"qty": 1.5},
        {"limitPrice": "NaN"},
        {"side": 0},
        {"type": 5},
        {"segment": 13},
        {"symbol": "NIFTY26D0124200CE"},
        {"symbol": "NCDEX:X"},
        {"id": ""},
        {"id": None},
        {"productType": ""},
        {"orderDateTime": "yesterday"},
    ],
)
def test_a_row_that_cannot_be_read_makes_the_book_unreadable(changes):
    with pytest.raises(BrokerUnavailable, match="fyers order book"):
        orders(order_row(), order_row(**changes))


def test_a_product_we_do_not_have_keeps_its_name():
    assert [one(productType=name).product for name in ("MARGIN", "INTRADAY", "CNC", "MTF", "CO")] == [
        "NRML",
        "MIS",
        "CNC",
        "MTF",
        "CO",
    ]


def test_commodities_are_counted_in_lots_on_the_wire_and_in_units_here():
    crude = {"symbol": "MCX:CRUDEOIL26DECFUT", "segment": 20, "exchange": 11}
    order = one(**crude, qty=2, filledQty=1, tradedPrice=5400)
    assert (order.exchange, order.quantity, order.filled_quantity) == ("MCX", 200, 100)
    with pytest.raises(BrokerUnavailable):
        one(symbol="MCX:UNHEARD26DECFUT", segment=20)


def position(**changes):
    row = {
        "symbol": "MCX:LEAD26DECFUT",
        "segment": 20,
        "productType": "MARGIN",
        "side": -1,
        "qty": 2,
        "netQty": -2,
        "netAvg": 190.5,
        "ltp": 191.0,
        "qtyMulti_com": 5000,
    } | changes
    return mapping.positions_of(said(netPositions=[row]), lot_size_of)[0]


def test_a_short_commodity_position():
    short = position()
    assert (short.quantity, short.multiplier) == (-10_000, 1)
    assert position(side=0, qty=0, netQty=0).quantity == 0
    for odd in ({"netQty": 2}, {"side": 1}, {"netAvg": "Infinity"}, {"qtyMulti_com": None}):
        with pytest.raises(BrokerUnavailable, match="fyers positions"):
            position(**odd)


def test_a_trade_is_a_fill_of_its_order():
    row = {
        "tradeNumber": "102",
        "orderNumber": ORDER_ID,
        "symbol": "NSE:NIFTY26D0124200CE",
        "segment": 11,
        "side": -1,
        "tradedQty": 65,
        "tradePrice": 42.05,
        "orderDateTime": "20-11-2026 10:00:01",
    }
    [fill] = mapping.fills_of(said(tradeBook=[row]), lot_size_of)
    assert (fill.exchange_trade_id, fill.quantity, fill.price) == (f"{ORDER_ID}:102", 65, Decimal("42.05"))
    assert fill.filled_at == datetime(2026, 11, 20, 4, 30, 1, tzinfo=UTC)
    for odd in ({"tradedQty": 0}, {"tradeNumber": ""}, {"tradePrice": "x"}, {"orderDateTime": ""}, {"side": 2}):
        with pytest.raises(BrokerUnavailable, match="trade book"):
            mapping.fills_of(said(tradeBook=[row | odd]), lot_size_of)


def test_funds_are_both_ledgers_together_and_never_guessed():
    lines = [
        {"id": 1, "title": "Total Balance", "equityAmount": 58.15, "commodityAmount": 10},
        {"id": 2, "title": "Utilized Amount", "equityAmount": 8.15, "commodityAmount": 1},
        {"id": 10, "title": "Available Balance", "equityAmount": 50, "commodityAmount": 9},
    ]
    funds = mapping.funds_of(said(fund_limit=lines))
    assert (funds.available, funds.used, funds.total) == (Decimal(59), Decimal("9.15"), Decimal("68.15"))
    for odd in (lines[:2], [lines[0], lines[2]], [], [lines[1] | {"equityAmount": "NaN"}, lines[2]]):
        with pytest.raises(BrokerUnavailable, match="fyers funds"):
            mapping.funds_of(said(fund_limit=odd))


def test_the_larger_of_two_margins_is_what_a_basket_needs():
    body = {"margin_avail": 1, "margin_total": 100.5, "margin_new_order": 200.5}
    assert margins.margin_of(said(data=body)).required == Decimal("200.5")
    for odd in ({}, body | {"margin_total": "NaN"}, body | {"margin_new_order": None}):
        with pytest.raises(BrokerUnavailable, match="fyers basket margin"):
            margins.margin_of(said(data=odd))


def test_a_book_that_is_no_book_is_an_error():
    for body in (b"{}", said(), said(orderBook={}), said(orderBook=[7]), json.dumps([order_row()]).encode()):
        with pytest.raises(BrokerUnavailable, match="fyers order book"):
            mapping.orders_of(body, lot_size_of)
    assert orders() == []


def test_a_basket_names_every_order_in_turn():
    prepared = margins.basket_request(access(), [request(), request(side=Side.BUY)])
    assert prepared.url == "http://fyers.test/fyers/api/v3/multiorder/margin"
    assert [row["side"] for row in prepared.json["data"]] == [-1, 1]
