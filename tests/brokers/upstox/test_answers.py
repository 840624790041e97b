"""What Upstox's answers prove: the documentation's samples, and answers that only look like them."""

import json

import pytest

from brokers.transport import WireAnswer
from brokers.upstox.answers import order_outcome, read_data
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.upstox.cast import answer, error, recorded, success

PLACED = "13a-orders-place-v3__response-format__01.json"
MODIFIED = "13d-orders-modify-v3__response-format__01.json"
CANCELLED = "13f-orders-cancel-v3__response__01.json"


@pytest.mark.parametrize("name", [MODIFIED, CANCELLED])
def test_a_change_is_acknowledged_by_the_id_it_named(name):
    assert order_outcome(answer(name), expected_id="1644490272000").verdict is Verdict.ACKNOWLEDGED
    other = order_outcome(answer(name), expected_id="1644490272001")
    assert (other.verdict, other.code, other.broker_order_id) == (Verdict.UNKNOWN, "OTHER_ORDER", "")


def test_a_place_is_acknowledged_by_exactly_one_id():
    ids = json.loads(recorded(PLACED))["data"]["order_ids"]
    one = order_outcome(WireAnswer(200, success({"order_ids": ids[:1]})))
    assert (one.verdict, one.broker_order_id) == (Verdict.ACKNOWLEDGED, "1644490272000")
    for some in (ids, []):
        sliced = order_outcome(WireAnswer(200, success({"order_ids": some})))
        assert (sliced.verdict, sliced.code, sliced.broker_order_id) == (Verdict.UNKNOWN, "NO_ORDER_ID", "")
    assert f"{len(ids)} order ids" in order_outcome(answer(PLACED)).message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (201, success({"order_ids": ["1"]})),
        (207, b'{"status":"partial_success","data":{"order_ids":["1"]}}'),
        (200, success(None)),
        (200, success({"order_ids": [7]})),
        (200, success({"order_ids": "1"})),
        (200, success({"order_id": None})),
        (200, b'{"status":"pending","data":{"order_ids":["1"]}}'),
        (200, b""),
        (502, b"<html>Bad Gateway</html>"),
        (400, b'{"status":"error"}'),
        (400, b'{"status":"error","errors":null}'),
        (400, b'{"status":"error","errors":[{"message":"The quantity cannot be zero"}]}'),
        (400, recorded("03a-response-structure__error-responses__03.json")),
    ],
)
def test_what_is_not_a_whole_answer_proves_nothing(status, body):
    outcome = order_outcome(WireAnswer(status, body))
    assert (outcome.verdict, outcome.broker_order_id, bool(outcome.code)) == (Verdict.UNKNOWN, "", True)


def test_the_older_spelling_of_a_code_is_read_too():
    body = b'{"status":"error","errors":[{"errorCode":"UDAPI1052","message":"The quantity cannot be zero"}]}'
    outcome = order_outcome(WireAnswer(400, body))
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "UDAPI1052")


def test_too_many_calls_say_how_long_to_wait():
    body = error("UDAPI10005", "Too Many Request Sent")
    outcome = order_outcome(WireAnswer(429, body, retry_after=3.0))
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RATE_LIMITED, 3.0)
    with pytest.raises(RateLimited, match="upstox funds: Too Many") as refused:
        read_data(WireAnswer(429, body, retry_after=3.0), what="funds")
    assert refused.value.retry_after == 3.0


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, error("UDAPI100050", "Invalid token used to access API"), SessionLost, "UDAPI100050"),
        (423, error("UDAPI100072", "The Funds service is accessible from 5:30"), BrokerUnavailable, "UDAPI100072"),
        (429, b"slow down", RateLimited, "HTTP_429"),
        (503, b"<html>", BrokerUnavailable, "HTTP_503"),
        (200, b"<html>", BrokerUnavailable, "MALFORMED"),
        (500, b'{"status":"error","errors":[]}', BrokerUnavailable, "HTTP_500"),
        (500, success([]), BrokerUnavailable, "HTTP_500"),
    ],
)
def test_a_refused_read_is_an_error_of_its_kind(status, body, kind, code):
    with pytest.raises(kind, match="upstox order book") as raised:
        read_data(WireAnswer(status, body), what="order book")
    assert raised.value.code == code
