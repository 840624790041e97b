"""What recorded answers prove."""

import pytest

from brokers.fyers.answers import order_outcome, read_body
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.fyers.cast import recorded, refused, said

SHORT = "RED:Margin Shortfall:INR 5,000.00 Available:INR 1,000.00 for C-XA00001 [FYERS_RISK]"


def test_the_recorded_answers_are_acknowledged():
    for name, order_id in (
        ("response-attributes__19.json", "808058117761"),
        ("input-validations__20.json", "808058117761"),
        ("response-attributes__21.json", "25012400002074"),
    ):
        answer = WireAnswer(200, recorded(name))
        outcome = order_outcome(answer)
        assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, order_id)
        assert order_outcome(answer, expected_id=order_id).verdict is Verdict.ACKNOWLEDGED
        assert order_outcome(answer, expected_id="1").verdict is Verdict.UNKNOWN


def test_an_order_sent_on_without_an_acknowledgement_is_unknown():
    body = said(id="26112000000103").replace(b"200", b"201")
    assert order_outcome(WireAnswer(200, body)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("code", "message", "verdict"),
    [
        (-8, "Your token has expired", Verdict.SESSION_LOST),
        (-15, "Please provide valid token", Verdict.SESSION_LOST),
        (-16, "Could not authenticate the user", Verdict.SESSION_LOST),
        (-17, "Could not authenticate the user", Verdict.SESSION_LOST),
        (-50, "The input symbol is invalid.", Verdict.REJECTED),
        (-51, "Please provide a valid order number", Verdict.REJECTED),
        (-52, "Not a pending order", Verdict.REJECTED),
        (-300, "invalid symbol", Verdict.REJECTED),
        (-99, "RED:Price is outside the circuit limit", Verdict.REJECTED),
        (-99, SHORT, Verdict.REJECTED),
        (-99, "internal server error", Verdict.UNKNOWN),
        (-99, "Something went wrong", Verdict.UNKNOWN),
        (-99, "", Verdict.UNKNOWN),
        (-50, "request timed out", Verdict.UNKNOWN),
        (-1, "The input symbol is invalid.", Verdict.UNKNOWN),
        (50, "The input symbol is invalid.", Verdict.UNKNOWN),
    ],
)
def test_only_known_codes_prove_anything(code, message, verdict):
    outcome = order_outcome(refused(code, message))
    assert (outcome.verdict, outcome.code) == (verdict, str(code))
    assert outcome.is_margin is (message == SHORT)


@pytest.mark.parametrize("status", [301, 404, 500, 502, 503, 504])
def test_a_gateways_status_proves_nothing(status):
    assert order_outcome(refused(-50, "The input symbol is invalid.", status=status)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable):
        read_body(refused(-16, "no", status=status), what="book")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"s":"ok"', b'{"s":1}', b"\xff", b'{"code":200}'])
def test_a_body_that_is_not_fyers_json_proves_nothing(body):
    assert order_outcome(WireAnswer(200, body)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable, match="fyers limits"):
        read_body(WireAnswer(200, body), what="limits")


def test_reads_tell_sessions_and_limits_apart():
    with pytest.raises(SessionLost, match="fyers book"):
        read_body(refused(-16, "Could not authenticate the user", status=401), what="book")
    for code in (429, -429):
        with pytest.raises(RateLimited):
            read_body(refused(code, "request limit reached", status=429), what="book")
    with pytest.raises(RateLimited) as raised:
        read_body(WireAnswer(429, b"<html>error code: 1015</html>", retry_after=3.0), what="book")
    assert raised.value.retry_after == 3.0
    with pytest.raises(BrokerUnavailable):
        read_body(refused(-99, "internal server error"), what="book")


def test_no_data_is_a_word_only_where_it_is_expected():
    nothing = WireAnswer(200, b'{"s":"no_data","candles":[]}')
    assert read_body(nothing, what="history", empty="no_data")
    with pytest.raises(BrokerUnavailable):
        read_body(nothing, what="book")
