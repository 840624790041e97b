"""How long a broker that says "too many" asks to be left alone."""

import pytest

from brokers.transport import WireAnswer, _seconds
from brokers.zerodha.answers import order_outcome, read_data
from domain.broker import RateLimited, Verdict

BODY = b'{"status": "error", "message": "Too many requests", "error_type": "NetworkException"}'


def test_an_order_refused_for_haste_says_how_long_to_wait() -> None:
    outcome = order_outcome(WireAnswer(429, BODY, retry_after=7.0))
    assert (outcome.verdict, outcome.retry_after) == (Verdict.RATE_LIMITED, 7.0)
    assert order_outcome(WireAnswer(429, BODY)).retry_after is None


@pytest.mark.parametrize("body", [BODY, b"<html>slow down</html>"])
def test_a_read_refused_for_haste_says_how_long_to_wait(body: bytes) -> None:
    with pytest.raises(RateLimited) as refused:
        read_data(WireAnswer(429, body, retry_after=7.0), what="order book")
    assert refused.value.retry_after == 7.0


@pytest.mark.parametrize(("text", "seconds"), [("12", 12.0), ("", None), ("-3", None), ("soon", None), ("٣", None)])
def test_only_plain_seconds_are_believed(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds
