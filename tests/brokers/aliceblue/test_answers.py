"""What recorded answers prove."""

import json

import msgspec
import pytest

from brokers.aliceblue.answers import order_outcome, read_result, read_whole
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.aliceblue.cast import answer, recorded, refused

PLACED = "04-orders-management__place-order__02.json"
CHANGED = ("04-orders-management__modify-order__07.json", "04-orders-management__cancel-order__09.json")
GONE = (
    "EC997 : The specified order is not available in the order book and cannot be canceled. "
    "Please verify the order details and try again."
)


def test_the_recorded_place_modify_and_cancel_are_acknowledged():
    placed = order_outcome(answer(PLACED))
    assert (placed.verdict, placed.broker_order_id) == (Verdict.ACKNOWLEDGED, "250526000002697")
    for name in CHANGED:
        changed = order_outcome(answer(name), expected_id="250526000002881")
        assert (changed.verdict, changed.broker_order_id) == (Verdict.ACKNOWLEDGED, "250526000002881")
        assert order_outcome(answer(name), expected_id="1").code == "OTHER_ORDER"


@pytest.mark.parametrize("status", [201, 202, 302, 400, 401, 500, 502])
def test_a_success_with_another_status_proves_nothing(status):
    assert order_outcome(answer(PLACED, status=status)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{}],
        [{"brokerOrderId": None}],
        [{"brokerOrderId": 7}],
        [{"brokerOrderId": ""}],
        [{"brokerOrderId": "1"}, {"brokerOrderId": "2"}],
        {"brokerOrderId": "1"},
        None,
    ],
)
def test_a_success_that_does_not_name_one_order_proves_nothing(rows):
    body = json.dumps({"status": "Ok", "message": "Success", "result": rows}).encode()
    outcome = order_outcome(WireAnswer(200, body))
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "NO_ORDER_ID")


@pytest.mark.parametrize(
    ("message", "verdict", "code"),
    [
        ("EC954", Verdict.REJECTED, "EC954"),
        ("EC954 : 'quantity' should be a multiple of the lot size.", Verdict.REJECTED, "EC954"),
        ("Invalid request [EC947]", Verdict.REJECTED, "EC947"),
        (GONE, Verdict.REJECTED, "EC997"),
        ("EC087", Verdict.SESSION_LOST, "EC087"),
        ("EC003 : An error occurred. Please try again later.", Verdict.UNKNOWN, "EC003"),
        ("EC912 : Failed to place the order.", Verdict.UNKNOWN, "EC912"),
        ("EC954 : timed out", Verdict.UNKNOWN, "EC954"),
        ("EC123", Verdict.UNKNOWN, "EC123"),
        ("'quantity' should be a multiple of the lot size.", Verdict.UNKNOWN, "HTTP_200"),
        ("", Verdict.UNKNOWN, "HTTP_200"),
    ],
)
def test_only_codes_of_the_table_prove_anything(message, verdict, code):
    outcome = order_outcome(refused(message))
    assert (outcome.verdict, outcome.code, outcome.message) == (verdict, code, message)


def test_a_code_may_stand_in_the_emsg_and_with_a_400():
    body = json.dumps({"stat": "Not_Ok", "emsg": "EC941"}).encode()
    assert order_outcome(WireAnswer(400, body)).verdict is Verdict.REJECTED


@pytest.mark.parametrize("status", [403, 404, 500, 502, 503])
def test_a_gateways_status_proves_nothing(status):
    assert order_outcome(refused("EC954", status=status)).verdict is Verdict.UNKNOWN


def test_a_401_was_not_applied_and_a_429_neither():
    for dead in (WireAnswer(401, b""), refused("Unauthorized", status=401), refused("EC087", status=401)):
        assert order_outcome(dead).verdict is Verdict.SESSION_LOST
        with pytest.raises(SessionLost, match="aliceblue"):
            read_result(dead, what="book")
    assert order_outcome(WireAnswer(401, b"<html></html>")).verdict is Verdict.UNKNOWN
    assert order_outcome(refused("Too many requests", status=429)).verdict is Verdict.RATE_LIMITED
    with pytest.raises(RateLimited):
        read_result(WireAnswer(429, b"", retry_after=3.0), what="book")


@pytest.mark.parametrize("code", ["EC916", "EC920", "EC922", "EC926"])
def test_a_books_own_nothing_found_is_an_empty_list(code):
    for status in (200, 400):
        assert bytes(read_result(refused(code, status=status), what="book", nothing=code)) == b"[]"
    with pytest.raises(BrokerUnavailable):
        read_result(refused(code, status=502), what="book", nothing=code)


@pytest.mark.parametrize("nothing", ["", "EC916", "EC920"])
def test_another_books_nothing_found_says_nothing_of_this_one(nothing):
    for status in (200, 400):
        with pytest.raises(BrokerUnavailable) as raised:
            read_result(refused("EC926", status=status), what="book", nothing=nothing)
        assert raised.value.code == "EC926"


@pytest.mark.parametrize("code", ["EC915", "EC003", "EC927", "EC919", "EC917", "EC998"])
def test_a_read_that_failed_is_an_error(code):
    with pytest.raises(BrokerUnavailable, match="aliceblue") as raised:
        read_result(refused(code), what="book")
    assert raised.value.code == code


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b"null", b'{"status":"Ok"', b'{"status":7}', b"\xff"])
def test_what_is_not_theirs_proves_nothing(body):
    assert order_outcome(WireAnswer(200, body)).verdict is Verdict.UNKNOWN
    with pytest.raises(BrokerUnavailable, match="aliceblue") as raised:
        read_result(WireAnswer(200, body), what="book")
    assert raised.value.code == "MALFORMED"


def test_the_recorded_reads_are_read():
    name = "04-orders-management__order-book__03.json"
    (row,) = msgspec.json.decode(read_result(answer(name), what="book"))
    assert row["brokerOrderId"] == "25071400112229"
    session = "02-authentication__get-session__02.json"
    assert read_whole(answer(session), what="sign-in") == recorded(session)
    with pytest.raises(BrokerUnavailable, match="Invalid auth code"):
        read_whole(answer("02-authentication__get-session__03.json"), what="sign-in")
