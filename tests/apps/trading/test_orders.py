"""An order's life, from intent to closed trade."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.notifications.models import Notification
from apps.risk.services.halts import set_halt
from apps.strategies.models import StrategyMap
from apps.trading.models import Fill, Intent, Order, Trade, TradeLeg
from apps.trading.services.exit import request_exit, request_exit_of_trade
from brokers.catalog import SPECS
from bus.leases import LeaseLost
from bus.models import Lease
from domain.broker import Outcome, Verdict
from domain.orders import ExitReason, OrderStatus
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import REFUSED, UNKNOWN
from tests.cast import Cast, make_account, publish_price, sign_in

KINDS = ("ENTRY", "EXIT")


def test_a_wave_enters_fills_and_exits(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("101.50")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    leg = trade.legs.get()
    assert (leg.entry_quantity, leg.entry_price) == (65, Decimal("101.50"))
    assert leg.stop_price == Decimal("81.2")
    broker.fill_price = Decimal("120")
    request_exit_of_trade(trade=trade, reason=ExitReason.TARGET, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    trade.refresh_from_db()
    assert trade.gross_pnl == Decimal("18.5") * 65
    assert trade.charges > 40
    assert trade.close_reason == "TARGET"
    assert [request.side for request in broker.placed] == ["BUY", "SELL"]


def test_every_order_is_committed_with_its_tag_before_it_is_sent(cast: Cast, shard: Shard, now: datetime) -> None:
    enter(cast, now, accounts=[cast.account])
    seen: list[str] = []
    broker = shard.broker(cast.account)
    original = broker.place

    async def look(request):  # type: ignore[no-untyped-def]
        order = await shard._db(Order.objects.get, client_order_id=request.client_order_id)
        seen.append(order.status)
        return await original(request)

    broker.place = look  # type: ignore[method-assign]
    shard.run(lambda: bool(seen))
    assert seen == [OrderStatus.SUBMITTED]
    assert len(broker.placed[0].client_order_id) == 20
    assert broker.placed[0].client_order_id.isalnum()


def test_every_order_bears_a_tag_its_own_broker_takes(cast: Cast, shard: Shard, now: datetime) -> None:
    numbered = make_account(cast.trader, "mastertrust", "CLIENT123", mode="LIVE")
    cast.maps.append(StrategyMap.objects.create(strategy=cast.strategy, account=numbered))
    trades = enter(cast, now, accounts=[cast.account, numbered])
    Trade.objects.update(status="OPEN")
    TradeLeg.objects.update(entry_quantity=65)
    for trade in trades:
        request_exit_of_trade(trade=trade, reason=ExitReason.TARGET, actor=None, now=now)
    rows = Order.objects.values_list("account__broker", "intent__kind", "client_order_id")
    assert sorted(row[:2] for row in rows) == [(slug, kind) for slug in ("mastertrust", "zerodha") for kind in KINDS]
    assert all(SPECS[broker].is_tag(tag) for broker, _, tag in rows)
    assert {len(tag) for broker, _, tag in rows if broker == "mastertrust"} == {18}


def test_an_unanswered_order_is_adopted_by_its_tag_and_never_sent_again(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers, broker.accept_silently, broker.fill_price = [UNKNOWN], True, Decimal("101")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    assert len(broker.placed) == 1
    assert statuses(trade) == ["FILLED"]


def test_an_unknown_entry_that_never_arrives_expires_and_is_not_sent_again(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers = [UNKNOWN]
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    shard.now = now + timedelta(seconds=61)
    for _ in range(4):
        shard.clock.ahead += timedelta(seconds=3)
        shard.settle()
    trade.refresh_from_db()
    assert statuses(trade) == ["ABSENT"]
    assert trade.status == "ENTRY_FAILED"
    assert len(broker.placed) == 1
    assert Notification.objects.filter(code="ORDER_UNKNOWN").count() == 1


def test_an_order_that_appears_after_it_was_called_absent_is_adopted_and_protected(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers = [UNKNOWN]
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    shard.now = now + timedelta(seconds=61)
    for _ in range(4):
        shard.clock.ahead += timedelta(seconds=3)
        shard.settle()
    assert statuses(trade) == ["ABSENT"]
    broker.fill_price = Decimal("101")
    broker.accept(broker.placed[0])
    shard.settle()
    trade.refresh_from_db()
    assert trade.status == "OPEN"
    assert trade.legs.get().stop_price is not None


def test_an_unreadable_book_is_never_read_as_absent(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers = [UNKNOWN]
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    broker.book_is_down = True
    shard.now = now + timedelta(seconds=600)
    for _ in range(5):
        shard.clock.ahead += timedelta(seconds=3)
        shard.settle()
    assert statuses(trade) == ["UNKNOWN"]


def test_a_definitive_reject_ends_an_entry_without_a_retry(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers = [REFUSED]
    shard.run(lambda: statuses(trade) == ["REJECTED"])
    shard.settle()
    trade.refresh_from_db()
    assert trade.status == "ENTRY_FAILED"
    assert len(broker.placed) == 1
    assert Order.objects.get().reason == "Insufficient funds"


def test_one_accounts_failure_does_not_touch_another(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.settle()
    broken, healthy = enter(cast, now, accounts=[cast.account, cast.paper_account])
    shard.broker(cast.account).answers = [UNKNOWN]
    shard.broker(cast.account).book_is_down = True
    shard.broker(cast.paper_account, "PAPER").fill_price = Decimal("101")
    shard.run(lambda: Trade.objects.get(pk=healthy.pk).status == "OPEN")
    assert Trade.objects.get(pk=broken.pk).status == "ENTERING"


def test_an_adapter_that_breaks_its_word_hurts_its_own_account_only(
    cast: Cast, shard: Shard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, healthy = enter(cast, now, accounts=[cast.account, cast.paper_account])
    broker = shard.broker(cast.account)

    async def explode(request: object) -> None:
        broker.accept(request)  # type: ignore[arg-type]
        raise RuntimeError("a bug in an adapter")

    monkeypatch.setattr(broker, "place", explode)
    broker.fill_price = shard.broker(cast.paper_account, "PAPER").fill_price = Decimal("101")
    shard.run(lambda: set(Trade.objects.values_list("status", flat=True)) == {"OPEN"})
    assert statuses(broken) == statuses(healthy) == ["FILLED"]  # unknown, then found by its tag
    assert len(broker.book) == 1


def test_the_ledger_takes_each_execution_once(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("101")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    shard.start()  # a takeover forgets what was read and applies everything again
    shard.settle(6)
    assert Fill.objects.count() == 1
    assert trade.legs.get().entry_quantity == 65


def test_a_takeover_calls_what_its_predecessor_left_on_the_wire_unknown(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.settle(1)
    Order.objects.update(status="SUBMITTED", epoch=shard.engine.state.held.epoch, claimed_at=shard.clock())  # type: ignore[union-attr]
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("101")
    broker.placed.clear()
    broker.book.clear()
    broker.fills.clear()
    engine = shard.start()
    stop = asyncio.Event()
    stop.set()
    asyncio.run(engine.run(stop))
    shard.settle()
    assert statuses(trade) == ["UNKNOWN"]
    assert broker.placed == []


@pytest.mark.parametrize("shows", [0, 1], ids=["empty", "truncated"])
def test_a_book_cut_short_is_never_read_as_absent(cast: Cast, shard: Shard, now: datetime, shows: int) -> None:
    """A book that lacks orders the broker took from us proves nothing about the one whose answer was lost."""
    (trade,) = enter(cast, now, accounts=[cast.account], legs=2)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [UNKNOWN]
    request_exit(leg_ids=[trade.legs.get(position=1).pk], reason=ExitReason.STOP_LOSS, now=now)
    shard.run(lambda: statuses(trade)[-1] == "UNKNOWN")
    broker.hides = {request.client_order_id for request in broker.placed[shows:]}
    for _ in range(15):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()
    assert statuses(trade)[-1] == "UNKNOWN"
    broker.hides = set()  # whole again, and it still lacks the one: three spaced reads prove it
    for _ in range(4):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()
    assert statuses(trade)[2] == "ABSENT"


def test_a_resting_limit_follows_the_market(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    shard.run(lambda: statuses(trade) == ["OPEN"])
    publish_price(cast.call, "110")
    shard.clock.ahead += timedelta(seconds=2)
    shard.run(lambda: bool(broker.modified))
    assert broker.modified[0][1].price == Decimal("113.30")


def test_an_entry_that_does_not_fill_in_time_is_cancelled(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    shard.run(lambda: statuses(trade) == ["OPEN"])
    shard.now = now + timedelta(seconds=61)
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    assert len(broker.cancelled) == 1


def test_a_halt_stops_entries_at_the_last_check_and_lets_exits_through(cast: Cast, shard: Shard, now: datetime) -> None:
    (first,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    (second,) = enter(cast, now, accounts=[cast.account], key="s2")
    set_halt(scope="PLATFORM", reason="drill", actor=cast.operator)
    request_exit_of_trade(trade=first, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=first.pk).status == "CLOSED")
    assert statuses(second) == ["DENIED"]
    assert len(broker.placed) == 2


def test_a_lost_session_stops_entries_blocks_the_exit_and_pages(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [Outcome(Verdict.SESSION_LOST, code="TokenException", message="Incorrect token")]
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Intent.objects.get(kind="EXIT").status == "BLOCKED")
    cast.account.refresh_from_db()
    trade.refresh_from_db()
    assert (cast.account.mode, cast.account.mode_reason) == ("PAPER", "SESSION_LOST")
    assert trade.mode == "LIVE"
    assert Notification.objects.filter(code="SESSION_LOST", user=cast.trader).exists()
    sign_in(cast.account)
    for _ in range(3):
        shard.clock.ahead += timedelta(seconds=3)
        shard.settle()
    trade.refresh_from_db()
    assert trade.status == "CLOSED"


def test_orders_above_the_freeze_quantity_are_sliced(cast: Cast, shard: Shard, now: datetime) -> None:
    (_trade,) = enter(cast, now, accounts=[cast.account], lots=30)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    assert [request.quantity for request in broker.placed] == [1755, 195]


def test_the_same_signal_cannot_make_a_second_intent(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    intent = trade.intents.get()
    intent.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        intent.save(force_insert=True)


def test_a_stale_leader_can_claim_nothing(cast: Cast, shard: Shard, now: datetime) -> None:
    engine = shard.start()
    shard.settle()
    enter(cast, now, accounts=[cast.account])
    Lease.objects.update(epoch=engine.state.held.epoch + 1)
    with pytest.raises(LeaseLost):
        shard.settle()
    assert shard.broker(cast.account).placed == []


def test_every_transition_leaves_an_audit_row(cast: Cast, shard: Shard, now: datetime) -> None:
    (_trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert {"intent_created", "order_submitted", "order_answered", "order_reported", "trade_moved"} <= kinds
