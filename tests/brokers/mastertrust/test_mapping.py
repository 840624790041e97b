"""Documented rows in our words."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.mastertrust.mapping import (
    fills_of,
    funds_of,
    history_of,
    holdings_of,
    joined,
    orders_of,
    positions_of,
    socket_order,
)
from domain.broker import BrokerUnavailable, Holding
from domain.orders import BrokerFill, BrokerOrder, Funds, OrderStatus, OrderType, Side
from tests.brokers.mastertrust.cast import ORDER_ID, TAG, data, lot_size_of, order_row, page


def said(name: str) -> bytes:
    return json.dumps(data(name)).encode()


def one(**changes: object) -> BrokerOrder:
    [order] = orders_of(page(order_row(**changes)), lot_size_of)
    return order


def test_the_documented_pending_order_is_open():
    [order] = orders_of(said("orders_pending"), lot_size_of)
    assert order == BrokerOrder(
        broker_order_id=ORDER_ID,
        client_order_id="5002681",
        exchange="NSE",
        symbol="DISHTV-EQ",
        side=Side.BUY,
        quantity=1,
        filled_quantity=0,
        average_price=Decimal("0.00"),
        status=OrderStatus.OPEN,
        order_type=OrderType.LIMIT,
        price=Decimal("5.50"),
        trigger_price=Decimal("0.00"),
        product="NRML",
        raw_status="open",
        reason="",
        updated_at=datetime(2025, 3, 28, 4, 46, 28, tzinfo=UTC),
    )


def test_the_documented_completed_orders_are_final_and_oldest_first():
    rows = data("orders_completed")["orders"]
    orders = orders_of(said("orders_completed"), lot_size_of)
    assert [order.broker_order_id for order in orders] == [row["oms_order_id"] for row in rows[::-1]]
    by_id = {order.broker_order_id: order for order in orders}
    cancelled, rejected = by_id["250328000020616"], by_id["250328000000260"]
    assert (cancelled.status, cancelled.client_order_id) == (OrderStatus.CANCELLED, "5002681")
    assert (rejected.status, rejected.client_order_id) == (OrderStatus.REJECTED, "")
    assert rejected.reason.startswith("RMS:Rule: Check T1 holdings")
    [crude] = [order for order in orders if order.symbol == "CRUDEOIL25APRFUT"]
    assert crude.quantity == 100, "one lot, for which the broker wants two lakhs of margin"
    assert all(order.status in {OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.FILLED} for order in orders)


def test_a_rejected_orders_time_is_that_of_its_entry():
    rejected = {"order_status": "rejected", "exchange_time": 0, "order_entry_time": 1743137180}
    assert one(**rejected).updated_at == datetime(2025, 3, 28, 4, 46, 20, tzinfo=UTC)
    assert one(**rejected | {"order_entry_time": None}).updated_at is None


def test_the_documented_history_is_oldest_first_and_ends_complete():
    [booked] = orders_of(said("orders_pending"), lot_size_of)
    states = history_of(said("order_history"), booked, lot_size_of)
    assert [state.status for state in states[-3:]] == [OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.FILLED]
    assert [state.raw_status for state in states] == [row["status"] for row in data("order_history")[::-1]]
    last = states[-1]
    assert (last.client_order_id, last.symbol, last.average_price) == ("5002681", "DISHTV-EQ", Decimal("5.88"))
    assert last.updated_at == datetime(2025, 3, 28, 4, 52, 17, tzinfo=UTC)


def test_a_state_of_another_order_is_no_history():
    with pytest.raises(BrokerUnavailable, match="mastertrust order history"):
        history_of(said("order_history"), one(oms_order_id="1", exchange="NSE"), lot_size_of)


def test_the_documented_trade_is_a_fill_of_its_order():
    [fill] = fills_of(said("trades"), lot_size_of)
    assert fill == BrokerFill(
        broker_order_id=ORDER_ID,
        exchange_trade_id=f"{ORDER_ID}:202485785",
        exchange="NSE",
        symbol="DISHTV-EQ",
        side=Side.BUY,
        quantity=1,
        price=Decimal("5.88"),
        filled_at=datetime(2025, 3, 28, 4, 52, 17, tzinfo=UTC),
    )


def test_the_documented_positions_cost_what_their_side_did():
    [position] = positions_of(said("positions_historical"), lot_size_of)
    assert (position.quantity, position.average_price, position.last_price) == (1, Decimal("5.88"), Decimal("5.88"))
    [_, closed] = positions_of(said("positions_live"), lot_size_of)
    assert (closed.symbol, closed.quantity, closed.average_price) == ("MAHABANK-EQ", 0, Decimal(0))
    short = data("positions_historical")[0] | {"net_quantity": -3, "average_sell_price": 6.01}
    [position] = positions_of(json.dumps([short]).encode(), lot_size_of)
    assert (position.quantity, position.average_price) == (-3, Decimal("6.01"))


def test_the_documented_holdings_are_named_as_the_master_does():
    assert holdings_of(said("holdings")) == [
        Holding("NSE", "DISHTV-EQ", 2, 2, Decimal("5.83"), Decimal("5.9")),
        Holding("BSE", "MONOT-Z", 1, 0, Decimal("0.69"), Decimal("0.7")),
    ]


def test_the_documented_funds_are_what_is_free_and_what_is_used():
    assert funds_of(said("funds_view")) == Funds(Decimal("74.06"), Decimal("1.93"), Decimal("75.99"))


@pytest.mark.parametrize(
    "values", [[], [["Available", "1"]], [["Available", "x"], ["Margin Used", "1"]], [["Available"]]]
)
def test_a_table_without_its_amounts_is_no_funds(values):
    with pytest.raises(BrokerUnavailable, match="mastertrust funds"):
        funds_of(json.dumps({"headers": ["Description", "ALL"], "values": values}).encode())


def test_commodities_count_lots():
    crude = {"exchange": "MCX", "trading_symbol": "CRUDEOIL26DECFUT", "quantity": 3, "filled_quantity": 1}
    order = one(**crude)
    assert (order.quantity, order.filled_quantity, order.status) == (300, 100, OrderStatus.PARTIALLY_FILLED)
    row = data("positions_historical")[0] | {"exchange": "MCX", "trading_symbol": "CRUDEOIL26DECFUT", "multiplier": 100}
    [position] = positions_of(json.dumps([row]).encode(), lot_size_of)
    assert (position.quantity, position.multiplier) == (100, 1)
    with pytest.raises(BrokerUnavailable, match="mastertrust order book"):
        one(**crude | {"trading_symbol": "NOBODYS26DECFUT"})


@pytest.mark.parametrize(("shown", "tag"), [(TAG, TAG), (int(TAG), TAG), (None, ""), ("", ""), ("--", "")])
def test_a_tag_comes_as_a_text_or_a_number_and_never_rounded(shown, tag):
    assert one(user_order_id=shown).client_order_id == tag


@pytest.mark.parametrize(
    ("shown", "order_type", "status"),
    [
        ("open", "LIMIT", OrderStatus.OPEN),
        ("trigger pending", "SL", OrderStatus.TRIGGER_PENDING),
        ("open", "SL", OrderStatus.OPEN),
        ("modified", "SL", OrderStatus.TRIGGER_PENDING),
        ("validation pending", "LIMIT", OrderStatus.OPEN),
        ("put order req received", "SLM", OrderStatus.TRIGGER_PENDING),
        ("not cancelled", "LIMIT", OrderStatus.OPEN),
        ("Cancelled", "LIMIT", OrderStatus.CANCELLED),
        ("cancelled after market order", "LIMIT", OrderStatus.CANCELLED),
        ("rejected", "LIMIT", OrderStatus.REJECTED),
    ],
)
def test_every_documented_status_is_one_of_ours(shown, order_type, status):
    assert one(order_status=shown, order_type=order_type).status is status


def test_a_stop_that_traded_has_triggered():
    assert one(order_status="modified", order_type="SL", filled_quantity=65).status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    "odd",
    [
        {"order_status": "frozen"},
        {"order_status": "complete", "filled_quantity": 65},
        {"filled_quantity": 131},
        {"filled_quantity": -1},
        {"quantity": 0},
        {"oms_order_id": ""},
        {"trading_symbol": ""},
        {"order_side": "B"},
        {"order_type": "ICEBERG"},
        {"price": "Infinity"},
        {"average_price": "NaN"},
        {"exchange_time": 10**18},
        {"filled_quantity": None},
    ],
)
def test_an_odd_row_spoils_the_book_rather_than_hide(odd):
    with pytest.raises(BrokerUnavailable, match="mastertrust order book"):
        orders_of(page(order_row(), order_row(**odd)), lot_size_of)


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'{"orders":null}', b'{"orders":{}}', b'{"orders":[{'])
def test_half_a_book_is_none(body):
    with pytest.raises(BrokerUnavailable, match="mastertrust order book"):
        orders_of(body, lot_size_of)


def test_an_order_in_both_halves_is_the_completed_one():
    before = [one(oms_order_id="1"), one(oms_order_id="2")]
    after = [one(oms_order_id="2", order_status="complete", filled_quantity=130), one(oms_order_id="3")]
    book = joined(pending=before, completed=after)
    assert [order.broker_order_id for order in book] == ["1", "2", "3"]
    assert [order.status for order in book] == [OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.OPEN]


def test_an_update_of_the_socket_is_a_row_of_the_book():
    update = json.dumps(order_row(order_status="complete", filled_quantity=130, average_price="42.05")).encode()
    order = socket_order(update, lot_size_of)
    assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal("42.05"))
    with pytest.raises(BrokerUnavailable, match="mastertrust order update"):
        socket_order(b'{"oms_order_id":7}', lot_size_of)
