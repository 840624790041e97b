"""What documented answers prove."""

import json

import pytest

from brokers.mastertrust.answers import order_outcome, read_data, read_result
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.mastertrust.cast import ORDER_ID, answer, data, recorded, refused, success

CHANGED_ID = "250328000020616"


def test_the_documented_place_modify_and_cancel_are_acknowledged():
    placed = order_outcome(answer("place_order_response"))
    assert (placed.verdict, placed.broker_order_id) == (Verdict.ACKNOWLEDGED, ORDER_ID)
    for name in ("modify_order_response", "cancel_order_response"):
        changed = order_outcome(answer(name), expected_id=CHANGED_ID)
        assert (changed.verdict, changed.broker_order_id) == (Verdict.ACKNOWLEDGED, CHANGED_ID)
        assert order_outcome(answer(name), expected_id="1").verdict is Verdict.UNKNOWN


def test_a_modifications_id_has_a_blank_before_it():
    assert data("modify_order_response")["oms_order_id"] == [f" {CHANGED_ID}"]


@pytest.mark.parametrize("name", ["place_bracket_response", "exit_bracket_response", "modify_order_response"])
def test_an_order_without_its_own_id_is_not_acknowledged(name):
    outcome = order_outcome(answer(name))
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "NO_ORDER_ID")


@pytest.mark.parametrize(
    "shown", [[], ["1", "2"], [ORDER_ID, ORDER_ID], [7], {"id": ORDER_ID}, "", None, "1", [f"{ORDER_ID}\n2"]]
)
def test_a_change_that_names_no_order_or_several_proves_nothing(shown):
    body = WireAnswer(200, success({"oms_order_id": shown}))
    assert order_outcome(body, expected_id=ORDER_ID).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("message", "code", "verdict"),
    [
        ("`product` is invalid", 44000, Verdict.REJECTED),
        ("`instrument_token` is invalid", 44000, Verdict.REJECTED),
        ("`order_type` can't be blank", 44000, Verdict.REJECTED),
        ("`price` is invalid", 45000, Verdict.REJECTED),
        ("`quantity` is invalid", 45000, Verdict.REJECTED),
        ("Error from backend: (1)-Trigger price cannot be above the limit", 45000, Verdict.REJECTED),
        ("Error from backend: (504)-request timed out", 45000, Verdict.UNKNOWN),
        ("Error from backend: (1)-anything else", 45000, Verdict.UNKNOWN),
        ("Something went wrong", 45010, Verdict.UNKNOWN),
        ("I say: `product` is invalid", 44000, Verdict.UNKNOWN),
        ("`product` is invalid", 45000, Verdict.UNKNOWN),
        ("`product` is invalid", None, Verdict.UNKNOWN),
        ("", 44000, Verdict.UNKNOWN),
    ],
)
def test_only_what_is_known_to_be_no_order_is_rejected(message, code, verdict):
    for status in (200, 400):
        assert order_outcome(refused(message, code=code, status=status)).verdict is verdict


@pytest.mark.parametrize("status", [301, 404, 500, 502, 503, 504])
def test_a_refusal_under_another_status_proves_nothing(status):
    assert order_outcome(refused("`product` is invalid", status=status)).verdict is Verdict.UNKNOWN


def test_the_gateways_own_statuses_say_it_all():
    lost = order_outcome(refused("Request Unauthorised", code=40000, status=401))
    assert lost.verdict is Verdict.SESSION_LOST
    slow = order_outcome(WireAnswer(429, refused("Too many requests", code=None).body, retry_after=2.0))
    assert (slow.verdict, slow.retry_after) == (Verdict.RATE_LIMITED, 2.0)
    assert order_outcome(WireAnswer(401, b"<html>")).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"<html>", b'{"status":"success"', b'{"status":1}', b"\xff", b'{"x":1}', b'{"x":"\xff"}'],
)
def test_a_body_that_is_not_the_platforms_proves_nothing(body):
    assert order_outcome(WireAnswer(200, body)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable, match="mastertrust funds"):
        read_data(WireAnswer(200, body), what="funds")


def test_reads_return_what_was_said():
    assert json.loads(bytes(read_data(answer("funds_view"), what="funds"))) == data("funds_view")
    assert json.loads(bytes(read_result(answer("search"), what="search")))[0]["token"] == 11536


@pytest.mark.parametrize("body", [b'{"error":{"code":1},"result":{}}', b'{"result":[]}', b'{"error":"no","result":[]}'])
def test_a_search_that_failed_is_an_error(body):
    with pytest.raises(BrokerUnavailable, match="mastertrust search"):
        read_result(WireAnswer(200, body), what="search")


def test_reads_tell_sessions_limits_and_the_rest_apart():
    with pytest.raises(SessionLost, match="mastertrust book"):
        read_data(refused("Request Unauthorised", code=40000, status=401), what="book")
    with pytest.raises(SessionLost, match="mastertrust book"):
        read_data(WireAnswer(401, b"<html>"), what="book")
    with pytest.raises(RateLimited) as slow:
        read_data(WireAnswer(429, refused("Too many requests", code=None).body, retry_after=2.0), what="book")
    assert slow.value.retry_after == 2.0
    with pytest.raises(BrokerUnavailable, match="Something went wrong"):
        read_data(refused("Something went wrong", code=45010, status=500), what="book")
    with pytest.raises(BrokerUnavailable):
        read_data(WireAnswer(500, recorded("funds_view")), what="funds")
