"""What Kotak's documented answers prove."""

import pytest

from brokers.kotak.answers import order_outcome, read_object, read_rows
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.kotak.cast import DOCS, ORDER_ID, V3, answer, recorded

PLACED = f"{DOCS}/06-trading-place-modify-cancel__5-response__01.json"
NO_DATA = f"{V3}/functions-readme__no-data-response__02.json"


def test_an_accepted_order_has_its_number():
    outcome = order_outcome(answer(recorded(PLACED)))
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, ORDER_ID)
    assert order_outcome(answer(recorded(PLACED)), expected_id=ORDER_ID).verdict is Verdict.ACKNOWLEDGED


def test_a_success_that_names_no_order_or_another_proves_nothing():
    empty = order_outcome(answer(recorded(f"{V3}/functions-orders-place-order__sample-response__01.json")))
    assert (empty.verdict, empty.code) == (Verdict.UNKNOWN, "NO_ORDER_ID")
    other = order_outcome(answer(recorded(PLACED)), expected_id="250720000009999")
    assert (other.verdict, other.code) == (Verdict.UNKNOWN, "OTHER_ORDER")


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("06-trading-place-modify-cancel__5-response__02.json", Verdict.REJECTED, "1004"),
        ("06-trading-place-modify-cancel__5-response__04.json", Verdict.REJECTED, "1006"),
        ("06-trading-place-modify-cancel__5-response__06.json", Verdict.REJECTED, "1006"),
        ("07-portfolio-positions__200-response-fields__02.json", Verdict.SESSION_LOST, "1003"),
        ("03-static-ip-whitelisting__error-responses__01.json", Verdict.REJECTED, "100008"),
        ("03-static-ip-whitelisting__error-responses__02.json", Verdict.SESSION_LOST, "1037"),
    ],
)
def test_recorded_refusals(name, verdict, code):
    outcome = order_outcome(answer(recorded(f"{DOCS}/{name}")))
    assert (outcome.verdict, outcome.code, outcome.is_margin) == (verdict, code, code == "1004")
    assert outcome.message


def test_a_completed_order_refuses_changes_though_its_stat_is_a_sentence():
    body = {"stCode": 1021, "errMsg": "order is completed", "stat": "please provide valid order number"}
    assert order_outcome(answer(body), expected_id=ORDER_ID).verdict is Verdict.REJECTED


@pytest.mark.parametrize(
    "body",
    [
        {"stat": "Not_Ok", "emsg": "Internal Error", "stCode": 1005},
        {"stat": "Not_Ok", "emsg": "Invalid Quantity", "stCode": 1009, "nOrdNo": ORDER_ID},
        {"stat": "Ok", "nOrdNo": ORDER_ID},
        {"stat": "Ok", "nOrdNo": ORDER_ID, "stCode": 1009},
        {"stat": "Ok", "nOrdNo": int(ORDER_ID), "stCode": 200},
        {"nOrdNo": ORDER_ID, "stCode": 200},
        {"stat": "Not_Ok", "emsg": "", "stCode": 1009},
        {"stat": "Not_Ok", "emsg": "The request timed out", "stCode": 1009},
        {"stCode": 5203, "errMsg": "No Data", "stat": "Not_Ok"},
        {"error": "Invalid"},
        [],
        None,
    ],
)
def test_what_proves_nothing_is_unknown(body):
    assert order_outcome(answer(body)).verdict is Verdict.UNKNOWN


def test_a_gateway_proves_nothing_whatever_it_quotes():
    refusal = recorded(f"{DOCS}/06-trading-place-modify-cancel__5-response__02.json")
    for status in (424, 500, 502, 503, 504):
        assert order_outcome(answer(refusal, status=status)).verdict is Verdict.UNKNOWN
        assert order_outcome(answer(recorded(PLACED), status=status)).verdict is Verdict.UNKNOWN


def test_too_many_calls_wait_as_long_as_they_are_told():
    body = b'{"error":[{"code":"900802","message":"Message throttled out"}]}'
    outcome = order_outcome(WireAnswer(429, body, retry_after=2.0))
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RATE_LIMITED, 2.0)
    with pytest.raises(RateLimited, match="kotak order book") as raised:
        read_rows(WireAnswer(429, body, retry_after=2.0), what="order book")
    assert raised.value.retry_after == 2.0
    assert order_outcome(WireAnswer(429, b"<html>")).verdict is Verdict.UNKNOWN


def test_no_data_is_an_empty_list_and_nothing_else_is():
    assert read_rows(answer(recorded(NO_DATA)), what="order book") == b"[]"
    unproved = ({"stat": "Ok", "stCode": 200}, {"stat": "Ok", "stCode": 200, "data": None}, {"data": {}}, {"data": []})
    for body in (*unproved, {}, []):
        with pytest.raises(BrokerUnavailable, match="kotak order book"):
            read_rows(answer(body), what="order book")
    with pytest.raises(BrokerUnavailable):
        read_rows(answer(recorded(NO_DATA), status=502), what="order book")
    with pytest.raises(BrokerUnavailable):
        read_object(answer(recorded(NO_DATA)), what="limits")


def test_lists_come_with_a_verdict_and_holdings_without():
    for name in ("functions-orders-order-report", "functions-orders-trade-report"):
        shown = read_rows(answer(recorded(f"{V3}/{name}__sample-response__01.json")), what="book")
        assert bytes(shown).startswith(b"[")
    holdings = recorded(f"{V3}/functions-portfolio-holdings__sample-response__01.json")
    assert bytes(read_rows(answer(holdings), what="holdings", is_bare=True)).startswith(b"[")
    with pytest.raises(BrokerUnavailable):
        read_rows(answer(holdings), what="order book")
    with pytest.raises(BrokerUnavailable):
        read_rows(answer(holdings, status=503), what="holdings", is_bare=True)


def test_a_session_that_is_gone_is_told_as_such():
    for status, body in (
        (403, {"stat": "Not_Ok", "emsg": "Invalid session", "stCode": 1003}),
        (403, {"error": [{"code": "403", "message": "Invalid session, please re-login to continue"}]}),
        (401, {"status": "error", "message": "Session token/sid expired or missing", "errorCode": "401"}),
        (403, {"error": [{"message": "invalid session"}]}),
    ):
        with pytest.raises(SessionLost, match="kotak limits"):
            read_object(answer(body, status=status), what="limits")
    for odd in (b"<html>Forbidden</html>", b"{}"):
        with pytest.raises(BrokerUnavailable):
            read_object(WireAnswer(403, odd), what="limits")
