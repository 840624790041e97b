"""Expiry days, against dated facts and the list of actual expiries."""

import csv
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import IST
from simulator.market.calendar import (
    crude_expiries,
    is_monthly,
    is_trading_day,
    listing_day,
    monthly_expiries,
    previous_trading_day,
    weekly_expiries,
)
from tests.shared import shared_path

days = st.dates(min_value=date(2025, 9, 1), max_value=date(2027, 12, 1))


def test_the_november_2026_monthly_moves_to_monday_because_tuesday_is_a_holiday() -> None:
    day = date(2026, 11, 20)
    assert weekly_expiries(day, 2) == [date(2026, 11, 23), date(2026, 12, 1)]
    assert monthly_expiries(day, 2) == [date(2026, 11, 23), date(2026, 12, 29)]
    assert is_monthly(date(2026, 11, 23))
    assert not is_monthly(date(2026, 12, 1))


def test_on_the_holiday_itself_the_moved_expiry_is_past() -> None:
    assert weekly_expiries(date(2026, 11, 24), 1) == [date(2026, 12, 1)]


@pytest.mark.parametrize("moved", [date(2026, 3, 2), date(2026, 3, 30), date(2026, 4, 13), date(2026, 10, 19)])
def test_expiries_moved_by_the_holidays_of_2026(moved: date) -> None:
    assert weekly_expiries(moved, 1) == [moved]
    assert weekly_expiries(moved + timedelta(days=1), 1)[0] > moved + timedelta(days=1)


def test_every_actual_nifty_expiry_since_tuesday_is_found() -> None:
    with shared_path("market_data/NIFTY_actual_expiry_and_lot_2021_2026.csv").open() as file:
        rows = list(csv.DictReader(file))
    actual = [date.fromisoformat(row["actual_expiry_date"]) for row in rows]
    recent = sorted(day for day in actual if date(2025, 9, 2) <= day <= date(2026, 8, 18))  # every week is there
    assert len(recent) > 30
    assert weekly_expiries(recent[0], len(recent)) == recent


@given(days)
def test_expiries_are_trading_days_in_order_and_never_past(day: date) -> None:
    weeklies, monthlies = weekly_expiries(day, 6), monthly_expiries(day, 4)
    for expiries in (weeklies, monthlies):
        assert expiries == sorted(set(expiries))
        assert all(expiry >= day and is_trading_day(expiry) for expiry in expiries)
    assert all(is_monthly(expiry) for expiry in monthlies)
    assert len({(expiry.year, expiry.month) for expiry in monthlies}) == 4


@given(days)
def test_the_previous_trading_day_is_the_nearest(day: date) -> None:
    previous = previous_trading_day(day)
    between = [previous + timedelta(days=n) for n in range(1, (day - previous).days)]
    assert previous < day
    assert is_trading_day(previous)
    assert not any(is_trading_day(other) for other in between)


def test_an_index_contract_is_not_listed_after_it_settled() -> None:
    assert listing_day(datetime(2026, 11, 23, 15, 29, tzinfo=IST)) == date(2026, 11, 23)
    assert listing_day(datetime(2026, 11, 23, 15, 30, tzinfo=IST)) == date(2026, 11, 24)


def test_crude_follows_the_published_dates_and_then_their_pattern() -> None:
    assert crude_expiries(date(2026, 11, 20), 2) == [date(2026, 12, 18), date(2027, 1, 19)]
    assert crude_expiries(date(2026, 12, 18), 1) == [date(2026, 12, 18)]
    assert all(expiry.weekday() < 5 for expiry in crude_expiries(date(2027, 1, 1), 12))
