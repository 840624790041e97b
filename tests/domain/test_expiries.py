"""Expiry rules against proven expiries, and the selectors on listed ones."""

import csv
from datetime import date, timedelta

import exchange_calendars
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import holidays
from domain.expiries import (
    CRUDEOIL_2026,
    SCHEDULES,
    Cycle,
    ExpiryRule,
    ExpiryRuleError,
    NoExpiry,
    Pick,
    expiries,
    parse_expiry_rule,
    schedule_for,
    scheduled_expiries,
    select_expiry,
    shift_to_trading_day,
    third_wednesday,
)
from domain.instruments import Exchange
from tests.shared import shared_path

PROVEN = "market_data/NIFTY_actual_expiry_and_lot_2021_2026.csv"
# The real weekly and monthly list around the November 2026 holiday.
LISTED = [
    date(2026, 11, 17),
    date(2026, 11, 23),
    date(2026, 12, 1),
    date(2026, 12, 8),
    date(2026, 12, 15),
    date(2026, 12, 22),
    date(2026, 12, 29),
    date(2027, 3, 30),
]


def _proven() -> list[dict[str, str]]:
    with shared_path(PROVEN).open() as lines:
        return list(csv.DictReader(lines))


def test_all_proven_expiries_follow_the_rules_and_the_holiday_shift() -> None:
    calendar = exchange_calendars.get_calendar("XBOM", start="2021-01-01", end="2026-12-31")
    trading_days = {stamp.date() for stamp in calendar.sessions}
    proven = _proven()
    assert len(proven) == 296
    for row in proven:
        scheduled = date.fromisoformat(row["original_scheduled_expiry"])
        cycle = Cycle(row["expiry_type"].upper())
        assert scheduled_expiries(Exchange.NFO, "NIFTY", cycle, date_from=scheduled, date_to=scheduled), row
        shifted = shift_to_trading_day(scheduled, is_trading_day=trading_days.__contains__)
        assert shifted.isoformat() == row["actual_expiry_date"], row
        assert (shifted != scheduled) == (row["expiry_holiday_adjusted"] == "True"), row


def test_from_2024_our_own_holidays_give_exactly_the_proven_list() -> None:
    proven = [date.fromisoformat(row["actual_expiry_date"]) for row in _proven()]
    span = [day for day in proven if date(2024, 1, 1) <= day <= date(2026, 8, 25)]
    assert expiries(Exchange.NFO, "NIFTY", date_from=span[0], date_to=span[-1]) == span


def test_month_selects_the_proven_monthly_expiry_on_every_day() -> None:
    proven = [row for row in _proven() if row["actual_expiry_date"] <= "2026-08-25"]
    known = [date.fromisoformat(row["actual_expiry_date"]) for row in proven]
    monthly = [day for day, row in zip(known, proven, strict=True) if row["expiry_type"] == "monthly"]
    rule = parse_expiry_rule("MONTH0")
    for offset in range((monthly[-1] - known[0]).days):
        today = known[0] + timedelta(days=offset)
        coming = next(day for day in monthly if day >= today)
        assert select_expiry(rule, known, today=today, rolled=False) == coming
        listed = [day for day in known if day >= today]  # a broker's master lists no past contracts
        assert select_expiry(rule, listed, today=today, rolled=False) == coming


def test_a_weekly_pulled_over_a_months_end_is_known_by_either_neighbour() -> None:
    rule = parse_expiry_rule("MONTH0")
    shifted, before, after = date(2025, 4, 30), date(2025, 4, 24), date(2025, 5, 8)
    assert select_expiry(rule, [before, shifted], today=date(2025, 4, 20), rolled=False) == before
    last_of_may = date(2025, 5, 29)
    assert select_expiry(rule, [shifted, after, last_of_may], today=shifted, rolled=False) == last_of_may


def test_november_2026_expires_on_monday_the_23rd() -> None:
    for underlying in ("NIFTY", "BANKNIFTY", "RELIANCE"):
        listed = expiries(Exchange.NFO, underlying, date_from=date(2026, 11, 20), date_to=date(2026, 11, 30))
        assert listed == [date(2026, 11, 23)]


