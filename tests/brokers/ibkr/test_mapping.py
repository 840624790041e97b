"""Documented rows in our words, and the rows that are refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from brokers.ibkr.mapping import fills_of, orders_of, positions_of, socket_order
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.ibkr.cast import CONID, documented

ORDER = {
    "acct": "U1234567",
    "conid": int(CONID),
    "orderId": 1370093238,
    "ticker": "NIFTY50",
    "secType": "OPT",
    "listingExchange": "NSE",
    "remainingQuantity": 65.0,
    "filledQuantity": 65.0,
    "totalSize": 130.0,
    "status": "Submitted",
    "order_ccp_status": "Submitted",
    "origOrderType": "LIMIT",
    "orderType": "Limit",
    "order_ref": "VAYDA1",
    "price": "42.10",
    "avgPrice": "42.05",
    "lastExecutionTime_r": 1714061006000,
    "side": "BUY",
}
TRADE = {
    "execution_id": "0000e0d5.6576fd38.01.01",
    "side": "S",
    "trade_time_r": 1702317649000,
    "size": 65.0,
    "price": "1,192.25",
    "order_ref": "VAYDA1",
    "sec_type": "OPT",
    "listing_exchange": "NSE",
    "conid": CONID,
}
POSITION = {
    "conid": int(CONID),
    "position": -130.0,
    "mktPrice": 41.5,
    "currency": "INR",
    "avgCost": 42.1,
    "avgPrice": 42.1,
    "multiplier": 0.0,
    "assetClass": "OPT",
}


def book(*rows: dict[str, Any], snapshot: bool = True) -> bytes:
    return json.dumps({"orders": rows, "snapshot": snapshot}).encode()


def listed(*rows: dict[str, Any]) -> bytes:
    return json.dumps(rows).encode()


def test_an_order_shows_everything_in_our_words():
    (order,) = orders_of(book(ORDER))
    assert (order.broker_order_id, order.client_order_id) == ("1370093238", "VAYDA1")
    assert (order.exchange, order.symbol, order.product, order.side) == ("NFO", CONID, "NRML", Side.BUY)
    assert (order.quantity, order.filled_quantity, order.status) == (130, 65, OrderStatus.PARTIALLY_FILLED)
    assert (order.price, order.average_price) == (Decimal("42.10"), Decimal("42.05"))
    assert order.updated_at == datetime.fromtimestamp(1714061006, tz=UTC)


def test_a_book_that_is_being_prepared_is_no_empty_book():
    for body in (book(snapshot=False), b'{"orders":[]}', book(ORDER, snapshot=False)):
        with pytest.raises(BrokerUnavailable, match="ibkr") as raised:
            orders_of(body)
        assert raised.value.code == "PREFLIGHT"
    assert orders_of(book()) == []


def test_what_is_traded_elsewhere_is_left_out():
    """The documented book holds a currency with a fraction."""
    example = documented("trading-orders", "/iserver/account/orders")
    assert orders_of(json.dumps(example).encode()) == []
    assert fills_of(json.dumps(documented("trading-orders", "/iserver/account/trades")).encode(), {}) == []
    positions = documented("trading-portfolio", "/portfolio/{accountId}/positions/{pageId}")
    assert positions_of(json.dumps(positions).encode()) == ([], 3)


def test_a_row_that_does_not_say_where_it_is_listed_is_ours():
    bare = {name: value for name, value in ORDER.items() if name != "listingExchange"}
    assert len(orders_of(book(bare))) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"totalSize": 130.5},
        {"filledQuantity": 131.0},
        {"status": "Sleeping"},
        {"status": "Filled"},
        {"side": "EXER"},
        {"price": "cheap"},
        {"price": "NaN"},
        {"orderId": ""},
        {"secType": ""},
        {"lastExecutionTime_r": 10**18},
    ],
)
def test_an_order_that_is_not_what_is_documented_is_refused_by_name(change):
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        orders_of(book({**ORDER, **change}))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "Cancelled", "filledQuantity": 0.0}, OrderStatus.CANCELLED),
        (
            {"status": "Cancelled", "filledQuantity": 0.0, "order_cancellation_by_system_reason": "No margin"},
            OrderStatus.REJECTED,
        ),
        ({"status": "Cancelled", "order_cancellation_by_system_reason": "Auction"}, OrderStatus.CANCELLED),
        ({"status": "Inactive", "order_ccp_status": "Pending Submit", "filledQuantity": 0.0}, OrderStatus.OPEN),
        ({"status": "Inactive", "order_ccp_status": "Inactive", "filledQuantity": 0.0}, OrderStatus.REJECTED),
    ],
)
def test_how_an_order_ended_is_told_by_its_reason_and_its_other_status(change, status):
    (order,) = orders_of(book({**ORDER, **change}))
    assert order.status is status
    assert order.reason == change.get("order_cancellation_by_system_reason", "")


@pytest.mark.parametrize(
    ("change", "order_type"),
    [
        ({"orderType": "Stop Limit"}, OrderType.SL),
        ({"orderType": "STOP_LIMIT"}, OrderType.SL),
        ({"orderType": None, "origOrderType": "STP LMT"}, OrderType.SL),
        ({"orderType": "Stop"}, OrderType.SL_M),
        ({"orderType": "Trailing Stop", "origOrderType": "TRAIL"}, OrderType.LIMIT),
        ({"orderType": "Trailing Stop", "origOrderType": "TRAIL", "price": ""}, OrderType.MARKET),
    ],
)
def test_types_are_known_however_they_are_written(change, order_type):
    (order,) = orders_of(book({**ORDER, **change}))
    assert order.order_type is order_type


@pytest.mark.parametrize("name", ["auxPrice", "stop_price"])
def test_a_stops_trigger_has_two_names(name):
    (order,) = orders_of(book({**ORDER, "orderType": "Stop Limit", name: "41.95"}))
    assert order.trigger_price == Decimal("41.95")


def test_an_execution_is_joined_to_its_order_by_tag():
    (fill,) = fills_of(listed(TRADE), {"VAYDA1": "1370093238"})
    assert (fill.broker_order_id, fill.exchange_trade_id) == ("1370093238", "0000e0d5.6576fd38.01.01")
    assert (fill.side, fill.quantity, fill.price) == (Side.SELL, 65, Decimal("1192.25"))
    assert (fill.exchange, fill.symbol) == ("NFO", CONID)
    assert fill.filled_at == datetime.fromtimestamp(1702317649, tz=UTC)
    (unknown,) = fills_of(listed({**TRADE, "order_ref": "BYHAND"}), {"VAYDA1": "1370093238"})
    assert (unknown.broker_order_id, unknown.client_order_id) == ("", "BYHAND")
    for change in ({"size": 0}, {"size": 0.5}, {"execution_id": " "}, {"side": "X"}):
        with pytest.raises(BrokerUnavailable, match="ibkr"):
            fills_of(listed({**TRADE, **change}), {})


def test_a_position_needs_none_of_the_names_a_first_read_lacks():
    ((position,), count) = positions_of(listed(POSITION))
    assert count == 1
    assert (position.exchange, position.symbol, position.quantity) == ("NFO", CONID, -130)
    assert (position.average_price, position.last_price, position.multiplier) == (Decimal("42.1"), Decimal("41.5"), 1)
    ((share,), _) = positions_of(listed({**POSITION, "assetClass": "STK"}))
    assert (share.exchange, share.product) == ("NSE", "CNC")
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        positions_of(listed({**POSITION, "position": 0.5}))


def test_a_pushed_row_is_an_order_or_nothing_of_ours():
    order = socket_order(ORDER)
    assert order is not None
    assert order.broker_order_id == "1370093238"
    assert socket_order({**ORDER, "listingExchange": "NASDAQ.NMS"}) is None
    with pytest.raises(BrokerUnavailable, match="ibkr"):
        socket_order({"orderId": 7})
