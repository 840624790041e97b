"""What Kite allows in a second and a minute."""

import pytest

from simulator.faces.limits import CallLimits, LimitSwitch
from simulator.faces.zerodha.limits import WINDOWS, Bucket

SECOND = 1_790_000_000


@pytest.fixture
def limits() -> CallLimits:
    return CallLimits(WINDOWS, switch=LimitSwitch(enabled=True))


def allowed(limits: CallLimits, bucket: Bucket, *, at: float, calls: int, who: str = "k") -> int:
    return sum(limits.take(who=who, bucket=bucket, now=at) is None for _ in range(calls))


@pytest.mark.parametrize(
    ("bucket", "most"),
    [(Bucket.ORDER, 10), (Bucket.OTHER, 10), (Bucket.QUOTE, 1), (Bucket.HISTORICAL, 3)],
)
def test_a_second_holds_so_many_calls_and_the_next_one_starts_anew(limits, bucket, most):
    assert allowed(limits, bucket, at=SECOND, calls=20) == most
    assert allowed(limits, bucket, at=SECOND + 0.999, calls=5) == 0
    assert allowed(limits, bucket, at=SECOND + 1, calls=20) == most


def test_a_minute_holds_four_hundred_orders(limits):
    minute = SECOND - SECOND % 60
    assert sum(allowed(limits, Bucket.ORDER, at=minute + second, calls=10) for second in range(60)) == 400
    assert allowed(limits, Bucket.ORDER, at=minute + 60, calls=1) == 1
