"""The jobs queue: each job does its part once, however often it runs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerSession, LoginAttempt
from apps.markets.models import CalendarHorizon, TradingSession
from apps.markets.services.calendar import forget_calendar
from apps.notifications.models import Notification
from apps.strategies.models import Signal
from apps.trading.models import AccountState, ExternalOrder, Fill, Intent, Order, Position, Trade, TradeLeg, Wave
from apps.trading.services import day_end
from apps.trading.services.entry import PlannedLeg, PlannedTrade, enter_wave
from apps.trading.services.processes import watch_processes
from apps.trading.services.pruning import NOTIFICATIONS_KEPT, prune
from bus import commands
from bus.models import Heartbeat, Lease
from domain.exit_plan import ExitPlan
from domain.instruments import Exchange
from domain.orders import ExitReason
from domain.venues import venue_of
from tests.cast import Cast, publish_price
from workers import jobs, life

CLOSE = timedelta(hours=5)
"""How long after ``now`` the cast's markets close."""


@pytest.fixture(autouse=True)
def _market_time(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(jobs, "now", lambda: now)
    forget_calendar()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    found: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


@pytest.fixture
def trade(cast: Cast, now: datetime) -> Trade:
    """A live intraday trade that holds 65 calls, to be squared off at ``now``."""
    return _held(cast, now, square_off_at=now)


def _held(cast: Cast, now: datetime, *, square_off_at: datetime | None, key: str = "one", held: int = 65) -> Trade:
    publish_price(cast.call, "100")
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key=key, received_at=now
    )
    wave = Wave.objects.create(tenant=cast.tenant, strategy=cast.strategy, signal=signal, kind="ENTRY")
    planned = PlannedTrade(
        strategy_map_id=cast.maps[0].pk,
        account=cast.account,
        product="MIS",
        legs=(PlannedLeg(cast.call, "BUY", 65, Decimal(103)),),
        exit_plan=ExitPlan(),
        square_off_at=square_off_at,
        entry_deadline_at=now + timedelta(seconds=60),
        trading_date=now.date(),
    )
    (trade,) = enter_wave(wave=wave, planned=[planned], skips=[], now=now)
    if held:
        Order.objects.filter(intent__trade=trade).update(status="FILLED", filled_quantity=held, finished_at=now)
        Intent.objects.filter(trade=trade).update(status="DONE", filled_quantity=held, finished_at=now)
        trade.legs.update(entry_quantity=held, entry_value=100 * held)
        Trade.objects.filter(pk=trade.pk).update(status="OPEN", opened_at=now)
    trade.refresh_from_db()
    return trade


def _twice(job: Callable[[], Any]) -> None:
    job()
    job()


# square-off ---------------------------------------------------------------------------------------------------------


def test_a_trade_past_its_time_is_asked_to_leave_once(trade: Trade) -> None:
    _twice(jobs.square_off)
    trade.refresh_from_db()
    assert trade.status == "EXITING"
    assert trade.legs.get().exit_reason == ExitReason.SQUARE_OFF
    assert Intent.objects.filter(trade=trade, kind="EXIT").count() == 1
    assert Order.objects.filter(intent__kind="EXIT").count() == 1
    assert AuditEvent.objects.filter(kind="exit_requested").count() == 1


def test_a_trade_before_its_time_is_left_alone(cast: Cast, now: datetime) -> None:
    trade = _held(cast, now, square_off_at=now + timedelta(seconds=1))
    carried = _held(cast, now, square_off_at=None, key="two")
    jobs.square_off()
    assert not TradeLeg.objects.filter(trade__in=[trade, carried]).exclude(exit_reason="").exists()


def test_an_entry_not_filled_yet_is_withdrawn(cast: Cast, now: datetime) -> None:
    trade = _held(cast, now, square_off_at=now, held=0)
    _twice(jobs.square_off)
    assert Order.objects.get(intent__trade=trade).status == "ABORTED"


