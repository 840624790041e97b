"""The calendar is the rows: seeded once, edited by people, and closed where it says nothing."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.markets.models import CalendarHorizon, TradingSession
from apps.markets.services import calendar
from apps.markets.services.calendar import (
    Seeded,
    ensure_demo_sessions,
    forget_calendar,
    is_open,
    next_open,
    seed_calendar,
    session_at,
)
from domain.clock import IST
from domain.sessions import Horizon

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2026, 11, 2), date(2026, 12, 31)


def ist(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST).astimezone(UTC)


def seed(first: date = FIRST, last: date = LAST) -> Seeded:
    return seed_calendar(date_from=first, date_to=last)


def rows() -> list[tuple[object, ...]]:
    return list(TradingSession.objects.order_by("pk").values_list("pk", "exchange", "opens_at", "closes_at", "source"))


@pytest.mark.parametrize(
    ("exchange", "at", "expected"),
    [
        ("NFO", "2026-11-18T09:14:59", False),
        ("NFO", "2026-11-18T09:15:00", True),
        ("NFO", "2026-11-18T15:39:59", True),
        ("NFO", "2026-11-18T15:40:00", False),
        ("NSE_INDEX", "2026-11-18T15:35:00", False),
        ("MCX", "2026-11-18T23:54:00", True),
        ("NFO", "2026-11-21T11:00:00", False),  # a Saturday
        ("NFO", "2026-11-24T11:00:00", False),  # a holiday
        ("MCX", "2026-11-24T11:00:00", False),
        ("MCX", "2026-11-24T18:00:00", True),
        ("NOWHERE", "2026-11-18T11:00:00", False),
    ],
)
def test_the_seeded_calendar_knows_the_hours(exchange: str, at: str, expected: bool) -> None:
    seed()
    assert is_open(exchange, ist(at)) is expected


def test_no_rows_is_closed() -> None:
    assert not is_open("NFO", ist("2026-11-18T11:00:00"))
    assert next_open("NFO", ist("2026-11-18T11:00:00")) is None


def test_without_a_confirmed_end_everything_is_closed() -> None:
    seed()
    CalendarHorizon.objects.filter(exchange="NFO").delete()
    assert not is_open("NFO", ist("2026-11-18T11:00:00"))
    assert calendar.horizon("NFO", ist("2026-11-18T11:00:00")) is Horizon.CLOSED


def test_near_the_confirmed_end_it_fails_closed() -> None:
    seed()
    assert is_open("NFO", ist("2026-12-24T11:00:00"))
    forget_calendar()
    CalendarHorizon.objects.filter(exchange="NFO").update(confirmed_through=date(2026, 12, 30))
    assert not is_open("NFO", ist("2026-12-24T11:00:00"))
    assert next_open("NFO", ist("2026-12-24T11:00:00")) is None


def test_the_next_opening_skips_weekends_and_holidays() -> None:
    seed()
    assert next_open("NFO", ist("2026-11-20T16:00:00")) == ist("2026-11-23T09:15:00")
    assert next_open("NFO", ist("2026-11-23T16:00:00")) == ist("2026-11-25T09:15:00")


def test_seeding_twice_changes_nothing() -> None:
    assert seed().added > 0
    before = rows()
    assert seed() == Seeded(added=0, changed=0)
    assert rows() == before


def test_seeding_further_only_adds_what_is_new() -> None:
    seed(last=date(2026, 11, 30))
    before = rows()
    seed()
    assert rows()[: len(before)] == before
    assert TradingSession.objects.filter(trading_date=date(2026, 12, 1), exchange="NFO").exists()


def test_an_edited_session_is_never_overwritten() -> None:
    seed()
    edited = TradingSession.objects.get(exchange="NFO", trading_date=date(2026, 11, 18))
    edited.opens_at, edited.source = ist("2026-11-18T10:15:00"), "late opening"
    edited.save()
    seed()
    found = TradingSession.objects.get(exchange="NFO", trading_date=date(2026, 11, 18))
    assert (found.opens_at, found.source) == (edited.opens_at, "late opening")


def test_a_day_closed_by_hand_stays_closed() -> None:
    seed()
    TradingSession.objects.filter(exchange="NFO", trading_date=date(2026, 11, 18)).delete()
    seed()
    assert not is_open("NFO", ist("2026-11-18T11:00:00"))


def test_a_corrected_rule_reaches_untouched_rows() -> None:
    seed()
    TradingSession.objects.filter(exchange="NFO", trading_date=date(2026, 11, 18)).update(
        closes_at=ist("2026-11-18T15:30:00")
    )
    assert seed() == Seeded(added=0, changed=1)
    assert is_open("NFO", ist("2026-11-18T15:35:00"))


def test_an_operators_horizon_is_kept() -> None:
    seed()
    CalendarHorizon.objects.filter(exchange="NFO").update(confirmed_through=date(2026, 11, 1), source="desk")
    seed()
    assert CalendarHorizon.objects.get(exchange="NFO").confirmed_through == date(2026, 11, 1)


def test_an_added_session_opens_the_market() -> None:
    seed()
    opens = ist("2026-11-08T18:00:00")
    TradingSession.objects.create(
        exchange="NFO",
        trading_date=date(2026, 11, 8),
        opens_at=opens,
        closes_at=opens + timedelta(hours=1),
        kind="MUHURAT",
        source="announced",
    )
    forget_calendar()
    assert session_at("NFO", ist("2026-11-08T18:30:00")).kind == "MUHURAT"  # type: ignore[union-attr]


def test_the_calendar_is_read_once_in_a_while(django_assert_num_queries: object) -> None:
    seed()
    is_open("NFO", ist("2026-11-18T11:00:00"))
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert is_open("NFO", ist("2026-11-18T11:00:01"))


def test_an_old_reading_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seed()
    assert is_open("NFO", ist("2026-11-18T11:00:00"))
    TradingSession.objects.filter(exchange="NFO").delete()
    monkeypatch.setattr(calendar, "CACHE_SECONDS", 0.0)
    assert not is_open("NFO", ist("2026-11-18T11:00:00"))


def test_the_demo_market_is_open_whenever_it_is_started(settings: object) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    night = ist("2026-11-22T03:00:00")  # a Sunday
    added = ensure_demo_sessions(night)
    assert added == 18
    for exchange in ("NSE", "NFO", "MCX", "NSE_INDEX"):
        assert is_open(exchange, night)
        assert is_open(exchange, night + timedelta(hours=20, minutes=59))
        assert is_open(exchange, night + timedelta(hours=40))
    assert ensure_demo_sessions(night) == 0
    assert ensure_demo_sessions(night + timedelta(days=1)) == 9


def test_a_demos_leftovers_never_open_a_real_market(settings: object) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    night = ist("2026-11-22T03:00:00")
    ensure_demo_sessions(night)
    settings.DEMO = False  # type: ignore[attr-defined]
    forget_calendar()
    assert not is_open("NFO", night)
    assert ensure_demo_sessions(night) == 0


@pytest.mark.parametrize(
    ("at", "frozen"), [("15:14:59", False), ("15:15:00", True), ("15:34:59", True), ("15:35:00", False)]
)
def test_the_closing_auction_freezes_the_index(at: str, frozen: bool) -> None:
    seed()
    now = ist(f"2026-11-18T{at}")
    assert calendar.calendar_of("NSE_INDEX", now).is_index_frozen(now) is frozen


def test_the_demo_market_has_no_auction(settings: object) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    now = ist("2026-11-22T15:20:00")
    ensure_demo_sessions(now)
    assert not calendar.calendar_of("NSE_INDEX", now).is_index_frozen(now)
