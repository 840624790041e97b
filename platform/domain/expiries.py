"""Expiries: the exchanges' rules as data, and the selectors that pick one from the expiries actually listed.

Trading always selects from a broker master's list (``select_expiry``). The rules only make lists where no
master exists (the simulator, tests, a cross-check). Facts as of 2026-11-20.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain import holidays
from domain.instruments import Exchange

TradingDay = Callable[[date], bool]
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = range(5)
_FAOP = "NSE/FAOP/65336"
_TUESDAY_RULE = "NSE/FAOP/68589, 68747"


class Cycle(StrEnum):
    """How often a contract series expires."""

    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class ExpirySchedule:
    """A weekday rule for expiries from ``first`` through ``last`` (``None``: still in force).

    MONTHLY means the last such weekday of the month. No underlyings: all of the exchange without an own rule.
    """

    exchange: Exchange
    underlyings: frozenset[str]
    cycle: Cycle
    weekday: int
    first: date
    last: date | None
    source: str


def _schedule(
    exchange: Exchange, names: str, cycle: Cycle, weekday: int, span: tuple[str, str], source: str
) -> ExpirySchedule:
    last = date.fromisoformat(span[1]) if span[1] else None
    first = date.fromisoformat(span[0])
    return ExpirySchedule(exchange, frozenset(names.split()), cycle, weekday, first, last, source)


_NFO, _BFO, _W, _M = Exchange.NFO, Exchange.BFO, Cycle.WEEKLY, Cycle.MONTHLY
_BSE_2025, _BSE_NOW = ("2025-01-04", "2025-08-31"), ("2025-09-01", "")
SCHEDULES: tuple[ExpirySchedule, ...] = (
    _schedule(_NFO, "NIFTY", _W, THURSDAY, ("2021-01-01", "2025-08-31"), "NSE/FAOP/65336, 68747"),
    _schedule(_NFO, "NIFTY", _W, TUESDAY, ("2025-09-01", ""), _TUESDAY_RULE),
    _schedule(_NFO, "NIFTY", _M, THURSDAY, ("2021-01-01", "2025-08-31"), "NSE/FAOP/65336, 68747"),
    _schedule(_NFO, "", _M, TUESDAY, ("2025-09-01", ""), "NSE/FAOP/68747"),
    _schedule(_NFO, "BANKNIFTY", _M, WEDNESDAY, ("2024-03-01", "2024-12-31"), _FAOP),
    _schedule(_NFO, "BANKNIFTY FINNIFTY MIDCPNIFTY NIFTYNXT50", _M, THURSDAY, ("2025-01-02", "2025-08-31"), _FAOP),
    _schedule(_NFO, "FINNIFTY", _M, TUESDAY, ("2023-01-01", "2024-12-31"), _FAOP),
    _schedule(_NFO, "MIDCPNIFTY", _M, MONDAY, ("2023-01-01", "2024-12-31"), _FAOP),
    _schedule(_NFO, "NIFTYNXT50", _M, FRIDAY, ("2024-05-01", "2024-12-31"), _FAOP),
    _schedule(_BFO, "SENSEX", _W, FRIDAY, ("2023-05-15", "2025-01-03"), "press 2023-03-28, 2025-01-10"),
    _schedule(_BFO, "SENSEX", _M, FRIDAY, ("2023-05-15", "2025-01-03"), "press 2023-03-28, 2025-01-10"),
    _schedule(_BFO, "BANKEX", _W, MONDAY, ("2023-10-16", "2024-12-31"), "press 2023-08-30"),
    _schedule(_BFO, "BANKEX", _M, MONDAY, ("2023-10-16", "2024-12-31"), "press 2023-08-30"),
    _schedule(_BFO, "SENSEX", _W, TUESDAY, _BSE_2025, "press 2024-11-28"),
    _schedule(_BFO, "SENSEX BANKEX SENSEX50", _M, TUESDAY, _BSE_2025, "press 2024-11-28"),
    _schedule(_BFO, "SENSEX", _W, THURSDAY, _BSE_NOW, "SEBI 2025-05-26 scheme; press 2025-09"),
    _schedule(_BFO, "SENSEX BANKEX", _M, THURSDAY, _BSE_NOW, "SEBI 2025-05-26 scheme; press 2025-09"),
)
"""Expiry weekdays. Weekly series exist for NIFTY and SENSEX only since November 2024."""

_CRUDE_DAYS_2026 = (16, 19, 19, 20, 18, 18, 20, 19, 21, 19, 19, 18)
CRUDEOIL_2026 = tuple(date(2026, month, day) for month, day in enumerate(_CRUDE_DAYS_2026, start=1))
"""MCX crude expiries of 2026 (CRUDEOIL and CRUDEOILM), from a broker's list."""


def schedule_for(exchange: Exchange, underlying: str, cycle: Cycle, day: date) -> ExpirySchedule | None:
    """Return the rule in force for expiries around the day, an own rule before the exchange-wide one."""
    found = [
        rule
        for rule in SCHEDULES
        if (rule.exchange, rule.cycle) == (exchange, cycle)
        and (not rule.underlyings or underlying in rule.underlyings)
        and rule.first <= day <= (rule.last or date.max)
    ]
    return max(found, key=lambda rule: bool(rule.underlyings), default=None)


def shift_to_trading_day(scheduled: date, *, is_trading_day: TradingDay) -> date:
    """Return the scheduled day, or the last trading day before it when it is a holiday."""
    while not is_trading_day(scheduled):
        scheduled -= timedelta(days=1)
    return scheduled