def test_a_less_urgent_exit_becomes_the_square_off_and_a_more_urgent_one_stays(trade: Trade, now: datetime) -> None:
    trade.legs.update(exit_reason="STOP_LOSS")
    _twice(jobs.square_off)
    assert trade.legs.get().exit_reason == "SQUARE_OFF"
    trade.legs.update(exit_reason="KILL_SWITCH")
    jobs.square_off()
    assert trade.legs.get().exit_reason == "KILL_SWITCH"
    assert AuditEvent.objects.filter(kind="exit_requested").count() == 1


def test_a_trade_that_does_not_leave_pages_once(trade: Trade, now: datetime) -> None:
    day_end.square_off_due(now=now)
    assert not Notification.objects.exists()
    for minutes in (2, 3, 4):
        day_end.square_off_due(now=now + timedelta(minutes=minutes))
    page = Notification.objects.get()
    assert (page.code, page.level, page.tenant_id) == ("SQUARE_OFF_LATE", "PAGE", trade.tenant_id)


# lost wake-ups ------------------------------------------------------------------------------------------------------


def test_shards_with_waiting_orders_are_woken(cast: Cast, now: datetime, sent: list[Any]) -> None:
    _held(cast, now, square_off_at=None, held=0)
    sent.clear()
    jobs.sweep()
    assert sent == [("workers.execution.submit_orders", (cast.account.shard,))]
    Order.objects.update(status="FILLED")
    sent.clear()
    jobs.sweep()
    assert sent == []


def test_the_sweep_shows_that_the_worker_lives(db: None) -> None:
    jobs.sweep()
    assert Heartbeat.objects.get(process="jobs").beat_at is not None


def _beat(process: str, *, ago: timedelta, build: str = "one", up: timedelta = timedelta(hours=1)) -> None:
    wall = timezone.now()
    Heartbeat.objects.create(process=process, holder="h", build=build, started_at=wall - up, beat_at=wall - ago)


def test_a_silent_process_pages_once(cast: Cast) -> None:
    Lease.objects.create(name="feed", until=timezone.now())
    _beat("feed", ago=timedelta(seconds=40))
    _beat("sessions", ago=timedelta(seconds=40))  # shows life by the minute
    _beat("old", ago=timedelta(days=2))
    for _ in range(2):
        assert watch_processes(wall=timezone.now()) == ["feed"]
    assert Notification.objects.filter(tenant=cast.tenant, code="PROCESS_SILENT", level="PAGE").count() == 1
    assert watch_processes(wall=timezone.now() + timedelta(minutes=3)) == ["feed", "sessions"]


def test_two_builds_side_by_side_page_after_a_rolling_restarts_time(cast: Cast) -> None:
    _beat("feed", ago=timedelta(0), build="one")
    _beat("signals", ago=timedelta(0), build="two", up=timedelta(seconds=30))
    assert watch_processes(wall=timezone.now()) == []
    Heartbeat.objects.update(started_at=timezone.now() - timedelta(minutes=5))
    assert watch_processes(wall=timezone.now()) == ["one", "two"]
    assert Notification.objects.filter(tenant=cast.tenant, code="MIXED_BUILDS").count() == 1


def test_a_machine_that_slept_accuses_nobody(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "_STARTED_AT", timezone.now() - timedelta(hours=1))
    _beat("jobs", ago=timedelta(hours=1))
    _beat("feed", ago=timedelta(hours=1))
    jobs.sweep()
    assert not Notification.objects.exists()
    jobs.sweep()
    assert Notification.objects.filter(code="PROCESS_SILENT").exists()


# the end of the day -------------------------------------------------------------------------------------------------


@pytest.fixture
def after(now: datetime) -> datetime:
    """A quarter of an hour after the close."""
    return now + CLOSE + timedelta(minutes=15)


def _end(after: datetime) -> dict[str, day_end.DayEnd]:
    return {one.closed.exchange: one for one in day_end.end_of_day(now=after, wall=timezone.now())}


