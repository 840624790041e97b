"""What may be asked of an order by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order_changes import (
    OPEN_REQUESTS,
    REQUEST_MOVES,
    NotAllowed,
    RequestStatus,
    Standing,
    Wish,
    check_cancel,
    check_change,
    check_changeable,
)
from domain.orders import UNRESOLVED, WORKING, IntentKind, OrderStatus, OrderType, Side
from domain.pricing import Touch

TICK = Decimal("0.05")
MARKET = Touch(last_price=Decimal(100), bid=Decimal("99.95"), ask=Decimal("100.05"))
ENTRY = Standing(
    kind=IntentKind.ENTRY,
    status=OrderStatus.OPEN,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    quantity=195,
    filled_quantity=0,
    price=Decimal(99),
    trigger_price=Decimal(0),
    lot_size=65,
    tick_size=TICK,
    changes_left=25,
)
STOP = replace(ENTRY, order_type=OrderType.SL, price=Decimal(103), trigger_price=Decimal(102))


def refused(order: Standing, wish: Wish, touch: Touch | None = MARKET) -> str:
    with pytest.raises(NotAllowed) as refusal:
        check_change(order, wish, touch=touch, protection=Decimal(3))
    assert refusal.value.message.endswith(".")
    return refusal.value.code


def allowed(order: Standing, wish: Wish) -> None:
    check_change(order, wish, touch=MARKET, protection=Decimal(3))


def refused_cancel(order: Standing) -> str:
    with pytest.raises(NotAllowed) as refusal:
        check_cancel(order)
    return refusal.value.code


@pytest.mark.parametrize("status", sorted(UNRESOLVED))
def test_an_entry_may_be_cancelled_while_it_may_still_fill(status: OrderStatus) -> None:
    check_cancel(replace(ENTRY, status=status))


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - UNRESOLVED))
def test_what_is_over_is_neither_cancelled_nor_changed(status: OrderStatus) -> None:
    over = replace(ENTRY, status=status)
    assert (refused_cancel(over), refused(over, Wish(price=Decimal(98)))) == ("ORDER_OVER", "ORDER_OVER")


@pytest.mark.parametrize("status", sorted(OrderStatus))
def test_an_exit_is_never_touched_by_hand(status: OrderStatus) -> None:
    leaving = replace(ENTRY, kind=IntentKind.EXIT, status=status)
    assert (refused_cancel(leaving), refused(leaving, Wish(price=Decimal(98)))) == ("PROTECTS", "PROTECTS")


def test_a_cancel_is_asked_for_once() -> None:
    assert refused_cancel(replace(ENTRY, is_cancelling=True)) == "CANCELLING"


@pytest.mark.parametrize("status", sorted(UNRESOLVED - WORKING))
def test_only_what_rests_at_the_broker_is_changed(status: OrderStatus) -> None:
    assert refused(replace(ENTRY, status=status), Wish(price=Decimal(98))) == "NOT_RESTING"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(ENTRY, is_cancelling=True), "CANCELLING"),
        (replace(ENTRY, is_leaving=True), "CANCELLING"),
        (replace(ENTRY, is_changing=True), "CHANGING"),
        (replace(ENTRY, changes_left=0), "NO_CHANGES_LEFT"),
        (replace(ENTRY, order_type=OrderType.MARKET), "ORDER_TYPE"),
    ],
)
def test_an_order_that_is_spoken_for_is_not_changed(order: Standing, code: str) -> None:
    assert refused(order, Wish(price=Decimal(98))) == code
    with pytest.raises(NotAllowed):
        check_changeable(order)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(), "NOTHING_NEW"),
        (Wish(price=Decimal(99), quantity=195), "NOTHING_NEW"),
        (Wish(quantity=260), "MORE"),
        (Wish(quantity=66), "LOT"),
        (Wish(price=Decimal("98.02")), "TICK"),
        (Wish(price=Decimal(0)), "PRICE"),
        (Wish(price=Decimal(-5)), "PRICE"),
        (Wish(price=Decimal("NaN")), "PRICE"),
        (Wish(trigger_price=Decimal(98)), "ORDER_TYPE"),
        (Wish(price=Decimal("103.10")), "TOO_FAR"),
    ],
)
def test_what_makes_no_sense_is_refused(wish: Wish, code: str) -> None:
    assert refused(ENTRY, wish) == code


def test_the_filled_part_cannot_be_taken_back() -> None:
    partly = replace(ENTRY, filled_quantity=65)
    assert refused(partly, Wish(quantity=65)) == "FILLED_ALREADY"
    allowed(partly, Wish(quantity=130))


def test_a_price_up_to_our_own_protection_goes() -> None:
    allowed(ENTRY, Wish(price=Decimal("103.05")))
    allowed(replace(ENTRY, side=Side.SELL), Wish(price=Decimal("96.95")))
    assert refused(replace(ENTRY, side=Side.SELL), Wish(price=Decimal("96.90"))) == "TOO_FAR"


@pytest.mark.parametrize("touch", [None, Touch(Decimal(0), Decimal(0), Decimal(0))])
def test_a_price_nobody_can_judge_is_refused_and_a_smaller_order_is_not(touch: Touch | None) -> None:
    assert refused(ENTRY, Wish(price=Decimal(98)), touch) == "NO_PRICE"
    check_change(ENTRY, Wish(quantity=65), touch=touch, protection=Decimal(3))


def test_a_stops_trigger_comes_before_its_limit() -> None:
    allowed(STOP, Wish(trigger_price=Decimal(101)))
    assert refused(STOP, Wish(trigger_price=Decimal(104))) == "TRIGGER"
    below = replace(STOP, side=Side.SELL, price=Decimal(97), trigger_price=Decimal(98))
    assert refused(below, Wish(price=Decimal(99))) == "TRIGGER"
    allowed(below, Wish(price=Decimal(97), trigger_price=Decimal("97.50")))
    assert refused(replace(STOP, order_type=OrderType.SL_M), Wish(price=Decimal(104))) == "ORDER_TYPE"


@given(quantity=st.integers(1, 400), filled=st.sampled_from([0, 65, 130]), lots=st.integers(1, 6))
def test_whatever_is_let_through_is_a_smaller_order_of_whole_lots(quantity: int, filled: int, lots: int) -> None:
    order = replace(ENTRY, quantity=65 * lots, filled_quantity=min(filled, 65 * lots - 65))
    try:
        allowed(order, Wish(quantity=quantity))
    except NotAllowed:
        return
    assert order.filled_quantity < quantity < order.quantity
    assert quantity % order.lot_size == 0


def test_a_request_ends_somewhere_and_stays_there() -> None:
    assert set(REQUEST_MOVES) == set(RequestStatus)
    assert {status for status, moves in REQUEST_MOVES.items() if moves} == OPEN_REQUESTS
    back = {status for status, moves in REQUEST_MOVES.items() if RequestStatus.WAITING in moves}
    assert back == {RequestStatus.SENT}  # what nobody knows about is never tried again
