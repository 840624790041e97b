"""Expiry days of the contracts the market lists.

Rules since 2025-09-01 (NSE/FAOP/68747): weekly on Tuesday, monthly on the month's last Tuesday, moved to
the previous trading day when that is a holiday. CRUDEOIL's 2026 dates are MCX's published ones; later
months follow their pattern.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice

from domain.clock import IST
from domain.holidays import COMMODITY_EFFECTS, EQUITY_CLOSED, CommodityEffect

TUESDAY = 1
SETTLEMENT = time(15, 30)
CRUDE_CLOSE = time(23, 30)
CRUDE_USUAL_DAY = 19
_NATIONAL = frozenset({(1, 26), (8, 15), (10, 2)})  # closed in every year, the unpublished ones included
_CRUDE_2026 = "01-16 02-19 03-19 04-20 05-18 06-18 07-20 08-19 09-21 10-19 11-19 12-18"
CRUDE_EXPIRIES = tuple(date.fromisoformat(f"2026-{day}") for day in _CRUDE_2026.split())
_DAY = timedelta(days=1)


def is_trading_day(day: date) -> bool:
    """Tell whether equity derivatives have a regular session."""
    return day.weekday() < 5 and day not in EQUITY_CLOSED and (day.month, day.day) not in _NATIONAL


def trading_day_at_or_before(day: date) -> date:
    """Return the day itself or the nearest trading day before it."""
    while not is_trading_day(day):
        day -= _DAY
    return day


def previous_trading_day(day: date) -> date:
    """Return the last trading day before the given one."""
    return trading_day_at_or_before(day - _DAY)


def listing_day(now: datetime) -> date:
    """Return the first day an index contract listed now may expire on: tomorrow once today's have settled."""
    local = now.astimezone(IST)
    return local.date() + _DAY if local.time() >= SETTLEMENT else local.date()


def weekly_expiries(day: date, count: int) -> list[date]:
    """Return the next weekly expiries that are not before ``day``."""
    nominal = day + timedelta(days=(TUESDAY - day.weekday()) % 7)
    tuesdays = (nominal + timedelta(weeks=week) for week in range(count + 2))
    moved = (trading_day_at_or_before(tuesday) for tuesday in tuesdays)
    return [expiry for expiry in moved if expiry >= day][:count]


def monthly_expiries(day: date, count: int) -> list[date]:
    """Return the next monthly expiries that are not before ``day``."""
    moved = (trading_day_at_or_before(_last_tuesday(month)) for month in _months_from(day))
    return list(islice((expiry for expiry in moved if expiry >= day), count))


def is_monthly(expiry: date) -> bool:
    """Tell whether an expiry is its month's last."""
    return expiry == monthly_expiries(expiry, 1)[0]


def crude_expiries(day: date, count: int) -> list[date]:
    """Return the next CRUDEOIL expiries that are not before ``day``."""
    return list(islice((expiry for expiry in map(_crude, _months_from(day)) if expiry >= day), count))


def settles_at(expiry: date, *, commodity: bool = False) -> datetime:
    """Return the instant a contract stops having time value."""
    return datetime.combine(expiry, CRUDE_CLOSE if commodity else SETTLEMENT, tzinfo=IST)


def _months_from(day: date) -> Iterator[date]:
    first = day.replace(day=1)
    while True:
        yield first
        first = (first + timedelta(days=32)).replace(day=1)


def _last_tuesday(first: date) -> date:
    last = (first + timedelta(days=32)).replace(day=1) - _DAY
    return last - timedelta(days=(last.weekday() - TUESDAY) % 7)


def _crude(first: date) -> date:
    known = [day for day in CRUDE_EXPIRIES if (day.year, day.month) == (first.year, first.month)]
    day = known[0] if known else first.replace(day=CRUDE_USUAL_DAY)
    while day.weekday() > 4 or COMMODITY_EFFECTS.get(day) is CommodityEffect.CLOSED:
        day -= _DAY
    return day
