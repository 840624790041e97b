"""Requests as the terminal is told them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from brokers.mt5.facts import MAGIC
from brokers.mt5.orders import Reduction, cancel_request, modify_request, place_request, reduction_of
from brokers.mt5.protocol import OrderRow, PositionRow
from domain.orders import OrderChange, OrderRequest, OrderType, Product, Side, Validity
from tests.brokers.mt5 import words
from tests.brokers.mt5.test_mapping import facts

WISH = OrderRequest(
    client_order_id="TAG1",
    exchange="MT5",
    symbol="XAUUSD",
    token="XAUUSD",
    side=Side.BUY,
    quantity=3,
    lot_size=1,
    product=Product.NRML,
    order_type=OrderType.LIMIT,
    price=Decimal("4000.50"),
)
CHANGE = OrderChange(OrderType.LIMIT, quantity=3, lot_size=1, exchange="MT5", price=Decimal(4001), symbol="XAUUSD")


def told(request: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(request)
    return found


def position(**changes: Any) -> PositionRow:
    return msgspec.json.decode(orjson.dumps(words.POSITION | {"magic": MAGIC} | changes), type=PositionRow)


def test_a_limit_is_a_pending_order_that_may_go_through_the_market():
    said = told(place_request(WISH, facts()))
    assert said == {
        "action": 5,
        "magic": MAGIC,
        "symbol": "XAUUSD",
        "volume": 0.03,
        "type": 2,
        "type_filling": 1,
        "type_time": 0,
        "deviation": 0,
        "comment": "TAG1",
        "position": 0,
        "reduce_only": False,
        "price": 4000.5,
        "through": True,
    }


@pytest.mark.parametrize(
    ("kind", "side", "action", "number"),
    [
        (OrderType.MARKET, Side.BUY, 1, 0),
        (OrderType.MARKET, Side.SELL, 1, 1),
        (OrderType.LIMIT, Side.SELL, 5, 3),
        (OrderType.SL_M, Side.BUY, 5, 4),
        (OrderType.SL_M, Side.SELL, 5, 5),
    ],
)
def test_types_have_their_numbers(kind: OrderType, side: Side, action: int, number: int):
    wish = replace(WISH, order_type=kind, side=side, trigger_price=Decimal(4100))
    said = told(place_request(wish, facts()))
    assert (said["action"], said["type"], "through" in said) == (action, number, kind is OrderType.LIMIT)
    if kind is OrderType.SL_M:
        assert said["price"] == 4100


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"quantity": -3},
        {"symbol": "NOSUCH"},
        {"symbol": ""},
        {"exchange": "NFO"},
        {"product": Product.MIS},
        {"validity": Validity.IOC},
        {"order_type": OrderType.SL},
        {"client_order_id": "a b"},
        {"client_order_id": "x" * 27},
        {"price": Decimal(0)},
        {"price": Decimal("NaN")},
    ],
)
def test_what_cannot_be_taken_is_refused_before_anything_is_left(changes: dict[str, Any]):
    with pytest.raises(ValueError):
        place_request(replace(WISH, **changes), facts())


def test_an_order_smaller_than_the_symbols_smallest_is_refused():
    coarse = facts({"name": "COARSE", "volume_min": 0.1})
    with pytest.raises(ValueError, match="10 units"):
        place_request(replace(WISH, symbol="COARSE"), coarse)
    assert told(place_request(replace(WISH, symbol="COARSE", quantity=20), coarse))["volume"] == 0.2


def test_a_change_moves_the_price_and_never_the_volume():
    order = msgspec.json.decode(orjson.dumps(words.ORDER), type=OrderRow)
    said = told(modify_request("11", CHANGE, order, facts()))
    assert said == {"action": 7, "order": 11, "symbol": "XAUUSD", "type_time": 0, "price": 4001}
    with pytest.raises(ValueError, match="volume"):
        modify_request("11", replace(CHANGE, quantity=4), order, facts())
    with pytest.raises(ValueError, match="price"):
        modify_request("11", replace(CHANGE, price=None), order, facts())
    for odd in ("", "abc", "1/2"):
        with pytest.raises(ValueError):
            modify_request(odd, CHANGE, order, facts())
        with pytest.raises(ValueError):
            cancel_request(odd)


def test_an_exit_reduces_the_smallest_position_of_ours_that_is_large_enough_or_the_whole_of_the_largest():
    leave = replace(WISH, side=Side.SELL, reduce_only=True)
    held = [
        position(ticket=1, volume=0.05),
        position(ticket=2, volume=0.03),
        position(ticket=3, volume=0.03, type=1),
        position(ticket=4, volume=0.03, magic=0),
        position(ticket=5, volume=0.03, symbol="EURUSD"),
    ]
    assert reduction_of(leave, held, facts()) == Reduction(ticket=2, units=3)
    assert reduction_of(replace(leave, quantity=2), held, facts()) == Reduction(ticket=2, units=2)
    assert reduction_of(replace(leave, quantity=4), held, facts()) == Reduction(ticket=1, units=4)
    assert reduction_of(replace(leave, quantity=8), held, facts()) == Reduction(ticket=1, units=5)
    assert reduction_of(replace(leave, side=Side.BUY), held, facts()) == Reduction(ticket=3, units=3)
    assert reduction_of(leave, held[2:], facts()) is None


def test_what_an_exit_takes_of_a_ticket_is_its_volume():
    leave = replace(WISH, side=Side.SELL, quantity=8, reduce_only=True)
    said = told(place_request(leave, facts(), reduction=Reduction(ticket=1, units=5)))
    assert (said["position"], said["volume"], said["reduce_only"]) == (1, 0.05, True)
    stop = replace(leave, order_type=OrderType.SL_M, trigger_price=Decimal(9))
    with pytest.raises(ValueError, match="stop"):
        place_request(stop, facts(), reduction=Reduction(ticket=1, units=5))
