"""Kotak's documented rows in our words, and rows that are refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.kotak import mapping
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.kotak.cast import DOCS, V3, encoded, lot_size_of, order_row, recorded, rows

D = Decimal
POSITIONS = f"{V3}/functions-portfolio-positions__sample-response__01.json"


def orders(*found):
    return mapping.orders_of(encoded(*found), lot_size_of)


def position(**changes):
    row = {
        "exSeg": "nse_fo",
        "trdSym": "TCS26JULFUT",
        "prod": "NRML",
        "flBuyQty": "0",
        "flSellQty": "0",
        "cfBuyQty": "0",
        "cfSellQty": "0",
        "buyAmt": "0.00",
        "sellAmt": "0.00",
        "cfBuyAmt": "0.00",
        "cfSellAmt": "0.00",
        "lotSz": "225",
        "multiplier": "1",
    }
    changed = {name: value for name, value in (row | changes).items() if value is not None}
    return mapping.positions_of(encoded(changed), lot_size_of)[0]


def test_the_recorded_order_book():
    (order,) = mapping.orders_of(rows(f"{V3}/functions-orders-order-report__sample-response__01.json"), lot_size_of)
    assert (order.broker_order_id, order.client_order_id) == ("250122000612876", "")
    assert (order.exchange, order.symbol, order.side) == ("NSE", "IDEA-EQ", Side.BUY)
    assert (order.quantity, order.filled_quantity, order.average_price) == (1, 0, D(0))
    assert (order.order_type, order.price, order.trigger_price) == (OrderType.LIMIT, D("9.39"), D(0))
    assert (order.status, order.raw_status, order.reason, order.product) == (OrderStatus.OPEN, "open", "", "NRML")
    assert order.updated_at == datetime(2025, 1, 22, 8, 58, 1, tzinfo=UTC)


def test_the_recorded_history_is_newest_first_and_ends_filled():
    inner = recorded(f"{V3}/functions-orders-order-history__sample-response__01.json")
    data = json.loads(inner)["data"]["data"]
    states = mapping.orders_of(encoded(*data), lot_size_of)
    assert [one.raw_status for one in states] == [
        "complete",
        "open",
        "open pending",
        "validation pending",
        "put order req received",
    ][: len(states)]
    assert states[0].status is OrderStatus.FILLED
    assert (states[0].filled_quantity, states[0].average_price) == (1, D("9.39"))
    assert states[0].updated_at == datetime(2025, 1, 22, 9, 3, 1, tzinfo=UTC)
    assert {one.status for one in states[1:]} == {OrderStatus.OPEN}


def test_the_recorded_trade_book_has_its_quantity_in_fld_qty():
    first, second = mapping.fills_of(rows(f"{V3}/functions-orders-trade-report__sample-response__01.json"), lot_size_of)
    assert (first.broker_order_id, first.exchange_trade_id) == ("250122000612876", "250122000612876:207983744")
    assert (first.exchange, first.symbol, first.side, first.quantity, first.price) == (
        "NSE",
        "IDEA-EQ",
        Side.BUY,
        1,
        D("9.39"),
    )
    assert first.filled_at == datetime(2025, 1, 22, 8, 58, 16, tzinfo=UTC)
    assert second.exchange_trade_id != first.exchange_trade_id


def test_the_recorded_positions():
    (held,) = mapping.positions_of(rows(POSITIONS), lot_size_of)
    assert (held.exchange, held.symbol, held.product) == ("NFO", "TCS26JULFUT", "NRML")
    assert (held.quantity, held.average_price, held.multiplier) == (225, D(2112), D(1))


def test_a_truncated_position_is_believed_only_as_far_as_its_own_net_confirms_it():
    (held,) = mapping.positions_of(rows(f"{DOCS}/07-portfolio-positions__5-response__01.json"), lot_size_of)
    assert (held.symbol, held.quantity, held.average_price) == ("AXISBANK-EQ", 9, D("5862.90") / 9)
    with pytest.raises(BrokerUnavailable, match="kotak positions: row 0: qty 8"):
        position(flBuyQty="9", cfBuyQty=None, qty="8")
    with pytest.raises(BrokerUnavailable, match="kotak positions"):
        position(flBuyQty="9", cfBuyQty=None)


@pytest.mark.parametrize(
    ("changes", "quantity", "average"),
    [
        ({"cfBuyQty": "450", "cfBuyAmt": "900000", "flSellQty": "225", "sellAmt": "500000"}, 225, D(2000)),
        ({"cfSellQty": "225", "cfSellAmt": "450000", "flSellQty": "225", "sellAmt": "460000"}, -450, D(910000) / 450),
        ({"flBuyQty": "225", "buyAmt": "450000", "cfBuyQty": "225", "cfBuyAmt": "440000"}, 450, D(890000) / 450),
        ({"flBuyQty": "225", "buyAmt": "1", "flSellQty": "225", "sellAmt": "2"}, 0, D(0)),
    ],
)
def test_what_was_carried_counts_on_its_side(changes, quantity, average):
    held = position(**changes)
    assert (held.quantity, held.average_price) == (quantity, average)


def test_commodities_count_lots_unless_a_row_shows_a_lot_of_its_own():
    in_lots = {"exSeg": "mcx_fo", "trdSym": "CRUDEOIL26DECFUT", "lotSz": "1", "multiplier": "100", "flBuyQty": "3"}
    held = position(**in_lots, buyAmt="1620000", ltp="5400.00")
    assert (held.quantity, held.average_price, held.last_price, held.multiplier) == (300, D(5400), D(5400), D(1))
    in_units = {**in_lots, "lotSz": "100", "multiplier": "1", "flBuyQty": "300"}
    held = position(**in_units, buyAmt="1620000")
    assert (held.quantity, held.average_price, held.multiplier) == (300, D(5400), D(1))
    gold = {
        "exSeg": "mcx_fo",
        "trdSym": "GOLD26DECFUT",
        "lotSz": "1",
        "multiplier": "1000",
        "genNum": "1",
        "genDen": "10",
    }
    held = position(**gold, flSellQty="1", sellAmt="12000000")
    assert (held.quantity, held.average_price, held.multiplier) == (-1000, D(120000), D("0.1"))
    with pytest.raises(BrokerUnavailable, match="its lot 100"):
        position(**{**in_units, "flBuyQty": "250"})


def test_the_recorded_holdings_and_limits():
    (held,) = mapping.holdings_of(rows(f"{V3}/functions-portfolio-holdings__sample-response__01.json"))
    assert (held.exchange, held.symbol, held.quantity, held.average_price) == ("NSE", "IDEA", 35, D("9.5699"))
    (other,) = mapping.holdings_of(rows(f"{DOCS}/08-portfolio-holdings__5-response__01.json"))
    assert (other.symbol, other.last_price) == ("ITBEES", D("39.36"))
    funds = mapping.funds_of(recorded(f"{DOCS}/09-portfolio-limits__5-response__01.json"))
    assert (funds.available, funds.used, funds.total) == (D("10157.08"), D("40.4"), D("10197.48"))


def test_the_recorded_update_shows_what_it_shows():
    data = json.loads(recorded(f"{DOCS}/13-order-position-streaming-websocket__6-order-updates-type-order__02.json"))[
        "data"
    ]
    order = mapping.pushed_order(encoded(data)[1:-1], lot_size_of)
    assert (order.broker_order_id, order.status, order.filled_quantity) == ("260216000308219", OrderStatus.FILLED, 1)
    assert (order.symbol, order.client_order_id, order.price) == ("ITBEES", "", D(0))
    assert order.updated_at == datetime(2026, 2, 16, 6, 59, 31, tzinfo=UTC)
    full = mapping.pushed_order(encoded(order_row())[1:-1], lot_size_of)
    assert (full.symbol, full.client_order_id) == ("NIFTY26D0124200CE", "VAYDA000000000000001")


@pytest.mark.parametrize(
    "changes",
    [
        {"nOrdNo": ""},
        {"trdSym": None},
        {"prc": None},
        {"trgPrc": None},
        {"prc": "NaN"},
        {"avgPrc": "--"},
        {"qty": 0},
        {"qty": -5},
        {"fldQty": 131},
        {"fldQty": -1},
        {"fldQty": None},
        {"exSeg": "cde_fo"},
        {"trnsTp": "BUY"},
        {"prcTp": "2L"},
        {"ordSt": "on its way"},
        {"ordSt": ""},
        {"ordSt": "complete", "fldQty": 65},
        {"hsUpTm": "tomorrow"},
        {"exSeg": "mcx_fo", "trdSym": "NOBODYKNOWS", "lotSz": "1"},
    ],
)
def test_a_malformed_order_is_refused_by_name(changes):
    with pytest.raises(BrokerUnavailable, match="kotak order book"):
        orders(order_row(**changes))


def test_what_was_filled_before_a_cancel_is_kept_and_a_stop_waits():
    cancelled, stop, market = orders(
        order_row(ordSt="cancelled", fldQty=65, avgPrc="42.05"),
        order_row(ordSt="open pending", prcTp="SL", trgPrc="50.00"),
        order_row(ordSt="open", prcTp="SL", trgPrc="50.00"),
    )
    assert (cancelled.status, cancelled.filled_quantity) == (OrderStatus.CANCELLED, 65)
    assert (stop.status, market.status) == (OrderStatus.TRIGGER_PENDING, OrderStatus.OPEN)


@pytest.mark.parametrize("changes", [{"fldQty": 0}, {"flId": ""}, {"flTm": ""}, {"avgPrc": "x"}, {"flDt": "NA"}])
def test_a_malformed_fill_is_refused_by_name(changes):
    row = {"nOrdNo": "1", "flId": "2", "exSeg": "nse_fo", "trdSym": "X", "trnsTp": "S", "fldQty": 65, "avgPrc": "1.00"}
    row |= {"flDt": "20-Nov-2026", "flTm": "10:00:00"}
    assert mapping.fills_of(encoded(row), lot_size_of)[0].side is Side.SELL
    with pytest.raises(BrokerUnavailable, match="kotak trade book"):
        mapping.fills_of(encoded(row | changes), lot_size_of)
