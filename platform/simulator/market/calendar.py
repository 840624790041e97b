"""Expiry days of the contracts the market lists.

The domain's rules, continued into months whose holidays are not yet published.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from itertools import islice

from domain import holidays
from domain.clock import IST
from domain.expiries import CRUDEOIL_2026, expiries, shift_to_trading_day
from domain.instruments import Exchange

SETTLEMENT = time(15, 30)
CRUDE_CLOSE = time(23, 30)
CRUDE_USUAL_DAY = 19
_NATIONAL = frozenset({(1, 26), (8, 15), (10, 2)})  # closed in every year, the unpublished ones included
_DAY = timedelta(days=1)


def is_trading_day(day: date) -> bool:
    """Tell whether equity derivatives have a regular session, as far as anybody knows."""
    return holidays.is_trading_day(Exchange.NFO, day) and (day.month, day.day) not in _NATIONAL


def previous_trading_day(day: date, is_trading_day: Callable[[date], bool] = is_trading_day) -> date:
    """Return the last trading day before the given one."""
    return shift_to_trading_day(day - _DAY, is_trading_day=is_trading_day)


def listing_day(now: datetime) -> date:
    """Return the first day an index contract listed now may expire on: tomorrow once today's have settled."""
    local = now.astimezone(IST)
    return local.date() + _DAY if local.time() >= SETTLEMENT else local.date()


def weekly_expiries(day: date, count: int) -> list[date]:
    """Return the next NIFTY expiries, weekly and monthly, that are not before ``day``."""
    return list(_by_rule("NIFTY", day, day + timedelta(weeks=count + 1))[:count])


def monthly_expiries(day: date, count: int) -> list[date]:
    """Return the next monthly expiries that are not before ``day``."""
    return list(_by_rule("BANKNIFTY", day, day + timedelta(days=32 * (count + 1)))[:count])


def is_monthly(expiry: date) -> bool:
    """Tell whether an expiry is its month's last."""
    return expiry in monthly_expiries(expiry, 1)


def crude_expiries(day: date, count: int) -> list[date]:
    """Return the next CRUDEOIL expiries that are not before ``day``; beyond 2026 by the usual day."""
    first = day.replace(day=1)
    months = ((first + timedelta(days=31 * month)).replace(day=1) for month in range(count + 2))
    return list(islice((expiry for expiry in map(_crude, months) if expiry >= day), count))


def settles_at(expiry: date, *, commodity: bool = False) -> datetime:
    """Return the instant a contract stops having time value."""
    return datetime.combine(expiry, CRUDE_CLOSE if commodity else SETTLEMENT, tzinfo=IST)


@cache
def _by_rule(underlying: str, first: date, last: date) -> tuple[date, ...]:
    return tuple(expiries(Exchange.NFO, underlying, date_from=first, date_to=last, is_trading_day=is_trading_day))


def _crude(first: date) -> date:
    known = [day for day in CRUDEOIL_2026 if (day.year, day.month) == (first.year, first.month)]
    scheduled = known[0] if known else first.replace(day=CRUDE_USUAL_DAY)
    return shift_to_trading_day(scheduled, is_trading_day=partial(holidays.is_trading_day, Exchange.MCX))