@pytest.mark.parametrize(
    ("exchange", "underlying", "date_from", "date_to", "expected"),
    [
        (Exchange.NFO, "NIFTY", "2026-11-02", "2026-11-11", ["2026-11-03", "2026-11-09"]),
        (Exchange.NFO, "BANKNIFTY", "2025-01-01", "2025-01-31", ["2025-01-30"]),
        (Exchange.NFO, "BANKNIFTY", "2024-12-01", "2024-12-31", ["2024-12-24"]),  # Christmas on the Wednesday
        (Exchange.NFO, "FINNIFTY", "2024-11-01", "2024-12-31", ["2024-11-26", "2024-12-31"]),
        (Exchange.NFO, "MIDCPNIFTY", "2024-12-01", "2024-12-31", ["2024-12-30"]),
        (Exchange.NFO, "NIFTYNXT50", "2024-05-01", "2024-05-31", ["2024-05-31"]),
        (Exchange.BFO, "SENSEX", "2024-12-27", "2025-01-07", ["2024-12-27", "2025-01-03", "2025-01-07"]),
        (Exchange.BFO, "SENSEX", "2025-08-26", "2025-09-11", ["2025-08-26", "2025-09-04", "2025-09-11"]),
        (Exchange.BFO, "BANKEX", "2026-09-01", "2026-09-30", ["2026-09-24"]),
    ],
)  # fmt: skip
def test_rules_of_the_other_indices(
    exchange: Exchange, underlying: str, date_from: str, date_to: str, expected: list[str]
) -> None:
    listed = expiries(
        exchange,
        underlying,
        date_from=date.fromisoformat(date_from),
        date_to=date.fromisoformat(date_to),
    )
    assert [day.isoformat() for day in listed] == expected


def test_only_nifty_and_sensex_have_weeklies_now() -> None:
    today = date(2026, 11, 20)
    weekly = {name for rule in SCHEDULES for name in rule.underlyings if rule.cycle is Cycle.WEEKLY}
    now = {
        name
        for name in weekly
        for exchange in (Exchange.NFO, Exchange.BFO)
        if schedule_for(exchange, name, Cycle.WEEKLY, today)
    }
    assert now == {"NIFTY", "SENSEX"}


def test_the_collected_rules_are_all_here() -> None:
    with shared_path("market_facts/expiry_rules.csv").open() as lines:
        facts = list(csv.DictReader(lines))
    weekdays = ("MON", "TUE", "WED", "THU", "FRI")
    for fact in facts:
        names = fact["underlying"].split(",")
        wanted = fact["rule"].removeprefix("LAST_").partition("/")[0]
        cycles = [cycle for cycle in Cycle if cycle.lower() in fact["cycle"]]
        for name in names:
            for cycle in cycles if name == "SENSEX" or len(cycles) == 1 else [Cycle.MONTHLY]:
                rule = schedule_for(Exchange(fact["exchange"]), name, cycle, date.fromisoformat(fact["expiry_from"]))
                assert rule is not None, fact
                assert weekdays[rule.weekday] == wanted, fact
                assert (rule.last.isoformat() if rule.last else "") == fact["expiry_to"], fact


@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.sampled_from([Exchange.NFO, Exchange.MCX]))
def test_a_shift_never_moves_forward_nor_onto_a_holiday(day: date, exchange: Exchange) -> None:
    shifted = shift_to_trading_day(day, is_trading_day=lambda on: holidays.is_trading_day(exchange, on))
    assert day - timedelta(days=10) < shifted <= day
    assert holidays.is_trading_day(exchange, shifted)


def test_commodity_dates() -> None:
    assert third_wednesday(2025, 9) == date(2025, 9, 17)
    assert third_wednesday(2026, 7) == date(2026, 7, 15)
    assert [day.month for day in CRUDEOIL_2026] == list(range(1, 13))
    with shared_path("market_facts/mcx_contracts.csv").open() as lines:
        fact = next(row for row in csv.DictReader(lines) if row["symbol"] == "CRUDEOIL")
    assert all(f"{day:%m-%d}" in fact["expiry_and_settlement"] for day in CRUDEOIL_2026)
    assert all(holidays.is_trading_day(Exchange.MCX, day) for day in CRUDEOIL_2026)