def test_a_market_is_looked_after_once_it_is_over_for_the_day(cast: Cast, now: datetime, after: datetime) -> None:
    assert _end(now) == {}
    assert _end(now + CLOSE + timedelta(minutes=5)) == {}
    assert set(_end(after)) == {"NFO", "NSE"}
    TradingSession.objects.create(
        exchange="NFO", trading_date=now.date(), opens_at=after, closes_at=after + timedelta(hours=1)
    )
    assert set(_end(after)) == {"NSE"}
    assert _end(after + timedelta(days=1)) == {}


def test_a_market_that_trades_again_is_left_alone(cast: Cast, now: datetime, after: datetime) -> None:
    tomorrow = now.date() + timedelta(days=1)
    TradingSession.objects.create(
        exchange="NFO", trading_date=tomorrow, opens_at=after, closes_at=after + timedelta(hours=6)
    )
    assert set(_end(after)) == {"NSE"}


def test_a_clean_day_is_noted_once(cast: Cast, after: datetime) -> None:
    for _ in range(2):
        assert all(one.is_clean for one in _end(after).values())
    assert AuditEvent.objects.filter(kind="day_ended").count() == 2  # NFO and NSE
    assert not Notification.objects.exists()


def test_an_unsent_entry_ends_with_its_day(cast: Cast, now: datetime, after: datetime) -> None:
    _held(cast, now, square_off_at=None, held=0)
    assert _end(after)["NFO"].unresolved == 0
    assert Order.objects.get().status == "ABORTED"
    assert Order.objects.get().reason_code == "SESSION_CLOSED"


@pytest.mark.parametrize("status", ["OPEN", "UNKNOWN", "SUBMITTED", "PARKED"])
def test_an_order_without_an_end_pages_once(cast: Cast, now: datetime, after: datetime, status: str) -> None:
    _held(cast, now, square_off_at=None, held=0)
    Order.objects.update(status=status)
    for _ in range(2):
        assert _end(after)["NFO"].unresolved == 1
    assert Order.objects.get().cancel_requested_at == after
    assert Notification.objects.filter(code="ORDER_UNRESOLVED", level="PAGE").count() == 1


def test_an_intraday_trade_left_open_pages_once(trade: Trade, after: datetime) -> None:
    for _ in range(2):
        assert _end(after)["NFO"].left == 1
    assert Notification.objects.filter(code="INTRADAY_LEFT_OPEN", level="PAGE").count() == 1


def test_a_carried_trade_is_no_leftover(trade: Trade, after: datetime) -> None:
    Trade.objects.update(product="NRML")
    assert _end(after)["NFO"].left == 0


def _snapshot(cast: Cast, quantity: int) -> None:
    wall = timezone.now()
    Position.objects.create(
        account=cast.account, mode="LIVE", instrument=cast.call, product="MIS", quantity=quantity, read_at=wall
    )
    AccountState.objects.create(account=cast.account, mode="LIVE", positions_read_at=wall)


def test_books_that_agree_are_silent(cast: Cast, trade: Trade, after: datetime) -> None:
    _snapshot(cast, 65)
    assert _end(after)["NFO"].differences == 0


@pytest.mark.parametrize("quantity", [0, 64, 130, -65])
def test_books_that_differ_page_once(cast: Cast, trade: Trade, after: datetime, quantity: int) -> None:
    _snapshot(cast, quantity)
    for _ in range(2):
        assert _end(after)["NFO"].differences == 1
    page = Notification.objects.get(code="POSITION_DIFFERS")
    assert f"is {quantity} at the broker, 65 here" in page.text
    assert page.level == "PAGE"


def test_a_position_nobody_entered_here_is_a_difference(cast: Cast, after: datetime) -> None:
    _snapshot(cast, -65)
    assert _end(after)["NFO"].differences == 1


def test_what_was_traded_outside_is_declared(cast: Cast, trade: Trade, after: datetime) -> None:
    _snapshot(cast, 0)
    ExternalOrder.objects.create(
        account=cast.account,
        broker_order_id="E1",
        symbol=f"Z{cast.call.symbol}",
        side="SELL",
        quantity=65,
        filled_quantity=65,
        status="FILLED",
    )
    assert _end(after)["NFO"].differences == 0


