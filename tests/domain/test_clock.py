"""Market time runs along straight lines of wall time, at one pace or several."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import IST, WALL, parse_clock

WALL_START = datetime.fromtimestamp(1_790_000_000, tz=UTC)
PACED = "2026-08-18T10:43:00+05:30@1790000000x10,2026-08-18T10:48:00+05:30x60,2026-08-18T15:09:00+05:30x10"


def ist(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 8, 18, hour, minute, second, tzinfo=IST)


def test_no_setting_is_wall_time() -> None:
    assert parse_clock("") is WALL
    assert WALL.at(WALL_START) == WALL_START


def test_one_pace_runs_through_its_anchor() -> None:
    clock = parse_clock("2026-08-18T10:43:00+05:30@1790000000x60")
    assert clock.at(WALL_START) == ist(10, 43)
    assert clock.at(WALL_START - timedelta(seconds=60)) == ist(9, 43)
    assert clock.at(WALL_START + timedelta(seconds=2)) == ist(10, 45)


def test_each_pace_begins_where_the_one_before_leaves_off() -> None:
    clock = parse_clock(PACED)
    assert clock.wall_of(ist(10, 48)) == WALL_START + timedelta(seconds=30)
    assert clock.at(WALL_START + timedelta(seconds=31)) == ist(10, 49)
    assert clock.wall_of(ist(15, 9)) == WALL_START + timedelta(seconds=30 + 261)
    assert clock.at(WALL_START + timedelta(seconds=30 + 261 + 6)) == ist(15, 10)
    assert clock.wall_between(ist(10, 47), ist(10, 49)) == timedelta(seconds=7)


@given(st.integers(-3_600, 3_600))
def test_market_and_wall_time_are_each_others_inverse(seconds: int) -> None:
    clock = parse_clock(PACED)
    wall = WALL_START + timedelta(seconds=seconds)
    assert abs(clock.wall_of(clock.at(wall)) - wall) < timedelta(milliseconds=1)


@given(st.integers(-3_600, 3_600), st.integers(1, 600))
def test_market_time_never_runs_backwards(seconds: int, later: int) -> None:
    clock = parse_clock(PACED)
    wall = WALL_START + timedelta(seconds=seconds)
    assert clock.at(wall) < clock.at(wall + timedelta(seconds=later))


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-08-18T10:43:00@1790000000x60",
        "2026-08-18T10:43:00+05:30@1790000000x0",
        "noon@1790000000x60",
        "2026-08-18T10:43:00+05:30@1790000000x60,later",
        "2026-08-18T10:43:00+05:30@1790000000x60,2026-08-18T10:44:00+05:30x0",
        "2026-08-18T10:43:00+05:30@1790000000x60,2026-08-18T10:43:00+05:30x10",
        "2026-08-18T10:43:00+05:30@1790000000x60,2026-08-18T11:00:00x10",
    ],
)
def test_a_wrong_setting_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="MARKET_CLOCK"):
        parse_clock(text)
