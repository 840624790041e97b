"""A terminal's rows in our words."""

from decimal import Decimal
from typing import Any

import msgspec
import orjson
import pytest

from brokers.mt5.facts import MAGIC, Facts, Untradable, facts_by_name, facts_of
from brokers.mt5.instruments import listed
from brokers.mt5.mapping import fills_of, orders_of, own_part, positions_of
from brokers.mt5.protocol import Symbol, Sync
from domain.broker import BrokerUnavailable
from domain.orders import OrderStatus, OrderType, Side
from tests.brokers.mt5 import words

EURO = words.SYMBOL | {
    "name": "EURUSD",
    "point": 0.00001,
    "trade_tick_size": 0.00001,
    "trade_contract_size": 100_000.0,
    "trade_tick_value": 1.0,
}


def symbol(**changes: Any) -> Symbol:
    return msgspec.json.decode(orjson.dumps(words.SYMBOL | changes), type=Symbol)


def facts(*more: dict[str, Any]) -> dict[str, Facts]:
    return dict(facts_by_name([symbol(), *(symbol(**one) for one in more)]))


def book(*orders: dict[str, Any], deals: Any = (), positions: Any = ()) -> Sync:
    body = words.sync([words.ORDER | one for one in orders], list(deals), list(positions))
    return msgspec.json.decode(orjson.dumps(body), type=Sync)


def test_a_unit_is_the_volume_step_and_its_multiplier_what_it_gains():
    gold, euro = facts_of(symbol()), facts_of(symbol(**EURO))
    assert (gold.multiplier, gold.lot_size, gold.largest) == (1, 1, 5000)
    assert euro.multiplier == 1000
    assert gold.units(Decimal("0.07")) == 7
    assert euro.volume(7) == Decimal("0.07")
    with pytest.raises(Untradable):
        gold.units(Decimal("0.015"))


@pytest.mark.parametrize(
    "changes",
    [
        {"volume_step": 0.0},
        {"volume_min": 0.015},
        {"volume_max": -1.0},
        {"trade_tick_size": 0.0},
        {"trade_tick_value": 0.0},
        {"point": 0.0},
        {"currency_profit": "JPY"},
        {"trade_tick_size": 0.000000001},
    ],
)
def test_a_symbol_whose_numbers_cannot_be_traded_by_is_left_out_by_name(changes: dict[str, Any]):
    rows, left_out = listed([symbol(**changes), symbol(name="GOOD")])
    assert [row.symbol for row in rows] == ["GOOD"]
    assert [one.symbol for one in left_out] == ["XAUUSD"]
    assert "XAUUSD" in left_out[0].reason


def test_a_pair_of_five_digits_is_listed_to_its_last_one():
    (row,), left_out = listed([symbol(**EURO)])
    assert (row.symbol, row.tick_size, row.multiplier) == ("EURUSD", Decimal("0.00001"), 1000)
    assert left_out == []


def test_of_two_symbols_of_one_name_none_is_listed_or_traded():
    twice = [symbol(), symbol(volume_step=0.1, volume_min=0.1)]
    assert listed(twice)[0] == []
    assert facts_by_name(twice) == {}


def test_a_symbol_that_trades_one_way_only_is_not_listed_but_its_books_are_read():
    rows, _ = listed([symbol(trade_mode=3)])
    assert rows == []
    assert orders_of(book({}), dict(facts_by_name([symbol(trade_mode=3)])))


def test_the_ring_names_an_order_whose_comment_the_broker_wrote_over():
    rows = orders_of(book({"comment": "[sl 4000]", "cmd_id": "TAG9"}, {"ticket": 12, "comment": "so 12%"}), facts())
    assert [row.client_order_id for row in rows] == ["TAG9", ""]


def test_an_order_filled_in_parts_has_the_mean_price_of_its_deals():
    deals = [
        words.DEAL | {"volume": 0.01, "price": 4000.0},
        words.DEAL | {"ticket": 22, "volume": 0.01, "price": 4001.0},
    ]
    (row,) = orders_of(book({"volume_current": 0.01}, deals=deals), facts())
    assert (row.status, row.filled_quantity, row.quantity) == (OrderStatus.PARTIALLY_FILLED, 2, 3)
    assert row.average_price == Decimal("4000.5")


