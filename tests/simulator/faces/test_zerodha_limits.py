"""Calls are counted per key, kind and calendar second."""

import pytest

from simulator.faces.zerodha.limits import Bucket, Limits

SECOND = 1_790_000_000


def allowed(limits: Limits, bucket: Bucket, *, at: float, calls: int, key: str = "k") -> int:
    return sum(limits.allow(api_key=key, bucket=bucket, now=at) for _ in range(calls))


@pytest.mark.parametrize(
    ("bucket", "most"),
    [(Bucket.ORDER, 10), (Bucket.OTHER, 10), (Bucket.QUOTE, 1), (Bucket.HISTORICAL, 3)],
)
def test_a_second_holds_so_many_calls_and_the_next_one_starts_anew(bucket, most):
    limits = Limits(enabled=True)
    assert allowed(limits, bucket, at=SECOND, calls=20) == most
    assert allowed(limits, bucket, at=SECOND + 0.999, calls=5) == 0
    assert allowed(limits, bucket, at=SECOND + 1, calls=20) == most


def test_kinds_and_keys_are_counted_apart():
    limits = Limits(enabled=True)
    allowed(limits, Bucket.ORDER, at=SECOND, calls=10)
    assert allowed(limits, Bucket.OTHER, at=SECOND, calls=1) == 1
    assert allowed(limits, Bucket.ORDER, at=SECOND, calls=1, key="other") == 1


def test_a_minute_holds_four_hundred_orders():
    limits = Limits(enabled=True)
    minute = SECOND - SECOND % 60
    assert sum(allowed(limits, Bucket.ORDER, at=minute + second, calls=10) for second in range(60)) == 400
    assert allowed(limits, Bucket.ORDER, at=minute + 60, calls=1) == 1


def test_switched_off_everything_passes():
    assert allowed(Limits(enabled=False), Bucket.QUOTE, at=SECOND, calls=50) == 50
