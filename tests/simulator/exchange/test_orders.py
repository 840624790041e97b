"""Placing, filling, modifying and cancelling, as a client's book shows it."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.orders import OrderType, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.types import OrderState, Reason, Refusal, Settings, Switch

BEFORE_THE_EXCHANGE = ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING"]
D = Decimal


def test_a_limit_away_from_the_market_rests_with_the_history_a_broker_shows(desk) -> None:
    order = desk.place(price=D(90))
    assert desk.states(order) == [*BEFORE_THE_EXCHANGE, "OPEN"]
    assert order.state is OrderState.OPEN
    assert (order.pending_quantity, order.filled_quantity, order.average_price) == (65, 0, 0)
    assert len(order.order_id) == 15
    assert order.order_id.isdigit()
    assert order.exchange_order_id != order.order_id


def test_a_marketable_limit_fills_at_the_touch_at_once(desk) -> None:
    order = desk.place(price=D(105))
    ask = to_decimal(desk.market.quote(desk.token()).ask)
    assert desk.states(order) == [*BEFORE_THE_EXCHANGE, "OPEN", "COMPLETE"]
    assert order.average_price == ask
    (trade,) = desk.exchange.trades("C1", order.order_id)
    assert (trade.quantity, trade.price, trade.filled_at) == (65, ask, desk.now)


def test_a_resting_order_fills_when_the_market_comes_to_it(desk) -> None:
    order = desk.place(price=D(90))
    desk.price(80)
    filled = desk.order(order.order_id)
    assert filled.state is OrderState.COMPLETE
    assert filled.average_price <= 90


def test_an_order_in_another_instrument_is_not_matched(desk) -> None:
    order = desk.place(price=D(90))
    desk.price(50, "NIFTY26NOV24200PE")
    assert desk.order(order.order_id).state is OrderState.OPEN


def test_a_protected_market_order_becomes_a_limit_and_fills(desk) -> None:
    order = desk.place(order_type=OrderType.MARKET, market_protection=D(2))
    assert order.order_type is OrderType.LIMIT
    assert order.price == D(102)
    assert order.state is OrderState.COMPLETE


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.SL_M])
@pytest.mark.parametrize("protection", [D(0), D(-2), D(101)])
def test_an_unprotected_market_order_is_refused_and_nothing_is_booked(desk, order_type, protection) -> None:
    with pytest.raises(Refusal) as refused:
        desk.place(order_type=order_type, trigger_price=D(110), market_protection=protection)
    assert refused.value.reason is Reason.MARKET_PROTECTION
    assert desk.exchange.orders("C1") == []


def test_a_stop_waits_for_its_trigger_and_then_fills(desk) -> None:
    order = desk.place(order_type=OrderType.SL, trigger_price=D(110), price=D(115))
    assert order.state is OrderState.TRIGGER_PENDING
    desk.price(112)
    assert desk.states(order) == [*BEFORE_THE_EXCHANGE, "TRIGGER PENDING", "OPEN", "COMPLETE"]
    assert 110 <= desk.order(order.order_id).average_price <= 115


def test_a_stop_that_the_market_jumps_over_rests_at_its_limit(desk) -> None:
    order = desk.place(order_type=OrderType.SL, trigger_price=D(110), price=D(112))
    desk.price(130)
    jumped = desk.order(order.order_id)
    assert (jumped.state, jumped.triggered, jumped.filled_quantity) == (OrderState.OPEN, True, 0)
    desk.price(111)
    assert desk.order(order.order_id).state is OrderState.COMPLETE


def test_a_protected_stop_market_becomes_a_stop_limit_off_its_trigger(desk) -> None:
    order = desk.place(order_type=OrderType.SL_M, side=Side.SELL, trigger_price=D(80), market_protection=D(5))
    assert (order.order_type, order.price, order.state) == (OrderType.SL, D(76), OrderState.TRIGGER_PENDING)


def test_an_ioc_that_cannot_fill_is_cancelled(desk) -> None:
    order = desk.place(validity=Validity.IOC)
    assert order.state is OrderState.CANCELLED
    assert (order.filled_quantity, order.cancelled_quantity, order.pending_quantity) == (0, 65, 0)


def test_partial_fills_add_up_and_are_announced(make: Callable[..., object]) -> None:
    desk = make(settings=Settings(partial_fill_ratio=1.0))
    order = desk.place(quantity=65 * 6, price=D(105))
    for _ in range(40):
        desk.tick()
        if desk.order(order.order_id).state is OrderState.COMPLETE:
            break
    done = desk.order(order.order_id)
    trades = desk.exchange.trades("C1", order.order_id)
    assert done.state is OrderState.COMPLETE
    assert len(trades) > 1
    assert all(trade.quantity % 65 == 0 for trade in trades)
    assert sum(trade.quantity for trade in trades) == 390
    assert done.average_price * 390 == sum(trade.price * trade.quantity for trade in trades)
    pushed = [seen.filled_quantity for seen in desk.seen if seen.order_id == order.order_id]
    assert pushed == sorted(pushed)
    assert pushed[-1] == 390


def test_no_fill_exceeds_what_the_book_offers(desk) -> None:
    offered = desk.market.quote(desk.token()).ask_quantity
    order = desk.place(quantity=1755, price=D(105))
    assert order.filled_quantity == min(offered, 1755)


def test_a_modify_reprices_and_may_fill(desk) -> None:
    order = desk.place(price=D(90))
    order = desk.modify(order, price=D(95), quantity=130)
    assert (order.price, order.quantity, order.modifications) == (D(95), 130, 1)
    assert desk.states(order)[-4:] == ["MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "OPEN"]
    order = desk.modify(order, price=D(105))
    assert order.state is OrderState.COMPLETE
    assert order.filled_quantity == 130


def test_a_limit_can_become_a_stop_and_a_protected_market(desk) -> None:
    order = desk.place(price=D(90))
    order = desk.modify(order, order_type=OrderType.SL, trigger_price=D(120), price=D(125))
    assert order.state is OrderState.TRIGGER_PENDING
    order = desk.modify(order, order_type=OrderType.MARKET, market_protection=D(-1))
    assert (order.state, order.order_type) == (OrderState.COMPLETE, OrderType.LIMIT)


def test_a_triggered_stop_can_be_chased(desk) -> None:
    order = desk.place(order_type=OrderType.SL, trigger_price=D(110), price=D(112))
    desk.price(130)
    order = desk.modify(order, price=D(135))
    assert order.state is OrderState.COMPLETE


def test_the_twenty_sixth_modify_is_refused(desk) -> None:
    order = desk.place(price=D(90))
    for step in range(25):
        order = desk.modify(order, price=D(60) + step)
    with pytest.raises(Refusal) as refused:
        desk.modify(order, price=D(50))
    assert refused.value.reason is Reason.MODIFICATIONS
    assert desk.order(order.order_id).price == D(84)


def test_a_refused_modify_changes_nothing(desk) -> None:
    order = desk.place(price=D(90))
    for wrong, reason in (
        ({"price": D("90.03")}, Reason.TICK),
        ({"quantity": 66}, Reason.LOT),
        ({"quantity": 1820}, Reason.FREEZE),
        ({"price": D(100_000)}, Reason.BAND),
        ({"order_type": OrderType.MARKET}, Reason.MARKET_PROTECTION),
    ):
        with pytest.raises(Refusal) as refused:
            desk.modify(order, **wrong)
        assert refused.value.reason is reason
    assert desk.order(order.order_id) == order


def test_a_partly_filled_order_cannot_shrink_to_what_is_filled(desk) -> None:
    order = desk.place(quantity=1755, price=D(102))
    for _ in range(100):
        if 0 < desk.order(order.order_id).filled_quantity < 1755:
            break
        order = desk.place(quantity=1755, price=D(102))
        desk.tick()
    partly = desk.order(order.order_id)
    assert 0 < partly.filled_quantity < 1755
    with pytest.raises(Refusal) as refused:
        desk.modify(partly, quantity=partly.filled_quantity)
    assert refused.value.reason is Reason.QUANTITY
    cancelled = desk.cancel(partly)
    assert cancelled.cancelled_quantity == 1755 - partly.filled_quantity
    assert cancelled.average_price == partly.average_price


def test_a_cancel_ends_an_order_once(desk) -> None:
    order = desk.cancel(desk.place(price=D(90)))
    assert desk.states(order)[-2:] == ["CANCEL PENDING", "CANCELLED"]
    assert order.cancelled_quantity == 65
    with pytest.raises(Refusal) as refused:
        desk.cancel(order)
    assert refused.value.reason is Reason.ORDER_NOT_OPEN
    desk.price(50)
    assert desk.order(order.order_id).filled_quantity == 0


def test_another_clients_orders_are_out_of_reach(desk) -> None:
    order = desk.place(price=D(90))
    desk.exchange.open_account("C2", cash=D(1000))
    with pytest.raises(Refusal) as refused:
        desk.exchange.cancel("C2", order.order_id, now=desk.now)
    assert refused.value.reason is Reason.UNKNOWN_ORDER
    with pytest.raises(Refusal) as unknown:
        desk.exchange.orders("nobody")
    assert unknown.value.reason is Reason.UNKNOWN_CLIENT


def test_listeners_hear_what_a_broker_would_push(desk) -> None:
    order = desk.place(order_type=OrderType.SL, trigger_price=D(110), price=D(115))
    desk.price(112)
    states = [seen.state.value for seen in desk.seen if seen.order_id == order.order_id]
    assert states == ["TRIGGER PENDING", "OPEN", "COMPLETE"]


def test_ids_are_unique_over_orders_and_trades(desk) -> None:
    orders = [desk.place(price=D(105)) for _ in range(50)]
    trades = [trade.trade_id for trade in desk.exchange.trades("C1")]
    assert len({order.order_id for order in orders}) == 50
    assert len({order.exchange_order_id for order in orders}) == 50
    assert len(set(trades)) == len(trades) >= 50


def test_the_book_is_cleared_in_the_early_morning_and_positions_are_carried(desk) -> None:
    desk.place(price=D(105))
    resting = desk.place(price=D(90))
    desk.now += timedelta(hours=20)
    desk.exchange.step(desk.now)
    assert desk.exchange.orders("C1") == []
    assert desk.exchange.trades("C1") == []
    assert desk.seen[-1].order_id == resting.order_id
    assert desk.seen[-1].state is OrderState.CANCELLED
    (position,) = desk.exchange.positions("C1")
    assert (position.quantity, position.overnight_quantity, position.day_buy_quantity) == (65, 65, 0)
    assert position.buy_quantity == 65


def test_a_halt_rejects_orders_and_fills_nothing(desk) -> None:
    resting = desk.place(price=D(90))
    desk.market.halt()
    order = desk.place(price=D(105))
    assert (order.state, order.reason) == (OrderState.REJECTED, Reason.HALTED)
    desk.tick()
    desk.market.halt(on=False)
    desk.price(80)
    assert desk.order(resting.order_id).state is OrderState.COMPLETE


def test_a_switch_rejects_after_acceptance_for_one_client_only(desk) -> None:
    desk.exchange.open_account("C2", cash=D(1_000_000))
    desk.exchange.switch(Switch(client="C1", reject_after_accept="16387 : Security is not allowed"))
    order = desk.place(price=D(105))
    assert (order.state, order.reason, order.message) == (
        OrderState.REJECTED,
        Reason.EXCHANGE,
        "16387 : Security is not allowed",
    )
    assert desk.states(order) == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "REJECTED"]
    desk.client = "C2"
    assert desk.place(price=D(105)).state is OrderState.COMPLETE


def test_a_fill_delay_holds_an_order_open(desk) -> None:
    desk.exchange.switch(Switch(symbol="NIFTY26NOV24200CE", fill_delay=timedelta(seconds=5)))
    order = desk.place(price=D(105))
    desk.tick(4)
    assert desk.order(order.order_id).state is OrderState.OPEN
    desk.tick(2)
    assert desk.order(order.order_id).state is OrderState.COMPLETE
    desk.exchange.clear_switches()
    assert desk.place(price=D(105)).state is OrderState.COMPLETE


def test_a_delayed_order_can_be_cancelled(desk) -> None:
    desk.exchange.switch(Switch(fill_delay=timedelta(seconds=5)))
    order = desk.cancel(desk.place(price=D(105)))
    desk.tick(10)
    assert desk.order(order.order_id).state is OrderState.CANCELLED


def test_the_most_specific_switch_wins(desk) -> None:
    desk.exchange.switch(Switch(partial_fill_ratio=0.0, reject_after_accept="all"))
    desk.exchange.switch(Switch(client="C1", symbol="NIFTY26NOV24200CE", reject_after_accept="this"))
    assert desk.place(price=D(105)).message == "this"
    assert desk.place(symbol="NIFTY26NOV24200PE", price=D(5)).message == "all"


def test_an_order_that_was_refused_may_be_given_an_id_and_turned_down_for_that(desk, order_of) -> None:
    wish = order_of(price=D("90.02"), tag="off1")
    with pytest.raises(Refusal) as refused:
        desk.exchange.place("C1", wish, now=desk.now)
    order_id = desk.exchange.turn_down("C1", wish, refused.value, now=desk.now)
    order = desk.order(order_id)
    assert desk.states(order) == [*BEFORE_THE_EXCHANGE[:2], "REJECTED"]
    assert (order.reason, order.message, order.tag) == (Reason.TICK, refused.value.message, "off1")
    assert desk.seen[-1] == order
    assert desk.exchange.margins("C1").used == 0
    desk.price(50)
    assert desk.order(order_id) == order
