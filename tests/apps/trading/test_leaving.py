"""Leaving: one exit however many want it, never more than is held, and tried until it is done."""

from datetime import datetime, timedelta
from decimal import Decimal

from apps.notifications.models import Notification
from apps.trading.models import Intent, Trade, TradeLeg
from apps.trading.services.exit import request_exit_of_trade
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import REFUSED, UNKNOWN
from tests.cast import Cast


def test_partial_fills_are_protected_at_once(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account], lots=2)
    broker = shard.broker(cast.account)
    broker.fill_price, broker.fill_limit = Decimal("100"), 65
    shard.run(lambda: trade.legs.get().entry_quantity == 65)
    assert trade.legs.get().stop_price == Decimal(80)
    assert Trade.objects.get().status == "ENTERING"


def test_an_exit_during_a_partial_entry_withdraws_the_rest_and_sells_what_was_filled(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account], lots=2)
    broker = shard.broker(cast.account)
    broker.fill_price, broker.fill_limit = Decimal("100"), 65
    shard.run(lambda: trade.legs.get().entry_quantity == 65)
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    broker.fill_limit = None
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    leg = trade.legs.get()
    assert (leg.entry_quantity, leg.exit_quantity) == (65, 65)
    assert len(broker.cancelled) == 1
    assert broker.placed[-1].quantity == 65


def test_every_trigger_merges_into_one_exit(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    for reason in (ExitReason.TARGET, ExitReason.STOP_LOSS, ExitReason.SQUARE_OFF, ExitReason.MANUAL):
        request_exit_of_trade(trade=trade, reason=reason, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    exits = Intent.objects.filter(kind="EXIT")
    assert exits.count() == 1
    assert exits.get().reason == "MANUAL"
    assert len(broker.placed) == 2
    assert sum(fill.quantity for fill in broker.fills if fill.side == "SELL") == 65


def test_an_exit_is_clamped_by_what_the_broker_still_holds(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account], lots=2)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.external[("NFO", broker.placed[0].symbol)] = -65  # one lot was sold in the broker's own app
    shard.clock.ahead += timedelta(seconds=5)
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: len(broker.placed) == 2)
    assert broker.placed[1].quantity == 65


def test_a_refused_exit_is_tried_again_and_after_five_refusals_somebody_is_paged(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [REFUSED] * 5
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    for _ in range(12):
        shard.clock.ahead += timedelta(seconds=6)
        shard.settle()
    assert Notification.objects.filter(code="EXIT_REFUSED").count() == 1
    trade.refresh_from_db()
    assert trade.status == "CLOSED"  # the sixth went through: an exit is never given up


def test_an_unknown_exit_reserves_its_units_until_it_is_proved_absent(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [UNKNOWN]
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: statuses(trade)[-1] == "UNKNOWN")
    for _ in range(10):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()
    assert len(broker.placed) == 2  # 100 s later: still waiting
    for _ in range(3):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()
    trade.refresh_from_db()
    assert statuses(trade)[1] == "ABSENT"
    assert trade.status == "CLOSED"
    assert len(broker.placed) == 3


def test_a_leg_that_did_not_fill_leaves_no_naked_leg_behind(cast: Cast, shard: Shard, now: datetime) -> None:
    (_trade,) = enter(cast, now, accounts=[cast.account], legs=2)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    broker.answers = [REFUSED]
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    assert Trade.objects.get().close_reason == "ENTRY_INCOMPLETE"
    assert [request.side for request in broker.placed] == ["BUY", "BUY", "SELL"]


def test_an_exit_that_cannot_be_sized_pages_and_holds_up_nobody_else(cast: Cast, shard: Shard, now: datetime) -> None:
    odd, fine = enter(cast, now, accounts=[cast.account, cast.paper_account])
    shard.broker(cast.account).fill_price = shard.broker(cast.paper_account, "PAPER").fill_price = Decimal("100")
    shard.run(lambda: set(Trade.objects.values_list("status", flat=True)) == {"OPEN"})
    TradeLeg.objects.filter(trade=odd).update(entry_quantity=64)  # no whole lot any more
    for trade in (odd, fine):
        request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=fine.pk).status == "CLOSED")
    assert Notification.objects.filter(code="EXIT_SIZE", level="PAGE", user=cast.trader).count() == 1
    assert Intent.objects.get(trade=odd, kind="EXIT").status == "NEW"