def test_a_snapshot_older_than_the_last_fill_is_not_believed_but_asked_for(
    cast: Cast, trade: Trade, after: datetime, sent: list[Any]
) -> None:
    _snapshot(cast, 0)
    order = Order.objects.get()
    late = timezone.now() + timedelta(seconds=5)
    Fill.objects.create(
        account=cast.account, order=order, exchange_trade_id="T1", quantity=65, price=100, filled_at=late
    )
    found = _end(after)["NFO"]
    assert (found.differences, found.unread, found.is_clean) == (0, 1, False)
    assert ("workers.execution.reconcile_account", (cast.account.pk,)) in sent
    AccountState.objects.update(positions_read_at=late + timedelta(seconds=1))
    assert (_end(after)["NFO"].differences, _end(after)["NFO"].unread) == (1, 0)


def test_the_task_itself_runs_twice(cast: Cast, trade: Trade, after: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "now", lambda: after)
    _twice(jobs.end_of_day)
    assert Notification.objects.filter(code="INTRADAY_LEFT_OPEN").count() == 1


# the house ----------------------------------------------------------------------------------------------------------


def test_the_calendar_is_kept_a_year_ahead(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "now", lambda: datetime(2026, 8, 18, 5, 0, tzinfo=UTC))
    jobs.seed_calendar()
    count = TradingSession.objects.count()
    assert count > 500
    assert TradingSession.objects.filter(exchange="NFO", trading_date=date(2026, 8, 18)).exists()
    assert not TradingSession.objects.filter(kind="DEMO").exists()
    jobs.seed_calendar()
    assert TradingSession.objects.count() == count


def test_the_day_is_known_before_anybody_is_signed_in(db: None, sent: list[Any]) -> None:
    jobs.open_house()
    assert TradingSession.objects.exists()
    assert sent == [("workers.sessions.prepare_day", ())]


def test_a_demo_market_is_kept_open_today_and_tomorrow(db: None, settings: Any) -> None:
    settings.DEMO = True
    _twice(jobs.seed_calendar)
    closing = [one for one in Exchange if not venue_of(one).never_closes]
    assert TradingSession.objects.filter(kind="DEMO").count() == 2 * len(closing)


def test_a_calendar_about_to_end_is_told_once_a_week(cast: Cast, now: datetime) -> None:
    CalendarHorizon.objects.update(confirmed_through=now.date() + timedelta(days=30))
    CalendarHorizon.objects.filter(exchange="NSE").update(confirmed_through=now.date() + timedelta(days=3))
    forget_calendar()
    _twice(jobs.seed_calendar)
    own = Notification.objects.filter(tenant=cast.tenant, code="CALENDAR_ENDS")
    assert own.filter(level="PAGE", text__contains="NSE is").count() == 1
    assert own.filter(level="WARNING", text__contains="NFO is").count() == 1


def test_old_things_go_and_what_still_matters_stays(cast: Cast) -> None:
    wall = timezone.now()
    old = wall - NOTIFICATIONS_KEPT - timedelta(days=1)
    for number, (level, seen) in enumerate([("INFO", None), ("PAGE", None), ("PAGE", wall), ("WARNING", wall)]):
        Notification.objects.create(
            tenant=cast.tenant, level=level, code="X", key=str(number), text="x", created_at=old, acknowledged_at=seen
        )
    Notification.objects.create(tenant=cast.tenant, level="INFO", code="X", key="new", text="x")
    LoginAttempt.objects.create(account=cast.account, ok=True, at=old)
    Session.objects.create(session_key="a", session_data="", expire_date=old)
    Heartbeat.objects.create(process="gone", holder="h", build="b", started_at=old, beat_at=old)
    kept_session = BrokerSession.objects.get()
    events = AuditEvent.objects.count()
    assert prune(wall=wall)["notifications"] == 3
    assert set(Notification.objects.values_list("key", flat=True)) == {"1", "new"}
    assert list(BrokerSession.objects.all()) == [kept_session]
    assert not LoginAttempt.objects.exists()
    assert not Session.objects.exists()
    assert not Heartbeat.objects.exists()
    assert AuditEvent.objects.count() == events
    jobs.prune()
