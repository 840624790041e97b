"""What the documented answers prove."""

import pytest

from brokers.ibkr.answers import order_outcome, question_of, read_body
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.ibkr.cast import answered, documented

QUESTION = [
    {
        "id": "07a13a5a-4a48-44a5-bb25-5ab37b79186c",
        "message": ['The following order "BUY 100" price exceeds \nthe Percentage constraint of 3%.'],
        "isSuppressed": False,
        "messageIds": ["o163"],
    }
]


def test_a_documented_acknowledgement_has_the_orders_id():
    body = documented("trading-orders", "/iserver/account/{accountId}/orders", "POST")
    outcome = order_outcome(answered(body))
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, "1370093239")


def test_a_documented_cancellation_is_about_its_order():
    body = documented("trading-orders", "/iserver/account/{accountId}/order/{orderId}", "DELETE")
    assert order_outcome(answered(body), expected_id="1370093239").verdict is Verdict.ACKNOWLEDGED
    assert order_outcome(answered(body), expected_id="1370093240").verdict is Verdict.UNKNOWN


def test_the_guides_answer_with_one_object():
    outcome = order_outcome(answered({"msg": "Request was submitted", "order_id": 987654, "conid": 265598}))
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, "987654")


def test_an_order_that_is_asked_about_is_not_placed():
    question = question_of(answered(QUESTION))
    assert question is not None
    assert (question.kinds, question.is_precaution) == (("o163",), True)
    assert "Percentage constraint" in question.text
    assert order_outcome(answered(QUESTION)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("kinds", [[], ["p12"], ["o163", "p6"], ["o2137"]])
def test_what_would_change_the_order_is_no_precaution(kinds):
    question = question_of(answered([{**QUESTION[0], "messageIds": kinds}]))
    assert question is not None
    assert not question.is_precaution


@pytest.mark.parametrize(
    "answer",
    [
        answered([]),
        answered({}),
        answered([{"order_id": "1"}]),
        answered(QUESTION * 2),
        answered(QUESTION, status=500),
        answered([{**QUESTION[0], "order_id": "1"}]),
        answered({"error": "no"}),
        WireAnswer(200, b"<html>"),
    ],
)
def test_anything_else_asks_nothing(answer):
    assert question_of(answer) is None


@pytest.mark.parametrize("status", [200, 400])
def test_a_tag_that_is_registered_already_is_unknown_because_the_order_is_there(status):
    error = "Order couldn't be submitted: Local order ID=VAYDA1 is already registered."
    assert order_outcome(answered({"error": error}, status)).verdict is Verdict.UNKNOWN


def test_reads_raise_what_an_error_means():
    with pytest.raises(SessionLost, match="ibkr"):
        read_body(answered({"error": "not authenticated", "statusCode": 401}, 401), what="funds")
    with pytest.raises(SessionLost):
        read_body(answered({"error": "Bad Request: no bridge", "statusCode": 400}, 400), what="funds")
    with pytest.raises(RateLimited):
        read_body(answered({"error": "Too Many Requests"}, 429), what="funds")
    with pytest.raises(RateLimited):
        read_body(WireAnswer(429, b"slow down"), what="funds")
    for answer in (answered({"error": "later"}), answered({}, 503), WireAnswer(200, b""), WireAnswer(401, b"Denied")):
        with pytest.raises(BrokerUnavailable, match="ibkr"):
            read_body(answer, what="funds")
    assert read_body(answered([1]), what="funds") == b"[1]"
