"""What Fyers allows in a second, a minute and a day, all calls together."""

import pytest

from simulator.faces.fyers.limits import CALLS, FORGIVEN_MINUTES, WINDOWS, Blocked
from simulator.faces.limits import CallLimits, LimitSwitch
from tests.simulator.faces.fyers_client import sign_in

DAY = 1_790_000_000 - 1_790_000_000 % 86_400


@pytest.fixture
def limits() -> CallLimits:
    return CallLimits(WINDOWS, switch=LimitSwitch(enabled=True))


def allowed(limits: CallLimits, *, at: float, calls: int) -> int:
    return sum(limits.take(who="k", bucket=CALLS, now=at) is None for _ in range(calls))


def test_a_second_holds_ten_calls_and_a_minute_two_hundred(limits):
    assert allowed(limits, at=DAY, calls=20) == 10
    assert sum(allowed(limits, at=DAY + second, calls=10) for second in range(1, 60)) == 190
    assert allowed(limits, at=DAY + 60, calls=20) == 10


def test_a_day_holds_a_hundred_thousand(limits):
    taken = sum(
        allowed(limits, at=DAY + minute * 60 + second, calls=10) for minute in range(600) for second in range(20)
    )
    assert taken == 100_000
    assert allowed(limits, at=DAY + 86_400, calls=1) == 1


def test_the_fourth_minute_that_is_exceeded_blocks_for_the_rest_of_the_day():
    blocked = Blocked()
    for minute in range(FORGIVEN_MINUTES):
        blocked.note("k", now=DAY + minute * 60)
        blocked.note("k", now=DAY + minute * 60 + 30)
    assert not blocked.is_blocked("k", now=DAY + 600)
    blocked.note("k", now=DAY + 900)
    assert blocked.is_blocked("k", now=DAY + 901)
    assert not blocked.is_blocked("other", now=DAY + 901)
    assert not blocked.is_blocked("k", now=DAY + 86_400)


def test_a_call_too_many_says_when_to_come_back(site):
    client = sign_in(site)
    site.control("POST", "limits", {"enabled": True})
    replies = [client.call("GET", "/api/v3/funds") for _ in range(30)]
    late = next(reply for reply in replies if reply.status_code == 429)
    assert late.json() == {"s": "error", "code": -429, "message": "request limit reached"}
    assert (late.headers["Retry-After"], late.headers["X-Retry-After-Ms"]) == ("1", "1000")
    site.control("POST", "limits", {"enabled": False})
    assert client.call("GET", "/api/v3/funds").status_code == 200
