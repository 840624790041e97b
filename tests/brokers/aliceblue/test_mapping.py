"""Recorded rows in our words, and rows that are refused by name."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.aliceblue.mapping import fills_of, funds_of, holdings_of, oldest_first, orders_of, positions_of
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.aliceblue.cast import lot_size_of, result, row

BOOK = "04-orders-management__order-book__03.json"
HISTORY = "04-orders-management__order-history__05.json"
TRADES = "04-orders-management__trade-book__10.json"
POSITIONS = "03-portfolio__positions__02.json"
HOLDINGS = "03-portfolio__holdings__01.json"
LIMITS = "07-funds__get-limits__01.json"

CRUDE = {"exchange": "MCX", "tradingSymbol": "CRUDEOIL18DEC26", "formattedInstrumentName": "CRUDEOIL 18 DEC"}


def order(**changes):
    (found,) = orders_of(row(BOOK, **changes), lot_size_of)
    return found


def test_the_recorded_order_is_rejected_for_its_tick():
    found = order()
    assert (found.broker_order_id, found.client_order_id, found.status) == (
        "25071400112229",
        "",
        OrderStatus.REJECTED,
    )
    assert (found.exchange, found.symbol, found.side, found.product) == ("NSE", "ACC-EQ", Side.BUY, "CNC")
    assert (found.quantity, found.filled_quantity, found.price) == (30, 0, Decimal("1120.15"))
    assert found.reason == "ORA:Price 1120.15 is not a multiple of tick size 0.10"
    assert (found.order_type, found.updated_at) == (OrderType.LIMIT, None)


def test_book_and_history_name_a_stock_alike():
    assert orders_of(result(BOOK), lot_size_of) == orders_of(result(HISTORY), lot_size_of)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"orderStatus": "OPEN"}, OrderStatus.OPEN),
        ({"orderStatus": "open"}, OrderStatus.OPEN),
        ({"orderStatus": "PENDING"}, OrderStatus.OPEN),
        ({"orderStatus": "trigger pending", "orderType": "SL"}, OrderStatus.TRIGGER_PENDING),
        ({"orderStatus": "TRIGGER_PENDING", "orderType": "SL"}, OrderStatus.TRIGGER_PENDING),
        ({"orderStatus": "PENDING", "orderType": "SLM"}, OrderStatus.TRIGGER_PENDING),
        ({"orderStatus": "OPEN", "orderType": "SL"}, OrderStatus.OPEN),
        ({"orderStatus": "OPEN", "filledQuantity": 10}, OrderStatus.PARTIALLY_FILLED),
        ({"orderStatus": "COMPLETE", "filledQuantity": 30}, OrderStatus.FILLED),
        ({"orderStatus": "CANCELLED", "filledQuantity": 10}, OrderStatus.CANCELLED),
    ],
)
def test_statuses_have_one_meaning(changes, expected):
    assert order(**changes).status is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"orderStatus": "SOMETHING"},
        {"orderStatus": "COMPLETE", "filledQuantity": 29},
        {"filledQuantity": 31},
        {"filledQuantity": -1},
        {"quantity": 0},
        {"quantity": "30"},
        {"transactionType": "HOLD"},
        {"orderType": "ICEBERG"},
        {"brokerOrderId": ""},
        {"brokerOrderId": ...},
        {"tradingSymbol": " "},
        {"exchange": "MCX", "tradingSymbol": "NOBODYS"},
        {"price": "NaN"},
        {"orderTime": "yesterday"},
    ],
)
def test_a_malformed_order_is_refused_by_name(changes):
    with pytest.raises(BrokerUnavailable, match="aliceblue order book"):
        order(**changes)


def test_a_commodity_counts_lots():
    found = order(**CRUDE, orderStatus="OPEN", quantity=3, filledQuantity=1)
    assert (found.quantity, found.filled_quantity) == (300, 100)


@pytest.mark.parametrize(
    ("code", "product"),
    [("INTRADAY", "MIS"), ("MIS", "MIS"), ("NORMAL", "NRML"), ("NRML", "NRML"), ("CNC", "CNC"), ("MTF", "MTF")],
)
def test_products_have_many_names(code, product):
    assert order(product=code).product == product


@pytest.mark.parametrize("text", ["2025-05-26 14:27:43", "26-May-2025 14:27:43", "14:27:43 26-05-2025"])
def test_times_are_indian_in_any_recorded_form(text):
    assert order(exchangeUpdateTime=text).updated_at == datetime(2025, 5, 26, 8, 57, 43, tzinfo=UTC)


def test_a_tag_comes_back_and_two_dashes_are_none():
    assert order(orderTag="VAYDA1").client_order_id == "VAYDA1"
    assert order(orderTag="--").client_order_id == ""
    assert order(orderTag=None).client_order_id == ""


def test_the_recorded_trade_is_a_fill():
    (fill,) = fills_of(result(TRADES), lot_size_of)
    assert (fill.broker_order_id, fill.exchange_trade_id) == ("250526000005634", "250526000005634:207745115")
    assert (fill.exchange, fill.symbol, fill.side) == ("NSE", "IDEA-EQ", Side.BUY)
    assert (fill.quantity, fill.price) == (1, Decimal("6.95"))
    assert fill.filled_at == datetime(2025, 5, 26, 8, 57, 43, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"filledQuantity": 0},
        {"exchangeTradeId": ""},
        {"fillTimestamp": "", "orderTime": "--"},
        {"transactionType": "B"},
        {"tradedPrice": "NaN"},
    ],
)
def test_a_malformed_trade_is_refused_by_name(changes):
    with pytest.raises(BrokerUnavailable, match="aliceblue trade book"):
        fills_of(row(TRADES, **changes), lot_size_of)


def test_the_recorded_position():
    (position,) = positions_of(result(POSITIONS), lot_size_of)
    assert (position.exchange, position.symbol, position.product) == ("NSE", "IDEA-EQ", "CNC")
    assert (position.quantity, position.average_price, position.multiplier) == (1, Decimal("7.69"), 1)
    assert position.last_price == 0


@pytest.mark.parametrize(
    ("net", "lotsize", "multiplier", "units"),
    [(-2, 1, 100, -200), (-200, 100, 1, -200)],
)
def test_a_commoditys_position_is_told_by_its_lotsize(net, lotsize, multiplier, units):
    data = row(POSITIONS, **CRUDE, netQuantity=net, lotsize=lotsize, multiplier=multiplier)
    (position,) = positions_of(data, lot_size_of)
    assert (position.quantity, position.multiplier) == (units, 1)


def test_a_position_that_fits_no_lot_is_refused():
    with pytest.raises(BrokerUnavailable, match="aliceblue positions"):
        positions_of(row(POSITIONS, **CRUDE, netQuantity=150, lotsize=100, multiplier=1), lot_size_of)


def test_the_recorded_holding_and_limits():
    (holding,) = holdings_of(result(HOLDINGS))
    assert (holding.exchange, holding.symbol, holding.quantity, holding.pledged) == ("NSE", "IDEA-EQ", 36, 0)
    assert (holding.average_price, holding.last_price) == (Decimal("7.17"), Decimal("8.12"))
    (only_bse,) = holdings_of(row(HOLDINGS, nseTradingSymbol=None, totalQuantity=5))
    assert (only_bse.exchange, only_bse.symbol, only_bse.quantity) == ("BSE", "IDEA", 5)
    funds = funds_of(result(LIMITS))
    assert (funds.available, funds.used, funds.total) == (50, 0, 50)


def test_money_in_use_and_on_its_way_out_is_not_free():
    funds = funds_of(row(LIMITS, utilizedMargin=20.5, blockedForPayout=10, intradayPayin=5, collateralMargin=1000))
    assert (funds.available, funds.used, funds.total) == (Decimal("24.5"), Decimal("20.5"), 45)
    for odd in (b"[]", row(LIMITS, openingCashLimit=...), row(LIMITS, openingCashLimit="NaN")):
        with pytest.raises(BrokerUnavailable, match="aliceblue limits"):
            funds_of(odd)


def test_a_history_is_told_oldest_first_whichever_way_round_it_came():
    at = "26-May-2025 14:27:43"
    states = [
        order(orderStatus="PENDING", exchangeUpdateTime=at),
        order(orderStatus="OPEN", exchangeUpdateTime=at),
        order(orderStatus="CANCELLED", exchangeUpdateTime=at),
    ]
    assert oldest_first(states) == states
    assert oldest_first(states[::-1]) == states
    assert oldest_first([]) == []
    later = [states[1], order(orderStatus="OPEN", exchangeUpdateTime="26-May-2025 14:27:44")]
    assert oldest_first(later[::-1]) == later