@pytest.mark.parametrize(
    ("text", "today", "rolled", "expected"),
    [
        ("WEEK0", "2026-11-18", False, "2026-11-23"),
        ("WEEK0", "2026-11-23", False, "2026-11-23"),
        ("WEEK0", "2026-11-23", True, "2026-12-01"),
        ("week[1]", "2026-11-18", False, "2026-12-01"),
        ("MONTH0", "2026-11-01", False, "2026-11-23"),
        ("MONTH0", "2026-11-23", True, "2026-12-29"),
        ("MONTH1", "2026-11-18", False, "2026-12-29"),
        ("MONTH2", "2026-11-18", False, "2027-03-30"),
        ("DTE<=5", "2026-11-18", False, "2026-11-23"),
        ("dte <= 8", "2026-11-23", True, "2026-12-01"),
    ],
)
def test_rules_pick_from_the_listed_expiries(text: str, today: str, rolled: bool, expected: str) -> None:
    chosen = select_expiry(parse_expiry_rule(text), LISTED, today=date.fromisoformat(today), rolled=rolled)
    assert chosen.isoformat() == expected


def test_futures_rules_count_contracts() -> None:
    futures = [date(2026, 11, 23), date(2026, 12, 29), date(2027, 1, 26)]
    for text, expected in zip(("FRONT", "NEXT", "FAR"), futures, strict=True):
        assert select_expiry(
            parse_expiry_rule(text), futures, today=date(2026, 11, 20), rolled=False
        ) == expected  # fmt: skip
    with pytest.raises(NoExpiry, match="FAR"):
        select_expiry(parse_expiry_rule("FAR"), futures, today=date(2026, 11, 23), rolled=True)


@pytest.mark.parametrize(
    ("text", "today", "rolled"),
    [("DTE<=4", "2026-11-18", False), ("DTE<=0", "2026-11-23", True), ("WEEK7", "2026-11-18", False)],
)
def test_no_fitting_expiry_is_an_error(text: str, today: str, rolled: bool) -> None:
    with pytest.raises(NoExpiry):
        select_expiry(parse_expiry_rule(text), LISTED, today=date.fromisoformat(today), rolled=rolled)


@pytest.mark.parametrize(
    "text",
    ["", "WEEK", "WEEK-1", "WEEK[0", "WEEK 0", "WEEK100", "DAY0", "DTE<5", "DTE<=", "FRONT1", "WEEK٠"],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ExpiryRuleError, match="WEEK0"):
        parse_expiry_rule(text)


rules = st.one_of(
    st.builds(ExpiryRule, st.just(Pick.FUTURE), st.integers(0, 2)),
    st.builds(ExpiryRule, st.sampled_from([Pick.WEEK, Pick.MONTH]), st.integers(0, 99)),
    st.builds(ExpiryRule, st.just(Pick.DTE), st.integers(0, 999)),
)


@given(rules)
def test_a_written_rule_reads_back(rule: ExpiryRule) -> None:
    assert parse_expiry_rule(str(rule)) == rule


dates = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(rules, st.sets(dates, max_size=30), dates, st.booleans())
def test_a_chosen_expiry_is_listed_and_not_past(rule: ExpiryRule, listed: set[date], today: date, rolled: bool) -> None:
    try:
        chosen = select_expiry(rule, listed, today=today, rolled=rolled)
    except NoExpiry:
        assume(False)
    assert chosen in listed
    assert chosen > today or (chosen == today and not rolled)
    if rule.pick is Pick.DTE:
        assert (chosen - today).days <= rule.n


@given(st.lists(st.integers(0, 13), unique=True, max_size=8), st.integers(1, 28), dates)
def test_where_only_monthlies_are_listed_months_and_futures_agree(months: list[int], day: int, today: date) -> None:
    listed = [date(2026 + month // 12, month % 12 + 1, day) for month in months]
    for n in range(3):
        picked = []
        for pick in (Pick.MONTH, Pick.FUTURE):
            try:
                picked.append(select_expiry(ExpiryRule(pick, n), listed, today=today, rolled=False))
            except NoExpiry:
                picked.append(date.max)
        assert picked[0] == picked[1]
