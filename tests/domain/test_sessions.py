"""The calendar: rows seeded from rules and holidays, and the questions asked of rows."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import holidays
from domain.clock import IST
from domain.instruments import Exchange
from domain.sessions import (
    CONFIRMED_THROUGH,
    SESSION_EXCHANGES,
    Horizon,
    Phase,
    SessionKind,
    SessionRow,
    horizon_state,
    is_index_frozen,
    is_open,
    mcx_close,
    next_open,
    phase,
    seed_sessions,
    session_at,
)
from tests.shared import shared_path

EQUITY = (Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO, Exchange.NSE_INDEX, Exchange.BSE_INDEX)
Window = tuple[str, str, SessionKind]


def _ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


def _windows(exchange: Exchange, day: str) -> list[Window]:
    on = date.fromisoformat(day)
    return [
        (f"{row.opens_at.astimezone(IST):%H:%M}", f"{row.closes_at.astimezone(IST):%H:%M}", row.kind)
        for row in seed_sessions(exchange, on, on)
    ]


def _rows(day: str, exchange: Exchange = Exchange.NFO) -> list[SessionRow]:
    return seed_sessions(exchange, date.fromisoformat(day), date.fromisoformat(day))


@pytest.mark.parametrize(
    ("exchange", "day", "opens", "closes"),
    [
        (Exchange.NFO, "2026-07-31", "09:15", "15:30"),
        (Exchange.NFO, "2026-08-03", "09:15", "15:40"),
        (Exchange.BFO, "2026-08-18", "09:15", "15:40"),
        (Exchange.NSE, "2026-08-18", "09:15", "15:30"),
        (Exchange.NSE_INDEX, "2024-08-19", "09:15", "15:30"),
        (Exchange.CDS, "2026-08-18", "09:00", "17:00"),
        (Exchange.MCX, "2026-03-06", "09:00", "23:55"),
        (Exchange.MCX, "2026-03-09", "09:00", "23:30"),
        (Exchange.MCX, "2026-10-30", "09:00", "23:30"),
        (Exchange.MCX, "2026-11-02", "09:00", "23:55"),
    ],
)
def test_a_weekday_trades_by_the_rule_of_its_date(exchange: Exchange, day: str, opens: str, closes: str) -> None:
    assert _windows(exchange, day) == [(opens, closes, SessionKind.REGULAR)]


@pytest.mark.parametrize(
    ("exchange", "day", "expected"),
    [
        (Exchange.NFO, "2026-11-24", []),
        (Exchange.NFO, "2026-11-21", []),
        (Exchange.NFO, "2024-01-20", [("09:15", "15:30", SessionKind.SPECIAL)]),
        (
            Exchange.NFO,
            "2024-03-02",
            [("09:15", "10:00", SessionKind.SPECIAL), ("11:30", "12:30", SessionKind.SPECIAL)],
        ),
        (Exchange.NSE, "2026-02-01", [("09:15", "15:30", SessionKind.SPECIAL)]),
        (Exchange.NFO, "2024-11-01", [("18:00", "19:00", SessionKind.MUHURAT)]),
        (Exchange.NFO, "2025-10-21", [("13:45", "14:45", SessionKind.MUHURAT)]),
        (Exchange.NFO, "2026-11-08", []),
        (Exchange.CDS, "2026-02-19", []),
        (Exchange.CDS, "2026-02-01", []),
        (Exchange.MCX, "2026-01-01", [("09:00", "17:00", SessionKind.SPECIAL)]),
        (Exchange.MCX, "2026-01-15", [("17:00", "23:55", SessionKind.EVENING)]),
        (Exchange.MCX, "2026-06-26", [("17:00", "23:30", SessionKind.EVENING)]),
        (Exchange.MCX, "2026-10-02", []),
        (Exchange.MCX, "2026-02-01", []),
    ],
)
def test_exceptions_replace_the_weekly_rule(exchange: Exchange, day: str, expected: list[Window]) -> None:
    assert _windows(exchange, day) == expected


@pytest.mark.parametrize(
    ("exchange", "day", "expected"),
    [
        (Exchange.NFO, "2026-02-01", True),  # the Budget Sunday
        (Exchange.NFO, "2026-02-08", False),
        (Exchange.NFO, "2025-10-21", False),  # only the Muhurat hour: that week's expiry moved to the 20th
        (Exchange.MCX, "2026-01-15", True),  # the evening trades
        (Exchange.MCX, "2026-10-02", False),
        (Exchange.CDS, "2026-02-19", False),
        (Exchange.CDS, "2026-02-20", True),
    ],
)
def test_trading_days(exchange: Exchange, day: str, expected: bool) -> None:
    assert holidays.is_trading_day(exchange, date.fromisoformat(day)) is expected


def test_the_session_without_known_times_is_listed_and_not_invented() -> None:
    assert [day for day, _ in holidays.UNCONFIRMED] == [date(2026, 11, 8)]


def test_days_outside_the_confirmed_years_have_no_sessions() -> None:
    assert seed_sessions(Exchange.NFO, date(2023, 12, 1), date(2023, 12, 31)) == []
    assert seed_sessions(Exchange.MCX, date(2025, 1, 1), date(2025, 12, 31)) == []
    assert seed_sessions(Exchange.NFO, date(2027, 1, 1), date(2027, 3, 31)) == []
    assert seed_sessions(Exchange.NFO, date(2026, 12, 31), date(2026, 12, 1)) == []
    last = seed_sessions(Exchange.NFO, date(2026, 12, 1), date(2027, 3, 31))[-1]
    assert last.date == CONFIRMED_THROUGH


def test_an_exchange_without_rules_is_an_error() -> None:
    with pytest.raises(LookupError, match="BCD"):
        seed_sessions(Exchange.BCD, date(2026, 1, 1), date(2026, 1, 2))


def _facts() -> list[dict[str, str]]:
    with shared_path("market_facts/calendar_exceptions.csv").open() as lines:
        return list(csv.DictReader(lines))


def _expected(effect: str, day: str) -> list[Window]:
    close = f"{mcx_close(date.fromisoformat(day)):%H:%M}"
    fixed: dict[str, list[Window]] = {
        "CLOSED": [],
        "MORNING_CLOSED": [("17:00", close, SessionKind.EVENING)],
        "EVENING_CLOSED": [("09:00", "17:00", SessionKind.SPECIAL)],
        "MUHURAT Sunday; times not found": [],
    }
    if effect in fixed:
        return fixed[effect]
    kind, _, spans = effect.partition(" ")
    made = SessionKind.MUHURAT if kind == "MUHURAT" else SessionKind.SPECIAL
    spans = spans.removeprefix("budget ").replace("full", "09:15-15:30")
    return [(opens, closes, made) for opens, closes in (span.split("-") for span in spans.split(","))]


def test_every_collected_exception_is_obeyed() -> None:
    facts = _facts()
    muhurat = {fact["date"] for fact in facts if fact["effect"].startswith("MUHURAT")}
    assert len(facts) > 70
    for fact in facts:
        if fact["effect"] == "CLOSED" and fact["date"] in muhurat:
            continue  # closed but for the Muhurat hour, which has its own row
        exchanges = {"NSE": EQUITY, "COM": (Exchange.MCX,)}.get(fact["market"][:3], EQUITY)
        exchanges = (Exchange.CDS,) if "CD extra" in fact["market"] else exchanges
        for exchange in exchanges:
            assert _windows(exchange, fact["date"]) == _expected(fact["effect"], fact["date"]), fact


def test_no_exception_is_kept_that_was_not_collected() -> None:
    facts = _facts()
    closed = {f["date"] for f in facts if f["market"] == "NSE/BSE CM+FO" and f["effect"] == "CLOSED"}
    commodity = {f["date"]: f["effect"] for f in facts if f["market"].startswith("COMMODITY")}
    currency = {f["date"] for f in facts if f["market"] == "NSE CD extra"}
    assert {day.isoformat() for day in holidays.EQUITY_CLOSED} == closed
    assert {day.isoformat(): effect.value for day, effect in holidays.COMMODITY_EFFECTS.items()} == commodity
    assert {day.isoformat() for day in holidays.CURRENCY_CLOSED} == currency


def test_regular_days_agree_with_a_published_calendar() -> None:
    calendar = exchange_calendars.get_calendar("XBOM", start="2024-01-01", end="2026-12-31")
    published = {stamp.date() for stamp in calendar.sessions}
    ours = {
        row.date
        for row in seed_sessions(Exchange.NFO, date(2024, 1, 1), date(2026, 12, 31))
        if row.kind is SessionKind.REGULAR
    }
    assert ours == published


@pytest.mark.parametrize("exchange", SESSION_EXCHANGES)
def test_rows_are_ordered_disjoint_and_of_their_date(exchange: Exchange) -> None:
    rows = seed_sessions(exchange, date(2024, 1, 1), date(2026, 12, 31))
    assert all(row.opens_at < row.closes_at for row in rows)
    assert all(before.closes_at <= after.opens_at for before, after in pairwise(rows))
    assert all(row.opens_at.astimezone(IST).date() == row.date for row in rows)
    assert all(row.closes_at.astimezone(IST).date() == row.date for row in rows)
    assert {row.opens_at.tzinfo for row in rows} == {UTC}


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_the_commodity_close_is_eight_hours_of_new_york_time_away(day: date) -> None:
    expected = time(23, 30) if date(2026, 3, 8) <= day < date(2026, 11, 1) else time(23, 55)
    assert mcx_close(day) == expected


ROWS = seed_sessions(Exchange.NFO, date(2026, 8, 1), date(2026, 8, 31))


@given(st.datetimes(datetime(2026, 8, 1), datetime(2026, 8, 31), timezones=st.just(IST)))  # noqa: DTZ001
def test_a_moment_is_open_exactly_when_a_row_holds_it(now: datetime) -> None:
    row = session_at(ROWS, now)
    assert is_open(ROWS, now) == (row is not None)
    assert (row is not None) == (
        any(known.date == now.date() for known in ROWS) and time(9, 15) <= now.time() < time(15, 40)
    )
    coming = next_open(ROWS, now)
    assert coming is None or (coming > now and not any(now < known.opens_at < coming for known in ROWS))


def test_the_open_is_inside_and_the_close_is_outside() -> None:
    rows = _rows("2026-08-18")
    assert not is_open(rows, _ist("2026-08-18T09:14:59.999999"))
    assert is_open(rows, _ist("2026-08-18T09:15"))
    assert is_open(rows, _ist("2026-08-18T15:39:59.999999"))
    assert not is_open(rows, _ist("2026-08-18T15:40"))
    assert not is_open([], _ist("2026-08-18T10:00"))


def test_the_next_open_skips_the_weekend_and_the_holiday() -> None:
    rows = seed_sessions(Exchange.NFO, date(2026, 11, 20), date(2026, 11, 30))
    assert next_open(rows, _ist("2026-11-23T15:40")) == _ist("2026-11-25T09:15")
    assert next_open(rows, _ist("2026-11-30T09:15")) is None


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (45, Horizon.OK),
        (44, Horizon.ALERT),
        (7, Horizon.ALERT),
        (6, Horizon.CLOSED),
        (0, Horizon.CLOSED),
        (-3, Horizon.CLOSED),
    ],
)
def test_a_near_horizon_alerts_and_then_closes(days: int, state: Horizon) -> None:
    assert horizon_state(CONFIRMED_THROUGH, CONFIRMED_THROUGH - timedelta(days=days)) is state


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-08-18T15:14:59", False),
        ("2026-08-18T15:15", True),
        ("2026-08-18T15:34:59", True),
        ("2026-08-18T15:35", False),
        ("2026-07-31T15:20", False),
        ("2026-08-22T15:20", False),
    ],
)
@pytest.mark.parametrize("exchange", [Exchange.NFO, Exchange.NSE_INDEX])
def test_the_index_stands_still_in_the_closing_auction(moment: str, frozen: bool, exchange: Exchange) -> None:
    rows = _rows(moment[:10], exchange)
    assert is_index_frozen(_ist(moment), rows) is frozen


def test_a_muhurat_hour_has_no_closing_auction() -> None:
    row = SessionRow(
        Exchange.NFO,
        date(2026, 11, 8),
        _ist("2026-11-08T13:45"),
        _ist("2026-11-08T14:45"),
        SessionKind.MUHURAT,
        "an operator",
    )
    assert not is_index_frozen(_ist("2026-11-08T15:20"), [row])


@pytest.mark.parametrize(
    ("moment", "auction", "expected"),
    [
        ("2026-08-18T08:59", True, Phase.CLOSED),
        ("2026-08-18T09:05", True, Phase.PRE_OPEN),
        ("2026-08-18T09:15", True, Phase.OPEN),
        ("2026-08-18T15:20", True, Phase.CLOSING_AUCTION),
        ("2026-08-18T15:20", False, Phase.OPEN),
        ("2026-08-18T15:32", True, Phase.CLOSING_AUCTION),
        ("2026-08-18T15:32", False, Phase.CLOSED),
        ("2026-08-18T15:35", True, Phase.CLOSED),
        ("2026-08-22T09:05", True, Phase.CLOSED),
    ],
)
def test_phases_of_the_cash_day(moment: str, auction: bool, expected: Phase) -> None:
    rows = _rows(moment[:10], Exchange.NSE_INDEX)
    assert phase(_ist(moment), rows=rows, in_closing_auction=auction) is expected


def test_futures_had_no_pre_open_before_december_2025() -> None:
    for day, expected in (("2025-12-05", Phase.CLOSED), ("2025-12-08", Phase.PRE_OPEN)):
        assert phase(_ist(f"{day}T09:05"), rows=_rows(day), in_closing_auction=False) is expected