def scheduled_expiries(
    exchange: Exchange, underlying: str, cycle: Cycle, *, date_from: date, date_to: date
) -> list[date]:
    """Return the weekdays the rule names from one day through another, before any holiday shift."""
    days = (date_from + timedelta(days=offset) for offset in range((date_to - date_from).days + 1))
    return [day for day in days if _is_scheduled(exchange, underlying, cycle, day)]


def expiries(
    exchange: Exchange,
    underlying: str,
    *,
    date_from: date,
    date_to: date,
    is_trading_day: TradingDay | None = None,
) -> list[date]:
    """Return all weekly and monthly expiries by rule, holiday-shifted, sorted, from one day through another.

    ``is_trading_day`` defaults to the known holidays, which only reach ``holidays.CONFIRMED_THROUGH``.
    """
    trades = is_trading_day or (lambda day: holidays.is_trading_day(exchange, day))
    until = date_to + timedelta(days=14)  # an expiry scheduled later may shift back into the span
    scheduled = {
        day
        for cycle in Cycle
        for day in scheduled_expiries(exchange, underlying, cycle, date_from=date_from, date_to=until)
    }
    shifted = {shift_to_trading_day(day, is_trading_day=trades) for day in scheduled}
    return sorted(day for day in shifted if date_from <= day <= date_to)


def third_wednesday(year: int, month: int) -> date:
    """Return the month's third Wednesday: MCX NICKEL's expiry since September 2025."""
    first = date(year, month, 1)
    return first + timedelta(days=(WEDNESDAY - first.weekday()) % 7 + 14)


def _is_scheduled(exchange: Exchange, underlying: str, cycle: Cycle, day: date) -> bool:
    rule = schedule_for(exchange, underlying, cycle, day)
    if rule is None or day.weekday() != rule.weekday:
        return False
    return cycle is Cycle.WEEKLY or day.day + 7 > monthrange(day.year, day.month)[1]


class ExpiryRuleError(ValueError):
    """The text is not an expiry rule."""


class NoExpiry(LookupError):
    """The list holds no expiry that the rule asks for."""


class Pick(StrEnum):
    """What an expiry rule counts."""

    WEEK = "WEEK"
    MONTH = "MONTH"
    FUTURE = "FUTURE"
    DTE = "DTE"


@dataclass(frozen=True, slots=True)
class ExpiryRule:
    """``n`` is the position counted from the nearest (0), or for DTE the largest number of calendar days."""

    pick: Pick
    n: int

    def __str__(self) -> str:
        """Return the rule as it is written."""
        if self.pick is Pick.FUTURE:
            return _FUTURES[self.n]
        return f"DTE<={self.n}" if self.pick is Pick.DTE else f"{self.pick}{self.n}"


_FUTURES = ("FRONT", "NEXT", "FAR")
_COUNTED = re.compile(r"(WEEK|MONTH)(?:([0-9]{1,2})|\[([0-9]{1,2})\])")
_DTE = re.compile(r"DTE\s*<=\s*([0-9]{1,3})")


def parse_expiry_rule(text: str) -> ExpiryRule:
    """Read ``WEEK0``, ``WEEK[1]``, ``MONTH0``, ``FRONT``, ``NEXT``, ``FAR`` or ``DTE<=7``.

    Raises ``ExpiryRuleError`` naming these forms.
    """
    rule = text.strip().upper()
    if rule in _FUTURES:
        return ExpiryRule(Pick.FUTURE, _FUTURES.index(rule))
    if match := _COUNTED.fullmatch(rule):
        return ExpiryRule(Pick(match[1]), int(match[2] or match[3]))
    if match := _DTE.fullmatch(rule):
        return ExpiryRule(Pick.DTE, int(match[1]))
    raise ExpiryRuleError(f"{text!r} is not an expiry rule: use WEEK0.., MONTH0.., FRONT, NEXT, FAR or DTE<=7")


def select_expiry(rule: ExpiryRule, listed: Collection[date], *, today: date, rolled: bool) -> date:
    """Return the expiry a rule names among those listed; raises ``NoExpiry``.

    ``rolled`` tells that today's roll time has passed: an expiry today is out. ``MONTH`` is the last
    listed expiry of a calendar month; ``DTE<=n`` the nearest expiry if at most ``n`` calendar days away.
    """
    floor = today + timedelta(days=1) if rolled else today
    known = sorted(set(listed))
    live = [day for day in (_last_of_months(known) if rule.pick is Pick.MONTH else known) if day >= floor]
    if rule.pick is Pick.DTE:
        return _nth([day for day in live if (day - today).days <= rule.n], 0, rule)
    return _nth(live, rule.n, rule)


def _last_of_months(known: Sequence[date]) -> list[date]:
    neighbours = zip([None, *known], known, [*known[1:], None], strict=False)
    last: dict[tuple[int, int], date] = {}
    for before, day, after in neighbours:
        nominal = _nominal(before, day, after)
        last[nominal.year, nominal.month] = day  # sorted input: the last one of each month stays
    return list(last.values())


def _nominal(before: date | None, day: date, after: date | None) -> date:
    """Return the weekday a weekly expiry was pulled back from by a holiday, as its neighbours show it.

    30 April 2025 was May's first weekly, shifted from 1 May: it must not pass for April's monthly expiry.
    """
    week = timedelta(days=7)
    if before is not None and day - before < week:
        return before + week
    if after is not None and week < after - day < 2 * week:
        return after - week
    return day


def _nth(candidates: Sequence[date], n: int, rule: ExpiryRule) -> date:
    if n >= len(candidates):
        raise NoExpiry(f"{rule} asks for more than the {len(candidates)} listed expiries it may choose from")
    return candidates[n]
