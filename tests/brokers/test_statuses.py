"""The statuses India's order systems share: one in no table is refused, and so is a part that calls itself whole."""

import pytest

from brokers.rows import MalformedRow
from brokers.statuses import FINAL, WORKING, spoken, status_of
from domain.orders import OrderStatus, OrderType

S = OrderStatus


def read(text: str, order_type: OrderType = OrderType.LIMIT, *, filled: int = 0, **tables) -> OrderStatus:
    return status_of(text, order_type, filled=filled, quantity=10, **tables)


def test_the_tables_are_written_as_statuses_are_spoken_and_tell_different_things():
    assert all(spoken(text) == text for text in (*FINAL, *WORKING))
    assert not WORKING & set(FINAL)
    assert spoken(" TRIGGER_PENDING ") == spoken("Trigger  Pending") == "trigger pending"


@pytest.mark.parametrize("text", sorted(WORKING))
def test_an_order_that_works_is_never_read_as_one_that_ended(text):
    assert read(text) is (S.TRIGGER_PENDING if text == "trigger pending" else S.OPEN)
    assert read(text, filled=4) is S.PARTIALLY_FILLED
    assert read(text, OrderType.SL) is (S.OPEN if text == "open" else S.TRIGGER_PENDING)


def test_a_final_status_ends_an_order_that_was_filled_in_part():
    assert read("CANCELLED", filled=4) is S.CANCELLED
    assert read("Rejected") is S.REJECTED
    assert read("complete", filled=10) is S.FILLED


@pytest.mark.parametrize("filled", [0, 4, 11])
def test_a_complete_order_that_was_not_filled_whole_is_refused(filled):
    with pytest.raises(MalformedRow, match=f"'COMPLETE' with {filled} of 10"):
        read("COMPLETE", filled=filled)


@pytest.mark.parametrize("text", ["", "reject", "rejected by exchange", "expired", "update"])
def test_a_status_in_no_table_is_refused(text):
    with pytest.raises(MalformedRow, match="is not known"):
        read(text)


def test_a_broker_adds_its_own_words():
    assert read("UPDATE", filled=4, working=WORKING | {"update"}) is S.PARTIALLY_FILLED
    assert read("Traded", filled=10, final=FINAL | {"traded": S.FILLED}) is S.FILLED
