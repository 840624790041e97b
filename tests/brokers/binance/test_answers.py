"""What Binance's answers prove, on the documentation's own samples."""

import json

import pytest

from brokers.binance.answers import order_outcome, read_data
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, RateLimited, SessionLost, Verdict
from tests.brokers.binance.cast import samples


def answer(body: object, status: int = 200, **more: object) -> WireAnswer:
    return WireAnswer(status, json.dumps(body).encode(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_new_order_is_named_by_its_pair_and_client_order_id(number):
    outcome = order_outcome(answer(samples("spot_rest-api", "New order (TRADE)")[number]))
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, "BTCUSDT:6gCrw2kRUAF9CvJDGP16IP")


def test_a_cancel_is_about_the_order_that_was_and_not_the_cancel():
    body = samples("spot_rest-api", "Cancel order (TRADE)")[0]
    assert order_outcome(answer(body), expected_id="LTCBTC:myOrder1").verdict is Verdict.ACKNOWLEDGED
    assert order_outcome(answer(body), expected_id="LTCBTC:#4").verdict is Verdict.ACKNOWLEDGED
    assert order_outcome(answer(body), expected_id="LTCBTC:cancelMyOrder1").verdict is Verdict.UNKNOWN


def test_a_replacement_counts_only_when_both_halves_are_done():
    done, failed, half = samples("spot_rest-api", "Cancel an Existing Order and Send a New Order (TRADE)")[:3]
    expected = f"BTCUSDT:{done['newOrderResponse']['clientOrderId']}"
    assert order_outcome(answer(done), expected_id=expected).verdict is Verdict.ACKNOWLEDGED
    assert order_outcome(answer(failed, 400), expected_id=expected).verdict is Verdict.REJECTED
    assert order_outcome(answer(half, 409), expected_id=expected).verdict is Verdict.UNKNOWN
    lying = {**done, "newOrderResult": "FAILURE"}
    assert order_outcome(answer(lying), expected_id=expected).verdict is Verdict.UNKNOWN


def test_a_ban_says_how_long_it_lasts():
    body = {"code": -1003, "msg": "Way too much request weight used; IP banned until 1764442800000."}
    outcome = order_outcome(answer(body, 418, retry_after=120.0))
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RATE_LIMITED, 120.0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(401, -2015, SessionLost), (429, -1003, RateLimited), (418, -1003, RateLimited), (503, -1001, BrokerUnavailable)],
)
def test_refused_reads_are_told_apart(status, code, kind):
    with pytest.raises(kind, match="binance account") as raised:
        read_data(answer({"code": code, "msg": "no"}, status), what="account")
    assert type(raised.value) is kind
    assert raised.value.code == str(code)


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"null", b'"text"'])
def test_a_page_is_no_data(body):
    with pytest.raises(BrokerUnavailable):
        read_data(WireAnswer(200, body), what="account")
