"""Kite's recorded rows in our words, and malformed rows refused by name."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.postbacks import postback_order
from brokers.zerodha import mapping
from brokers.zerodha.answers import read_data
from domain.broker import BrokerUnavailable
from domain.orders import BrokerFill, BrokerPosition, Funds, OrderStatus, OrderType, Side
from tests.brokers.zerodha.cast import answer, lot_size_of, recorded
from tests.shared import shared_path

ROW = {
    "order_id": "220303000308932",
    "status": "OPEN",
    "exchange": "NFO",
    "tradingsymbol": "NIFTY26NOV24200CE",
    "transaction_type": "SELL",
    "order_type": "LIMIT",
    "product": "MIS",
    "quantity": 130,
    "filled_quantity": 0,
    "average_price": 0,
    "price": 42.1,
    "trigger_price": 0,
    "tag": "VAYDA000000000000001",
    "order_timestamp": "2026-11-20 10:15:00",
}
TRADE = {
    "trade_id": "10000000",
    "order_id": "200000000000000",
    "exchange": "NFO",
    "tradingsymbol": "NIFTY26NOV24200CE",
    "transaction_type": "BUY",
    "quantity": 65,
    "average_price": 42.1,
    "fill_timestamp": "2026-11-20 10:15:01",
}
POSITION = {
    "tradingsymbol": "NIFTY26NOV24200CE",
    "exchange": "NFO",
    "product": "NRML",
    "quantity": -65,
    "average_price": 42.1,
    "last_price": 40,
    "multiplier": 1,
}


def data(name: str) -> msgspec.Raw:
    return read_data(answer(name), what=name)


def order(**changes: object):
    return mapping.orders_of(json.dumps([{**ROW, **changes}]).encode(), lot_size_of)[0]


def test_the_recorded_order_book_is_read_whole():
    orders = mapping.orders_of(data("orders.json"), lot_size_of)
    assert [one.status.value for one in orders] == [
        *["CANCELLED", "FILLED", "FILLED", "REJECTED", "FILLED", "FILLED", "CANCELLED", "CANCELLED", "FILLED", "FILLED"]
    ]
    rejected, option = orders[3], orders[-1]
    assert rejected.reason.startswith("Insufficient funds. Required margin is 95417.84")
    assert rejected.client_order_id == "icebergord"
    assert (option.symbol, option.quantity, option.filled_quantity) == ("NIFTY2580724400CE", 150, 150)
    assert option.average_price == Decimal("12.3")
    assert option.order_type is OrderType.MARKET
    assert option.updated_at == datetime(2025, 8, 7, 8, 8, 2, tzinfo=UTC)


def test_currency_lots_of_the_recorded_book_become_units():
    assert mapping.orders_of(data("orders.json"), lot_size_of)[0].quantity == 1000


def test_the_recorded_history_of_an_order_walks_through_transient_states_as_open():
    history = mapping.orders_of(data("order_info.json"), lot_size_of)
    assert {one.status for one in history} == {OrderStatus.OPEN}
    assert history[0].raw_status == "PUT ORDER REQ RECEIVED"
    assert [one.price for one in history[-2:]] == [Decimal(300), Decimal("300.1")]


@pytest.mark.parametrize("name", ["trades.json", "order_trades.json"])
def test_recorded_trades_are_read_whole(name):
    fills = mapping.fills_of(data(name), lot_size_of)
    assert len({fill.exchange_trade_id for fill in fills}) == len(fills) > 0


def test_a_recorded_trade_is_a_fill_at_utc():
    assert mapping.fills_of(data("trades.json"), lot_size_of)[0] == BrokerFill(
        broker_order_id="200000000000000",
        exchange_trade_id="200000000000000:10000000",
        exchange="NSE",
        symbol="SBIN",
        side=Side.BUY,
        quantity=1,
        price=Decimal("420.65"),
        filled_at=datetime(2021, 5, 31, 3, 46, 39, tzinfo=UTC),
    )


def test_recorded_positions_keep_their_worth_in_units():
    positions = mapping.positions_of(data("positions.json"), lot_size_of)
    assert positions[0] == BrokerPosition(
        exchange="MCX",
        symbol="LEADMINI17DECFUT",
        product="NRML",
        quantity=1000,
        average_price=Decimal("161.05"),
        last_price=Decimal("161.05"),
        multiplier=Decimal(1),
    )
    assert [one.quantity for one in positions] == [1000, 0, 0]


def test_recorded_margins_add_up_over_the_enabled_segments():
    funds = mapping.funds_of(data("margins.json"))
    assert funds == Funds(
        available=Decimal("200386.75000000002"), used=Decimal("145706.55"), total=Decimal("346093.30000000002")
    )


DOCUMENTED = [
    ("orders-readme__retrieving-orders-https-kite-trade-docs-connect-v3__04.json", mapping.orders_of),
    ("orders-readme__retrieving-an-order-s-history-https-kite-trade-doc__05.json", mapping.orders_of),
    ("orders-readme__retrieving-all-trades-https-kite-trade-docs-connec__06.json", mapping.fills_of),
    ("orders-readme__retrieving-an-order-s-trades-https-kite-trade-docs__07.json", mapping.fills_of),
    ("portfolio-readme__positions-https-kite-trade-docs-connect-v3-portfol__03.json", mapping.positions_of),
]


@pytest.mark.parametrize(("name", "convert"), DOCUMENTED)
def test_the_documented_samples_are_read_too(name, convert):
    payload = json.loads(shared_path(f"zerodha/docs_tinytrader/{name}").read_bytes())
    assert convert(json.dumps(payload["data"]).encode(), lot_size_of)


STATES = [
    ("PUT ORDER REQ RECEIVED", 0, "LIMIT", OrderStatus.OPEN),
    ("VALIDATION PENDING", 0, "LIMIT", OrderStatus.OPEN),
    ("OPEN PENDING", 0, "MARKET", OrderStatus.OPEN),
    ("OPEN PENDING", 0, "SL", OrderStatus.TRIGGER_PENDING),
    ("AMO REQ RECEIVED", 0, "LIMIT", OrderStatus.OPEN),
    ("AFTER MARKET ORDER REQ RECEIVED", 0, "LIMIT", OrderStatus.OPEN),
    ("MODIFY AFTER MARKET ORDER REQ RECEIVED", 0, "LIMIT", OrderStatus.OPEN),
    ("MODIFY PENDING", 65, "LIMIT", OrderStatus.PARTIALLY_FILLED),
    ("MODIFY VALIDATION PENDING", 0, "SL-M", OrderStatus.TRIGGER_PENDING),
    ("CANCEL PENDING", 0, "LIMIT", OrderStatus.OPEN),
    ("OPEN", 0, "LIMIT", OrderStatus.OPEN),
    ("OPEN", 0, "SL", OrderStatus.OPEN),
    ("OPEN", 65, "LIMIT", OrderStatus.PARTIALLY_FILLED),
    ("MODIFIED", 0, "LIMIT", OrderStatus.OPEN),
    ("NOT MODIFIED", 0, "LIMIT", OrderStatus.OPEN),
    ("NOT CANCELLED", 65, "LIMIT", OrderStatus.PARTIALLY_FILLED),
    ("TRIGGER PENDING", 0, "SL", OrderStatus.TRIGGER_PENDING),
    ("UPDATE", 65, "LIMIT", OrderStatus.PARTIALLY_FILLED),
    ("COMPLETE", 130, "LIMIT", OrderStatus.FILLED),
    ("CANCELLED", 0, "LIMIT", OrderStatus.CANCELLED),
    ("CANCELLED", 65, "LIMIT", OrderStatus.CANCELLED),
    ("CANCELLED AFTER MARKET ORDER", 0, "LIMIT", OrderStatus.CANCELLED),
    ("REJECTED", 0, "LIMIT", OrderStatus.REJECTED),
    ("complete", 130, "LIMIT", OrderStatus.FILLED),
    ("trigger  pending", 0, "SL", OrderStatus.TRIGGER_PENDING),
]


@pytest.mark.parametrize(("raw", "filled", "order_type", "expected"), STATES)
def test_every_documented_status_is_normalised(raw, filled, order_type, expected):
    mapped = order(status=raw, filled_quantity=filled, order_type=order_type)
    assert (mapped.status, mapped.filled_quantity, mapped.raw_status) == (expected, filled, raw)


def test_mcx_lots_become_units():
    mapped = order(exchange="MCX", tradingsymbol="CRUDEOIL26DECFUT", quantity=3, filled_quantity=1)
    assert (mapped.quantity, mapped.filled_quantity) == (300, 100)


@pytest.mark.parametrize(
    ("tag", "tags", "shown"),
    [
        ("VAYDA000000000000001", None, "VAYDA000000000000001"),
        (None, ["mktp", "mktp:2.00"], ""),
        ("mktp", ["mktp", "VAYDA000000000000001"], "VAYDA000000000000001"),
        (None, ["VAYDA000000000000001"], "VAYDA000000000000001"),
        ("connect test order1", ["connect test order1"], "connect test order1"),
        (None, None, ""),
        ("", [], ""),
    ],
)
def test_our_tag_is_found_beside_kites_own(tag, tags, shown):
    assert order(tag=tag, tags=tags).client_order_id == shown


def without(row: dict, name: str) -> dict:
    return {key: value for key, value in row.items() if key != name}


REQUIRED = [
    *["order_id", "status", "exchange", "tradingsymbol", "transaction_type", "order_type", "product", "quantity"],
    *["filled_quantity", "average_price", "price", "trigger_price"],
]
BAD_ORDERS = [
    *[(without(ROW, name), name) for name in REQUIRED],
    *[({**ROW, name: None}, name) for name in REQUIRED],
    ({**ROW, "order_id": 220303000308932}, "order_id"),
    ({**ROW, "order_id": " "}, "order_id"),
    ({**ROW, "tradingsymbol": ""}, "tradingsymbol"),
    ({**ROW, "order_id": "1\x002"}, "order_id"),
    ({**ROW, "product": ""}, "product"),
    ({**ROW, "quantity": "130"}, "quantity"),
    ({**ROW, "quantity": 130.5}, "quantity"),
    ({**ROW, "quantity": True}, "quantity"),
    ({**ROW, "filled_quantity": 131}, "filled_quantity"),
    ({**ROW, "filled_quantity": -1}, "filled_quantity"),
    ({**ROW, "status": "COMPLETE", "filled_quantity": 65}, "COMPLETE"),
    ({**ROW, "status": "SHIPPED"}, "status"),
    ({**ROW, "transaction_type": "buy"}, "transaction_type"),
    ({**ROW, "order_type": "ICEBERG"}, "order_type"),
    ({**ROW, "price": "cheap"}, "price"),
    ({**ROW, "average_price": "NaN"}, "average_price"),
    ({**ROW, "trigger_price": "Infinity"}, "trigger_price"),
    ({**ROW, "order_timestamp": "yesterday"}, "order_timestamp"),
    ({**ROW, "tag": 7}, "tag"),
    ({**ROW, "exchange": "MCX", "tradingsymbol": "KAPAS27APRFUT"}, "KAPAS27APRFUT"),
]


@pytest.mark.parametrize(("row", "name"), BAD_ORDERS)
def test_a_malformed_order_row_is_refused_by_broker_and_field(row, name):
    with pytest.raises(BrokerUnavailable, match=name) as caught:
        mapping.orders_of(json.dumps([ROW, row]).encode(), lot_size_of)
    assert caught.value.code == "MALFORMED"
    assert "zerodha order book" in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"trade_id": ""},
        {"order_id": ""},
        {"quantity": 0},
        {"quantity": -65},
        {"average_price": None},
        {"transaction_type": "SHORT"},
        {"fill_timestamp": None},
        {"fill_timestamp": "10:15:01 today"},
    ],
)
def test_a_malformed_trade_row_is_refused_by_field(change):
    name = next(iter(change))
    with pytest.raises(BrokerUnavailable, match=name):
        mapping.fills_of(json.dumps([{**TRADE, **change}]).encode(), lot_size_of)


@pytest.mark.parametrize(
    "change", [{"quantity": None}, {"quantity": 1.5}, {"average_price": "x"}, {"multiplier": None}, {"exchange": ""}]
)
def test_a_malformed_position_row_is_refused_by_field(change):
    name = next(iter(change))
    with pytest.raises(BrokerUnavailable, match=name):
        mapping.positions_of(json.dumps({"net": [{**POSITION, **change}]}).encode(), lot_size_of)


@pytest.mark.parametrize("payload", [b"null", b"{}", b'"orders"', b"[[]]", b"[null]", b"[{}", b"", b"0"])
def test_what_is_not_a_list_of_rows_is_never_an_empty_book(payload):
    for convert in (mapping.orders_of, mapping.fills_of, mapping.positions_of):
        with pytest.raises(BrokerUnavailable):
            convert(payload, lot_size_of)


def test_an_empty_list_is_an_empty_book():
    assert mapping.orders_of(b"[]", lot_size_of) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"null",
        b'{"equity":{"enabled":false}}',
        b'{"equity":{"enabled":true}}',
        b'{"equity":{"enabled":true,"net":"x","utilised":{"debits":0}}}',
    ],
)
def test_margins_without_rupees_are_refused(payload):
    with pytest.raises(BrokerUnavailable, match="margins"):
        mapping.funds_of(payload)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_arbitrary_json_is_a_book_or_a_named_failure(value):
    payload = json.dumps(value).encode()
    if value == []:
        assert mapping.orders_of(payload, lot_size_of) == []
        return
    with pytest.raises(BrokerUnavailable) as caught:
        mapping.orders_of(payload, lot_size_of)
    assert caught.value.code == "MALFORMED"


SECRET = "postback-secret"


def signed(**changes: object) -> bytes:
    row = {**json.loads(recorded("postback.json")), **changes}
    text = f"{row['order_id']}{row['order_timestamp']}{SECRET}"
    row.setdefault("checksum", "")
    row["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(row).encode()


def test_a_signed_postback_is_the_order_it_shows():
    mapped = postback_order("zerodha", signed(), {}, SECRET)
    assert (mapped.broker_order_id, mapped.status, mapped.filled_quantity) == ("220303000308932", OrderStatus.FILLED, 1)
    assert mapped.average_price == Decimal(470)


def test_the_recorded_postback_is_refused_under_a_secret_that_is_not_its_own():
    with pytest.raises(ValueError, match="checksum"):
        postback_order("zerodha", recorded("postback.json"), {}, SECRET)


def test_a_postback_moved_to_another_order_is_refused():
    row = {**json.loads(signed()), "order_id": "220303000308933"}
    with pytest.raises(ValueError, match="checksum"):
        postback_order("zerodha", json.dumps(row).encode(), {}, SECRET)


def test_a_postback_in_lots_needs_the_contract():
    body = signed(exchange="MCX", tradingsymbol="CRUDEOIL26DECFUT")
    with pytest.raises(ValueError, match="CRUDEOIL26DECFUT"):
        postback_order("zerodha", body, {}, SECRET)
    assert postback_order("zerodha", body, {}, SECRET, lot_size_of=lot_size_of).quantity == 100


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (b"", SECRET),
        (b"[]", SECRET),
        (b"<html>", SECRET),
        (b"\xff\xfe", SECRET),
        (b'{"order_id":"1","order_timestamp":"2","checksum":7}', SECRET),
        (b"{" + b" " * 70_000 + b"}", SECRET),
    ],
)
def test_a_postback_that_is_no_postback_is_a_value_error(body, secret):
    with pytest.raises(ValueError):
        postback_order("zerodha", body, {}, secret)


def test_an_account_without_a_secret_verifies_nothing():
    with pytest.raises(ValueError, match="api_secret"):
        postback_order("zerodha", signed(), {}, "")


def test_a_broker_that_posts_nothing_is_unknown():
    with pytest.raises(LookupError):
        postback_order("paper", signed(), {}, SECRET)
