"""Dated exceptions to the weekly trading rule, as data; operations edit rows, not this file.

Sources: XBOM = exchange_calendars 4.13.2; MASTER = NSE holiday master of 2026-07-15 with NSE/FAOP/71777.
Facts as of 2026-11-20.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from domain.instruments import Exchange

EQUITY_CONFIRMED_FROM = date(2024, 1, 1)
OTHER_CONFIRMED_FROM = date(2026, 1, 1)  # currency and commodity exceptions are only known from here
CONFIRMED_THROUGH = date(2026, 12, 31)  # the exchanges publish a year's holidays in the December before

_XBOM = "exchange_calendars 4.13.2 XBOM"
_MASTER = "NSE holiday master 2026-07-15; NSE/FAOP/71777"
_OTHER_MASTER = "NSE holiday master 2026-07-15"
_FULL = ((time(9, 15), time(15, 30)),)
_TWO_PARTS = ((time(9, 15), time(10, 0)), (time(11, 30), time(12, 30)))


def _days(year: int, text: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(f"{year}-{month_day}") for month_day in text.split())


EQUITY_CLOSED: dict[date, str] = {
    **dict.fromkeys(
        _days(
            2024,
            "01-22 01-26 03-08 03-25 03-29 04-11 04-17 05-01 05-20 06-17 07-17 08-15 10-02 11-01 11-15 11-20 12-25",
        ),
        _XBOM,
    ),
    **dict.fromkeys(
        _days(2025, "02-26 03-14 03-31 04-10 04-14 04-18 05-01 08-15 08-27 10-02 10-21 10-22 11-05 12-25"),
        _XBOM,
    ),
    **dict.fromkeys(
        _days(
            2026,
            "01-15 01-26 03-03 03-26 03-31 04-03 04-14 05-01 05-28 06-26 09-14 10-02 10-20 11-10 11-24 12-25",
        ),
        _MASTER,
    ),
}
"""Days without a regular session in cash and equity derivatives of NSE and BSE, and in currencies."""

CURRENCY_CLOSED: dict[date, str] = dict.fromkeys(_days(2026, "02-19 03-19 04-01 08-26"), _OTHER_MASTER)
"""Closed in currency derivatives only."""


class CommodityEffect(StrEnum):
    """What a holiday does to the commodity day."""

    CLOSED = "CLOSED"
    MORNING_CLOSED = "MORNING_CLOSED"
    EVENING_CLOSED = "EVENING_CLOSED"


COMMODITY_EFFECTS: dict[date, CommodityEffect] = {
    **dict.fromkeys(_days(2026, "01-01"), CommodityEffect.EVENING_CLOSED),
    **dict.fromkeys(
        _days(2026, "01-15 03-03 03-26 03-31 04-14 05-01 05-28 06-26 09-14 10-20 11-10 11-24"),
        CommodityEffect.MORNING_CLOSED,
    ),
    **dict.fromkeys(_days(2026, "01-26 04-03 10-02 12-25"), CommodityEffect.CLOSED),
}
"""NSE's commodity master; MCX keeps the same days (secondary sources)."""

COMMODITY_SOURCE = _OTHER_MASTER


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that trades although the weekly rule or a holiday says no; windows are IST."""

    day: date
    windows: tuple[tuple[time, time], ...]
    source: str


EQUITY_SPECIAL = (
    SpecialDay(date(2024, 1, 20), _FULL, "one-minute index data 2024"),
    SpecialDay(date(2024, 3, 2), _TWO_PARTS, "one-minute index data 2024"),
    SpecialDay(date(2024, 5, 18), _TWO_PARTS, "one-minute index data 2024"),
    SpecialDay(date(2025, 2, 1), _FULL, "Budget Saturday; not verified"),
    SpecialDay(date(2026, 2, 1), _FULL, "Budget Sunday; NSE/CMTR/72349 and one-minute data"),
)
EQUITY_MUHURAT = (
    SpecialDay(date(2024, 11, 1), ((time(18, 0), time(19, 0)),), "pandas_market_calendars; press 2024-10-21"),
    SpecialDay(date(2025, 10, 21), ((time(13, 45), time(14, 45)),), "pandas_market_calendars; one-minute data"),
)
UNCONFIRMED: tuple[tuple[date, str], ...] = ((date(2026, 11, 8), "Muhurat, Sunday; times not found (NSE/FAOP/71777)"),)
"""Sessions that were announced without times we know: no row is made for them, an operator adds it."""

_EQUITY_SPECIAL_DATES = frozenset(special.day for special in EQUITY_SPECIAL)


def is_trading_day(exchange: Exchange, day: date) -> bool:
    """Tell whether the day has a regular or special session; a Muhurat hour alone is no trading day.

    Expiries shift by this. Outside the confirmed years only weekends are known: there the answer is a guess.
    """
    if exchange is Exchange.MCX:
        return day.weekday() < 5 and COMMODITY_EFFECTS.get(day) is not CommodityEffect.CLOSED
    if exchange in (Exchange.CDS, Exchange.BCD):
        return day.weekday() < 5 and day not in EQUITY_CLOSED and day not in CURRENCY_CLOSED
    return day in _EQUITY_SPECIAL_DATES or (day.weekday() < 5 and day not in EQUITY_CLOSED)
