"""What an answer to an order call proves, and what it never does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.transport import WireAnswer
from brokers.zerodha.answers import order_outcome, read_data
from domain.broker import BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict
from tests.brokers.zerodha.cast import answer

HTML = b"<html><body>502 Bad Gateway</body></html>"


def error(error_type: str, message: str = "Insufficient funds. Required margin is 95417.84") -> bytes:
    return json.dumps({"status": "error", "message": message, "error_type": error_type, "data": None}).encode()


def success(data: object) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


MATRIX = [
    (200, success({"order_id": "151220000000000"}), Verdict.ACKNOWLEDGED),
    (200, success({"order_id": "1914227164488687616", "children": []}), Verdict.ACKNOWLEDGED),
    # 200 without a usable id proves nothing
    (200, success({}), Verdict.UNKNOWN),
    (200, success({"order_id": ""}), Verdict.UNKNOWN),
    (200, success({"order_id": "  "}), Verdict.UNKNOWN),
    (200, success({"order_id": "1\x002"}), Verdict.UNKNOWN),
    (200, success({"order_id": "9" * 65}), Verdict.UNKNOWN),
    (200, success({"order_id": None}), Verdict.UNKNOWN),
    (200, success({"order_id": 151220000000000}), Verdict.UNKNOWN),
    (200, success([]), Verdict.UNKNOWN),
    (200, success(None), Verdict.UNKNOWN),
    (200, b'{"status":"success"}', Verdict.UNKNOWN),
    (200, b'{"order_id":"1"}', Verdict.UNKNOWN),
    (200, error("InputException"), Verdict.UNKNOWN),
    (200, b"", Verdict.UNKNOWN),
    (200, b"{}", Verdict.UNKNOWN),
    (200, b"null", Verdict.UNKNOWN),
    (200, HTML, Verdict.UNKNOWN),
    (200, b'{"status":"success","data":{"order_id":"1512', Verdict.UNKNOWN),
    (200, b"\xff\xfe\x00", Verdict.UNKNOWN),
    # an id under any other status is not what Kite documents
    (201, success({"order_id": "1"}), Verdict.UNKNOWN),
    (202, success({"order_id": "1"}), Verdict.UNKNOWN),
    (301, b"", Verdict.UNKNOWN),
    (302, success({"order_id": "1"}), Verdict.UNKNOWN),
    # proved refusals
    (400, error("InputException", "Invalid `tradingsymbol`."), Verdict.REJECTED),
    (400, error("MarginException"), Verdict.REJECTED),
    (400, error("HoldingException", "Insufficient stock holding."), Verdict.REJECTED),
    (400, error("UserException", "The user is not enabled for the segment."), Verdict.REJECTED),
    (403, error("PermissionException", "The IP 10.0.0.1 is not allowed to place orders."), Verdict.REJECTED),
    (400, error("OrderException", "The order price is not a multiple of tick size."), Verdict.REJECTED),
    (400, error("OrderException", "Quantity exceeds freeze quantity"), Verdict.REJECTED),
    (400, error("OrderException", "Order cannot be cancelled as it is being processed."), Verdict.REJECTED),
    (400, error("OrderException", "Your order price is outside the circuit limit."), Verdict.REJECTED),
    (400, error("OrderException", "Order cannot be changed: it is complete."), Verdict.REJECTED),
    (400, error("OrderException", "Maximum allowed order modifications exceeded."), Verdict.REJECTED),
    (400, error("OrderException", "Invalid `order_id`."), Verdict.REJECTED),
    # the same types in words that leave it open
    (400, error("OrderException", "Order cannot be cancelled now. Try later."), Verdict.UNKNOWN),
    (400, error("OrderException", "Order request timed out. Please check the order book."), Verdict.UNKNOWN),
    (400, error("InputException", "The request timed out"), Verdict.UNKNOWN),
    (400, error("InputException", "Gateway timeout"), Verdict.UNKNOWN),
    (400, error("MarginException", "Could not fetch margins. Try again."), Verdict.UNKNOWN),
    (400, error("OrderException", "Something went wrong."), Verdict.UNKNOWN),
    (400, error("OrderException", "Order placement failed."), Verdict.UNKNOWN),
    (400, error("OrderException", ""), Verdict.UNKNOWN),
    (400, error("InputException", ""), Verdict.UNKNOWN),
    # types that say nothing about acceptance
    (400, error("NetworkException", "Insufficient funds"), Verdict.UNKNOWN),
    (400, error("GeneralException", "Insufficient funds"), Verdict.UNKNOWN),
    (400, error("DataException", "Insufficient funds"), Verdict.UNKNOWN),
    (400, error("SomethingNewException", "Insufficient funds"), Verdict.UNKNOWN),
    (400, b"Bad Request", Verdict.UNKNOWN),
    (400, b'{"status":"error","message":"Insufficient funds"}', Verdict.UNKNOWN),
    # a dead session
    (403, error("TokenException", "Incorrect `api_key` or `access_token`."), Verdict.SESSION_LOST),
    (403, HTML, Verdict.UNKNOWN),
    (400, error("TokenException", "Incorrect `api_key` or `access_token`."), Verdict.UNKNOWN),
    # rate limits
    (429, error("NetworkException", "Too many requests"), Verdict.RATE_LIMITED),
    (429, error("GeneralException", "Too many requests"), Verdict.UNKNOWN),
    (429, b"Too many requests", Verdict.UNKNOWN),
    (429, b"", Verdict.UNKNOWN),
    # whatever comes from a failing server
    (500, error("OrderException", "Insufficient funds"), Verdict.UNKNOWN),
    (500, error("InputException", "Invalid `tradingsymbol`."), Verdict.UNKNOWN),
    (502, error("NetworkException", "Gateway timeout"), Verdict.UNKNOWN),
    (502, HTML, Verdict.UNKNOWN),
    (503, success({"order_id": "1"}), Verdict.UNKNOWN),
    (504, b"", Verdict.UNKNOWN),
    (404, error("DataException", "Route not found"), Verdict.UNKNOWN),
    (405, error("GeneralException", "Method not allowed"), Verdict.UNKNOWN),
    (408, b"", Verdict.UNKNOWN),
    (410, error("GeneralException", "Gone"), Verdict.UNKNOWN),
    (425, b"", Verdict.UNKNOWN),
]


@pytest.mark.parametrize(("status", "body", "verdict"), MATRIX)
def test_an_order_answer_proves_only_what_it_says(status, body, verdict):
    outcome = order_outcome(WireAnswer(status, body))
    assert outcome.verdict is verdict
    assert bool(outcome.broker_order_id) is (verdict is Verdict.ACKNOWLEDGED)


@pytest.mark.parametrize(
    ("name", "order_id"),
    [
        ("order_response.json", "151220000000000"),
        ("order_modify.json", "151220000000000"),
        ("order_cancel.json", "151220000000000"),
        ("autoslice_response.json", "1914227164488687616"),
    ],
)
def test_recorded_order_answers_carry_their_id(name, order_id):
    assert order_outcome(answer(name)) == Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)


def test_an_answer_about_another_order_proves_nothing():
    outcome = order_outcome(answer("order_cancel.json"), expected_id="42")
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "OTHER_ORDER")


def test_a_refusals_words_are_bounded_and_printable():
    outcome = order_outcome(WireAnswer(400, error("MarginException", "Insufficient\x00 funds\n" + "x" * 100_000)))
    assert outcome.message.startswith("Insufficient  funds x")
    assert len(outcome.message) == 300


def test_a_refusal_keeps_the_brokers_code_and_words():
    outcome = order_outcome(WireAnswer(400, error("MarginException", "Insufficient funds. 1.50 short")))
    assert (outcome.code, outcome.message) == ("MarginException", "Insufficient funds. 1.50 short")


@given(status=st.integers(100, 599), body=st.binary(max_size=200))
def test_no_answer_of_random_bytes_proves_anything(status, body):
    assert order_outcome(WireAnswer(status, body)).verdict is Verdict.UNKNOWN


@given(
    status=st.integers(100, 599),
    error_type=st.sampled_from(["OrderException", "InputException", "NetworkException", "TokenException"]),
    message=st.text(max_size=60),
)
def test_a_failing_server_never_refuses(status, error_type, message):
    outcome = order_outcome(WireAnswer(status, error(error_type, message)))
    if status >= 500 or status < 400:
        assert outcome.verdict is Verdict.UNKNOWN


def test_a_read_returns_the_data_of_a_success():
    assert json.loads(bytes(read_data(answer("order_response.json"), what="x"))) == {"order_id": "151220000000000"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, error("TokenException", "Incorrect `api_key`"), SessionLost, "TokenException"),
        (429, error("NetworkException", "Too many requests"), RateLimited, "NetworkException"),
        (429, b"slow down", RateLimited, "HTTP_429"),
        (403, error("PermissionException", "no"), BrokerUnavailable, "PermissionException"),
        (400, error("InputException", "no"), BrokerUnavailable, "InputException"),
        (500, error("GeneralException", "no"), BrokerUnavailable, "GeneralException"),
        (502, HTML, BrokerUnavailable, "HTTP_502"),
        (200, HTML, BrokerUnavailable, "MALFORMED"),
        (200, b"", BrokerUnavailable, "MALFORMED"),
        (200, b'{"status":"success","data":[', BrokerUnavailable, "MALFORMED"),
        (200, error("GeneralException", "no"), BrokerUnavailable, "GeneralException"),
    ],
)
def test_a_refused_read_raises_what_it_means(status, body, kind, code):
    with pytest.raises(kind, match="order book") as caught:
        read_data(WireAnswer(status, body), what="order book")
    assert type(caught.value) is kind
    assert caught.value.code == code
