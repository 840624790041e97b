"""What each return code proves of an order."""

from typing import Any

import pytest

from brokers.mt5.answers import order_outcome
from brokers.mt5.protocol import Bars, Result, read
from brokers.mt5.retcodes import ACCEPTED, NAMES, NOTHING_TO_REDUCE, REFUSALS, UNPROVED
from domain.broker import NOTHING_AT_BROKER, Outcome, Verdict
from tests.brokers.mt5 import words

PROVED = sorted(NAMES.keys() - ACCEPTED - UNPROVED - {10019, 10024})


def outcome(retcode: int, *, expected_id: str = "", **changes: Any) -> Outcome:
    said = read(words.result("s", "A", retcode, **changes), Result)
    return order_outcome(said, expected_id=expected_id)


@pytest.mark.parametrize("retcode", sorted(ACCEPTED))
def test_a_ticket_is_an_order(retcode: int):
    found = outcome(retcode, order=77)
    assert (found.verdict, found.broker_order_id) == (Verdict.ACKNOWLEDGED, "77")
    assert outcome(retcode, order=0).verdict is Verdict.UNKNOWN
    assert outcome(retcode, order=77, expected_id="78").code == "OTHER_ORDER"


@pytest.mark.parametrize("retcode", PROVED)
def test_documented_refusals_prove_that_nothing_was_accepted(retcode: int):
    found = outcome(retcode, order=0)
    assert (found.verdict, found.code, found.is_margin) == (Verdict.REJECTED, str(retcode), False)
    assert found.message.startswith("mt5: ")
    assert outcome(retcode, comment="no answer from the exchange, try again").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("retcode", [*sorted(UNPROVED), 0, 1, 10000, 10005, 10037, 10047, 99_999])
def test_whatever_else_is_said_proves_nothing(retcode: int):
    found = outcome(retcode, order=0, last_error=4756)
    assert (found.verdict, found.code) == (Verdict.UNKNOWN, str(retcode))
    assert outcome(retcode, order=77).broker_order_id == ""


def test_money_and_haste_are_told_apart():
    assert outcome(10019, order=0).is_margin
    assert outcome(10024, order=0).verdict is Verdict.RATE_LIMITED


@pytest.mark.parametrize("word", sorted(REFUSALS - {NOTHING_TO_REDUCE}))
def test_the_terminals_own_refusal_proves_that_nothing_was_sent(word: str):
    found = outcome(0, order=0, refusal=word)
    assert (found.verdict, found.code) == (Verdict.REJECTED, word)


def test_an_exit_that_found_nothing_is_told_as_everywhere():
    found = outcome(0, order=0, refusal=NOTHING_TO_REDUCE)
    assert (found.verdict, found.code) == (Verdict.REJECTED, NOTHING_AT_BROKER)
    assert found.message.startswith("mt5: ")


def test_bars_answer_no_order():
    said = read(words.bars("s", "A"), Bars)
    assert order_outcome(said, expected_id="").verdict is Verdict.UNKNOWN
