"""Order forms are read strictly: nothing malformed reaches the exchange."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.instruments import Exchange, Kind
from domain.orders import OrderType, Product, Side, Validity
from simulator.faces.calls import FaceError
from simulator.faces.zerodha.fields import new_order, order_edit
from simulator.market.live import LiveMarket
from simulator.market.types import Listing


@pytest.fixture(scope="module")
def market() -> LiveMarket:
    return LiveMarket(seed=1, start=datetime(2026, 8, 18, 5, tzinfo=UTC))


def first(market: LiveMarket, exchange: Exchange, kind: Kind) -> Listing:
    return next(row for row in market.listings.values() if (row.exchange, row.kind) == (exchange, kind))


@pytest.fixture
def form(market: LiveMarket) -> dict[str, str]:
    option = first(market, Exchange.NFO, Kind.OPTION)
    return {
        "exchange": "NFO",
        "tradingsymbol": option.symbol,
        "transaction_type": "BUY",
        "quantity": str(option.lot_size),
        "product": "NRML",
        "order_type": "LIMIT",
        "price": "10.05",
        "validity": "DAY",
        "tag": "abc123",
        "variety": "regular",
    }


def test_a_whole_form_is_read(market, form):
    order = new_order(form, variety="regular", market=market)
    assert (order.side, order.product, order.order_type) == (Side.BUY, Product.NRML, OrderType.LIMIT)
    assert (order.price, order.quantity, order.tag) == (Decimal("10.05"), int(form["quantity"]), "abc123")
    assert order.validity is Validity.DAY


@pytest.mark.parametrize(
    "missing", ["exchange", "tradingsymbol", "transaction_type", "quantity", "product", "order_type"]
)
def test_a_missing_field_is_named(market, form, missing):
    del form[missing]
    with pytest.raises(FaceError, match=missing) as refusal:
        new_order(form, variety="regular", market=market)
    assert (refusal.value.status, refusal.value.code) == (400, "InputException")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantity", "0"),
        ("quantity", "-65"),
        ("quantity", "65.0"),
        ("quantity", "6e1"),
        ("quantity", "٦٥"),
        ("quantity", "99999999999"),
        ("transaction_type", "buy;sell"),
        ("transaction_type", "buy"),
        ("product", "MTF"),
        ("order_type", "STOP"),
        ("validity", "GTC"),
        ("price", "NaN"),
        ("price", "1e999"),
        ("price", "-1"),
        ("price", "ten"),
        ("trigger_price", "Infinity"),
        ("market_protection", "101"),
        ("market_protection", "-2"),
        ("tag", "has space"),
        ("tag", "x" * 21),
        ("tag", "ünïcode"),
        ("tradingsymbol", "NIFTУ26NOV23100CE"),
        ("exchange", "NYSE"),
    ],
)
def test_a_bad_value_is_an_input_exception(market, form, name, value):
    with pytest.raises(FaceError) as refusal:
        new_order(form | {name: value}, variety="regular", market=market)
    assert (refusal.value.status, refusal.value.code) == (400, "InputException")


def test_an_unknown_variety_is_refused(market, form):
    with pytest.raises(FaceError, match="variety"):
        new_order(form, variety="bo", market=market)


def test_commodities_are_ordered_in_lots(market, form):
    crude = first(market, Exchange.MCX, Kind.FUTURE)
    lots = form | {"exchange": "MCX", "tradingsymbol": crude.symbol, "quantity": "2"}
    assert new_order(lots, variety="regular", market=market).quantity == 2 * crude.lot_size
    assert order_edit({"quantity": "3"}, listing=crude).quantity == 3 * crude.lot_size


def test_a_modify_leaves_absent_fields_alone(market):
    option = first(market, Exchange.NFO, Kind.OPTION)
    edit = order_edit({"price": "11", "order_id": "1", "variety": "regular"}, listing=option)
    assert edit.price == 11
    assert (edit.quantity, edit.order_type, edit.trigger_price, edit.validity) == (None, None, None, None)
