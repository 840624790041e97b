"""What answers prove whatever the broker."""

import pytest

from brokers.answers import acknowledged, refused_read, unreadable
from brokers.catalog import spec_of
from brokers.transport import WireAnswer
from domain.broker import BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict

SPEC = spec_of("zerodha")


def test_an_id_acknowledges_and_a_modify_wants_its_own_back():
    assert acknowledged(" 42 ", expected_id="") == Outcome(Verdict.ACKNOWLEDGED, broker_order_id="42")
    assert acknowledged("42", expected_id="42").verdict is Verdict.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("order_id", "expected_id", "code"),
    [("", "", "NO_ORDER_ID"), ("null?", "", "NO_ORDER_ID"), ("1" * 65, "", "NO_ORDER_ID"), ("43", "42", "OTHER_ORDER")],
)
def test_no_id_or_another_orders_proves_nothing(order_id, expected_id, code):
    outcome = acknowledged(order_id, expected_id=expected_id)
    assert (outcome.verdict, outcome.code, outcome.broker_order_id) == (Verdict.UNKNOWN, code, "")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "TokenException", SessionLost),
        (429, "NetworkException", RateLimited),
        (429, "Something", RateLimited),
        (400, "InputException", BrokerUnavailable),
        (503, "TokenException", BrokerUnavailable),
    ],
)
def test_a_refused_read_is_told_by_the_specs_rules(status, code, kind):
    error = refused_read(SPEC, status=status, code=code, message="no\nmore", what="order book", retry_after=3.0)
    assert type(error) is kind
    assert (error.code, error.message) == (code, "zerodha order book: no more")
    assert getattr(error, "retry_after", 3.0) == 3.0


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(200, BrokerUnavailable, "MALFORMED"), (502, BrokerUnavailable, "HTTP_502"), (429, RateLimited, "HTTP_429")],
)
def test_what_is_not_the_brokers_json_is_never_a_book(status, kind, code):
    error = unreadable(SPEC, WireAnswer(status, b"<html>", retry_after=2.0), what="positions")
    assert type(error) is kind
    assert error.code == code
    assert "zerodha positions" in error.message
    assert getattr(error, "retry_after", 2.0) == 2.0
