"""What the loader reads of our side: a whole day, at one instant, in a fixed number of queries."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.services.record import Entry, record_all
from apps.notifications.services.notify import notify
from apps.risk.services.halts import set_halt
from apps.trading.models import Order, Trade
from apps.trading.services.evidence import load_evidence
from apps.trading.services.exit import request_exit_of_trade
from bus.models import Heartbeat, Term
from domain.broker import Outcome, Verdict
from domain.invariants import check_liveness, check_safety
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def a_round_trip(cast: Cast, shard: Shard, now: datetime, *, key: str = "s1") -> Trade:
    """Enter with partial fills, leave, and be flat."""
    (trade,) = enter(cast, now, accounts=[cast.account], lots=2, key=key)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("101.50")
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "OPEN")
    request_exit_of_trade(trade=trade, reason=ExitReason.TARGET, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
    trade.refresh_from_db()
    return trade


def test_a_round_trip_is_read_and_breaks_nothing(cast: Cast, shard: Shard, now: datetime) -> None:
    trade = a_round_trip(cast, shard, now)
    found = load_evidence(since=None, until=None)
    assert check_safety(found) == []
    assert check_liveness(found, at=found.taken_at) == []
    entry, left = found.orders
    assert (entry.kind, entry.mode, entry.broker, entry.symbol) == ("ENTRY", "LIVE", "zerodha", f"Z{cast.call.symbol}")
    assert (left.kind, left.side, left.quantity, left.filled_quantity) == ("EXIT", "SELL", 130, 130)
    assert (entry.lot_size, entry.freeze_quantity, entry.lease, entry.market) == (65, 1800, "execution.0", "NFO")
    assert entry.expires_at == now + timedelta(seconds=60)
    assert [one.signal for one in found.intents] == [f"{cast.strategy.pk}:s1", ""]
    assert found.trades[0].signal_tenant_id == found.trades[0].strategy_tenant_id == cast.tenant.pk
    assert found.trades[0].gross_pnl == trade.gross_pnl
    assert (found.legs[0].entry_quantity, found.legs[0].exit_quantity) == (130, 130)
    assert sum(one.quantity for one in found.fills) == 260
    assert {one.status for one in found.audit if one.object_id == entry.pk} >= {"SUBMITTED", "FILLED"}
    assert [one.name for one in found.leases] == ["execution.0"]


def test_paper_orders_bear_the_paper_brokers_names(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.paper_account, "PAPER").fill_price = Decimal(101)
    enter(cast, now, accounts=[cast.paper_account])
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    (order,) = load_evidence(since=None, until=None).orders
    assert (order.mode, order.broker, order.symbol) == ("PAPER", "paper", cast.call.symbol)


def test_only_trades_alive_in_the_span_are_read(cast: Cast, shard: Shard, now: datetime) -> None:
    trade = a_round_trip(cast, shard, now)
    touched = trade.touched_at
    assert load_evidence(since=touched - timedelta(hours=1), until=None).orders
    assert load_evidence(since=touched + timedelta(seconds=1), until=None).orders == ()
    assert load_evidence(since=None, until=now).orders == ()
    assert len(load_evidence(since=None, until=now + timedelta(seconds=1)).orders) == 2


def test_a_trade_carried_over_is_read_on_every_day(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.account).fill_price = Decimal(101)
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    tomorrow = Trade.objects.get().touched_at + timedelta(days=1)
    found = load_evidence(since=tomorrow, until=None)
    assert len(found.trades) == 1
    assert found.market_since == tomorrow


def test_only_the_wanted_accounts_are_read(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.account).fill_price = shard.broker(cast.paper_account, "PAPER").fill_price = Decimal(101)
    enter(cast, now, accounts=[cast.account, cast.paper_account])
    shard.run(lambda: Trade.objects.filter(status="OPEN").count() == 2)
    found = load_evidence(since=None, until=None, account_ids=[cast.paper_account.pk])
    assert {one.account_id for one in found.orders} == {cast.paper_account.pk}
    assert [one.pk for one in found.accounts] == [cast.paper_account.pk]
    assert {one.account_id for one in found.broker_sessions} == set()
    whole = load_evidence(since=None, until=None)
    assert len(whole.orders) == 2
    assert len(whole.accounts) == 2


def test_the_rest_is_read_too(cast: Cast, now: datetime) -> None:
    notify(key="unknown:7", code="ORDER_UNKNOWN", text="x", tenant_id=cast.tenant.pk)
    halt = set_halt(scope="ACCOUNT", reason="x", actor=cast.operator, account_id=cast.account.pk)
    beat_at = datetime(2026, 11, 16, 5, tzinfo=UTC)
    newest = int(beat_at.timestamp() * 1000) - 700
    Heartbeat.objects.create(
        process="feed", holder="h", build="b1", started_at=now, beat_at=beat_at, detail={"newest_tick_ms": newest}
    )
    Heartbeat.objects.create(
        process="signals", holder="h", build="b2", started_at=now, beat_at=beat_at, detail={"standing_by": True}
    )
    Term.objects.create(lease="execution.0", epoch=3, holder="h", fate="DEAD", ended_at=beat_at)
    found = load_evidence(since=None, until=None)
    assert "unknown:7" in {one.key for one in found.notifications}
    assert [(one.pk, one.account_id, one.until) for one in found.halts] == [(halt.pk, cast.account.pk, None)]
    feed, signals = sorted(found.heartbeats, key=lambda one: one.process)
    assert feed.prices_age == pytest.approx(0.7, abs=0.01)
    assert (feed.is_standing_by, signals.is_standing_by) == (False, True)
    assert feed.started_at == now
    assert [(one.name, one.epoch, one.ended_at) for one in found.terms] == [("execution.0", 3, beat_at)]
    assert {one.exchange for one in found.market_sessions} == {"NFO", "NSE"}
    assert [one.account_id for one in found.broker_sessions] == [cast.account.pk]


def test_an_order_keeps_the_lease_it_was_claimed_under(cast: Cast, shard: Shard, now: datetime) -> None:
    a_round_trip(cast, shard, now)
    before = load_evidence(since=None, until=None).orders
    moved = Entry(
        "account_moved", "broker_accounts.brokeraccount", cast.account.pk, cast.tenant.pk, {"from": 0, "to": 3}
    )
    record_all([moved])
    cast.account.shard = 3
    cast.account.save(update_fields=["shard"])
    found = load_evidence(since=None, until=None)
    assert [one.lease for one in found.orders] == [one.lease for one in before] == ["execution.0"] * 2
    assert found.accounts[0].lease == "execution.3"


def test_a_plan_nobody_can_read_is_no_rule(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.account).fill_price = Decimal(101)
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    assert load_evidence(since=None, until=None).trades[0].has_rules
    Trade.objects.update(exit_plan={"stop": {"kind": "MILES"}})
    found = load_evidence(since=None, until=None)
    assert not found.trades[0].has_rules
    assert {one.invariant for one in check_liveness(found, at=found.taken_at)} == {"I9"}


def test_more_trades_cost_no_more_queries(cast: Cast, shard: Shard, now: datetime) -> None:
    a_round_trip(cast, shard, now, key="s1")
    with CaptureQueriesContext(connection) as few:
        load_evidence(since=None, until=None)
    for number in range(2, 5):
        a_round_trip(cast, shard, now, key=f"s{number}")
    with CaptureQueriesContext(connection) as many:
        found = load_evidence(since=None, until=None)
    assert len(found.trades) == 4
    assert len(many) == len(few)


def test_a_broken_row_is_found(cast: Cast, shard: Shard, now: datetime) -> None:
    a_round_trip(cast, shard, now)
    Order.objects.filter(intent__kind="EXIT").update(filled_quantity=65, status="CANCELLED")
    found = check_safety(load_evidence(since=None, until=None))
    assert {one.invariant for one in found} == {"I16", "I18"}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_whatever_the_broker_answers_is_told_in_the_trail(
    cast: Cast, shard: Shard, now: datetime, verdict: Verdict
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    if verdict is not Verdict.ACKNOWLEDGED:
        broker.answers = [Outcome(verdict, code="X", message="x")]
    shard.settle()
    assert statuses(trade) != ["PENDING"]
    assert check_safety(load_evidence(since=None, until=None)) == []