def test_stops_show_their_trigger_and_limits_their_price():
    rows = orders_of(book({"type": 5}, {"ticket": 12, "type": 6, "price_stoplimit": 3990.0}, {"ticket": 13}), facts())
    shown = [(row.side, row.order_type, row.price, row.trigger_price) for row in rows]
    assert shown == [
        (Side.SELL, OrderType.SL_M, 0, 4000),
        (Side.BUY, OrderType.SL, 3990, 4000),
        (Side.BUY, OrderType.LIMIT, 4000, 0),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": 10},
        {"symbol": "NOSUCH"},
        {"volume_initial": 0.0, "volume_current": 0.0},
        {"volume_current": 0.04},
        {"volume_current": -0.01},
        {"volume_initial": 0.035},
    ],
)
def test_a_row_that_is_not_what_is_documented_makes_the_book_unreadable_not_shorter(changes: dict[str, Any]):
    with pytest.raises(BrokerUnavailable, match="mt5"):
        orders_of(book({}, changes | {"ticket": 12}), facts())


def test_what_is_no_execution_is_no_fill():
    rows = [words.DEAL, words.DEAL | {"ticket": 22, "type": 2, "symbol": "", "volume": 0.0, "price": 0.0}]
    (fill,) = fills_of(book(deals=rows), facts())
    assert (fill.exchange_trade_id, fill.broker_order_id, fill.quantity, fill.side) == ("21", "11", 2, Side.BUY)
    assert fill.filled_at.tzinfo is not None


def test_a_closing_by_an_opposite_position_is_no_order_but_its_deals_are_fills():
    deals = [words.DEAL | {"order": 99, "entry": 3}]
    assert orders_of(book({"ticket": 99, "type": 8}, deals=deals), facts()) == []
    assert len(fills_of(book(deals=deals), facts())) == 1


def test_positions_of_a_hedging_account_are_netted_by_symbol():
    held = [
        words.POSITION | {"volume": 0.05, "price_open": 4000.0},
        words.POSITION | {"ticket": 12, "volume": 0.01, "price_open": 4006.0},
        words.POSITION | {"ticket": 13, "type": 1, "volume": 0.02, "price_open": 4100.0},
    ]
    (net,) = positions_of(book(positions=held), facts())
    assert (net.quantity, net.average_price, net.multiplier) == (4, Decimal(4001), 1)


def test_a_position_closed_within_the_day_is_shown_as_nothing():
    (flat,) = positions_of(book(deals=[words.DEAL]), facts())
    assert (flat.symbol, flat.quantity, flat.last_price) == ("XAUUSD", 0, Decimal("4000.5"))


def test_on_a_hedging_account_other_peoples_tickets_are_not_counted_with_ours():
    ours, theirs = {"magic": MAGIC, "position_id": 31}, {"magic": 0, "position_id": 41}
    orders = [
        {"ticket": 31, "state": 4, "volume_current": 0.0} | ours,
        {"ticket": 32, "comment": "by hand", "magic": 0, "position_id": 31},
        {"ticket": 41, "comment": "theirs"} | theirs,
    ]
    deals = [
        words.DEAL | {"ticket": 1, "order": 31, "volume": 0.03} | ours,
        words.DEAL | {"ticket": 2, "order": 32, "type": 1, "volume": 0.01, "magic": 0, "position_id": 31},
        words.DEAL | {"ticket": 3, "order": 41, "type": 1, "volume": 0.05} | theirs,
    ]
    positions = [
        words.POSITION | {"ticket": 31, "magic": MAGIC, "volume": 0.02},
        words.POSITION | {"ticket": 41, "magic": 0, "type": 1, "volume": 0.05},
    ]
    whole = book(*orders, deals=deals, positions=positions)
    assert positions_of(whole, facts())[0].quantity == -3
    own = own_part(whole)
    (position,) = positions_of(own, facts())
    assert position.quantity == 2
    assert [one.broker_order_id for one in orders_of(own, facts())] == ["31", "32"]
    assert [one.exchange_trade_id for one in fills_of(own, facts())] == ["1", "2"]


def test_a_ticket_of_ours_that_somebody_closed_still_tells_who():
    deals = [
        words.DEAL | {"ticket": 1, "order": 31, "magic": MAGIC, "position_id": 31},
        words.DEAL | {"ticket": 2, "order": 32, "type": 1, "magic": 0, "position_id": 31},
    ]
    own = own_part(book({"ticket": 32, "magic": 0, "position_id": 31}, deals=deals))
    assert [one.broker_order_id for one in orders_of(own, facts())] == ["32"]
    assert positions_of(own, facts())[0].quantity == 0
