"""The order feed's messages, in the OMS's own words."""

import json
from decimal import Decimal

import pytest

from brokers.aliceblue.updates import update_of
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.aliceblue.cast import lot_size_of, recorded

FEED = "10-webhooks__order-status-feed__06.json"
EMPTY = "10-webhooks__sample-order-update__03.json"


def update(name=FEED, **changes):
    return update_of(json.dumps(json.loads(recorded(name)) | changes), lot_size_of)


def test_the_recorded_update_is_rejected_for_want_of_money():
    order = update()
    assert (order.broker_order_id, order.status) == ("24070600000744", OrderStatus.REJECTED)
    assert (order.exchange, order.symbol, order.side, order.product) == ("NSE", "MRF-EQ", Side.BUY, "MIS")
    assert (order.order_type, order.quantity, order.filled_quantity) == (OrderType.MARKET, 1, 0)
    assert "Margin Shortfall" in order.reason


def test_empty_fields_say_nothing():
    order = update(EMPTY, status="OPEN", trantype="S", prctyp="L", remarks="VAYDA1")
    assert (order.client_order_id, order.product, order.price) == ("VAYDA1", "CNC", Decimal("1594.00"))
    assert (order.average_price, order.trigger_price, order.filled_quantity) == (0, 0, 0)


def test_a_part_of_a_commodity_order():
    changes = {"exch": "MCX", "tsym": "CRUDEOIL18DEC26", "qty": "3", "fillshares": "1", "status": "OPEN"}
    order = update(**changes, pcode="M", prctyp="SL-LMT", trgprc="5400.00", avgprc="5401.00", prc="5410.00")
    assert (order.quantity, order.filled_quantity, order.status) == (300, 100, OrderStatus.PARTIALLY_FILLED)
    assert (order.product, order.order_type) == ("NRML", OrderType.SL)
    assert (order.price, order.trigger_price, order.average_price) == (5410, 5400, 5401)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ""},
        {"qty": ""},
        {"qty": "1.5"},
        {"fillshares": "2"},
        {"trantype": ""},
        {"prctyp": "X"},
        {"prc": "abc"},
        {"prc": "NaN"},
        {"norenordno": 7},
        {"tsym": ""},
        {"exch_tm": "soon"},
        {"exch": "MCX", "tsym": "NOBODYS"},
    ],
)
def test_a_malformed_update_is_refused_by_name(changes):
    with pytest.raises(BrokerUnavailable, match="aliceblue order update"):
        update(**changes)
