"""What recorded answers prove."""

import json

import pytest

from brokers.noren.answers import NoData, order_outcome, read_list, read_object
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.noren.cast import SPEC, answer, recorded, refused

SESSION = "Session Expired : Invalid Session Key"
TOO_MANY = "Invalid Input : Order Recieved 11 in a current second exceeds Limit 10 for user"
NO_DATA = 'Error Occurred : 5 "no data"'


def test_the_recorded_place_modify_and_cancel_are_acknowledged():
    placed = order_outcome(SPEC, answer("03-orders__response__01.json"))
    assert (placed.verdict, placed.broker_order_id) == (Verdict.ACKNOWLEDGED, "20052000000017")
    for name in ("03-orders__response__02.json", "03-orders__response__03.json"):
        changed = order_outcome(SPEC, answer(name), expected_id="20052600000103")
        assert (changed.verdict, changed.broker_order_id) == (Verdict.ACKNOWLEDGED, "20052600000103")
        assert order_outcome(SPEC, answer(name), expected_id="1").verdict is Verdict.UNKNOWN
        assert order_outcome(SPEC, answer(name)).code == "NO_ORDER_ID"


@pytest.mark.parametrize(
    ("emsg", "verdict", "code"),
    [
        (SESSION, Verdict.SESSION_LOST, "Session Expired"),
        (TOO_MANY, Verdict.RATE_LIMITED, "Invalid Input"),
        ("Invalid Input : Missing uid or actid or prd.", Verdict.REJECTED, "Invalid Input"),
        ("Rejected : ORA:Order not found to Cancel", Verdict.REJECTED, "Rejected"),
        ("Rejected : ORA:anything else", Verdict.UNKNOWN, "Rejected"),
        ("Server Timeout :  ", Verdict.UNKNOWN, "Server Timeout"),
        ("Invalid Input : Server Timeout", Verdict.UNKNOWN, "Invalid Input"),
        (NO_DATA, Verdict.UNKNOWN, "Error Occurred"),
        ("", Verdict.UNKNOWN, "HTTP_200"),
        ("I said: Invalid Input : x", Verdict.UNKNOWN, "I said"),
    ],
)
def test_only_documented_texts_prove_anything(emsg, verdict, code):
    outcome = order_outcome(SPEC, refused(emsg))
    assert (outcome.verdict, outcome.code) == (verdict, code)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 500, 502, 503])
def test_a_gateways_status_proves_nothing(status):
    assert order_outcome(SPEC, refused("Invalid Input : qty", status=status)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable):
        read_list(SPEC, refused(NO_DATA, status=status) if status != 301 else WireAnswer(301, b""), what="book")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"stat":"Ok"', b'{"stat":1}', b"\xff", b'{"x":1}'])
def test_a_body_that_is_not_noren_json_proves_nothing(body):
    assert order_outcome(SPEC, WireAnswer(200, body)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable):
        read_object(SPEC, WireAnswer(200, body), what="limits")


def test_no_data_is_an_empty_list_and_nothing_else_is():
    assert json.loads(read_list(SPEC, refused(NO_DATA), what="book")) == []
    assert json.loads(read_list(SPEC, refused("No Data :  "), what="book")) == []
    assert json.loads(read_list(SPEC, answer("03-orders__response__04.json"), what="book"))
    for odd in (b"", b"{}", recorded("03-orders__response__01.json")):
        with pytest.raises(BrokerUnavailable):
            read_list(SPEC, WireAnswer(200, odd), what="book")
    with pytest.raises(NoData):
        read_object(SPEC, refused(NO_DATA), what="quote")


def test_reads_tell_sessions_and_limits_apart():
    for status in (200, 400):
        with pytest.raises(SessionLost, match="flattrade book: Session Expired"):
            read_list(SPEC, refused(SESSION, status=status), what="book")
        with pytest.raises(RateLimited):
            read_object(SPEC, refused(TOO_MANY, status=status), what="limits")
    with pytest.raises(RateLimited):
        read_list(SPEC, WireAnswer(429, b"slow down", retry_after=3.0), what="book")
    with pytest.raises(BrokerUnavailable):
        read_list(SPEC, refused("Server Timeout :  "), what="book")
