"""Waits grow, stay bounded and differ between callers."""

from hypothesis import given
from hypothesis import strategies as st

from domain.feed.backoff import LONGEST_SECONDS, SHORTEST_SECONDS, delay


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_bounded(failures: int, chance: float) -> None:
    assert SHORTEST_SECONDS / 2 <= delay(failures, chance=chance) <= LONGEST_SECONDS


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_waits_never_shrink_with_failures(failures: int, chance: float) -> None:
    assert delay(failures, chance=chance) <= delay(failures + 1, chance=chance)


def test_chance_spreads_callers() -> None:
    assert delay(3, chance=0.0) < delay(3, chance=0.9)
