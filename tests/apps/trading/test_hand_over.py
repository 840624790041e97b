"""A leg that was left outside the platform is its owner's from then on; one that only seems to be is left by us."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.audit.models import AuditEvent
from apps.notifications.models import Notification
from apps.trading.models import Trade
from apps.trading.services.exit import request_exit, request_exit_of_trade
from apps.trading.services.watching import rules_of
from domain.broker import NOTHING_AT_BROKER, Outcome, Verdict
from domain.orders import ExitReason, Side
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import ScriptedBroker
from tests.cast import Cast

pytestmark = pytest.mark.django_db

PRICE = Decimal("100")


def held(cast: Cast, shard: Shard, now: datetime, *, legs: int = 1) -> tuple[Trade, ScriptedBroker]:
    """Return an open trade and its broker."""
    (trade,) = enter(cast, now, accounts=[cast.account], legs=legs)
    broker = shard.broker(cast.account)
    broker.fill_price = PRICE
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    return trade, broker


def sell_in_the_app(broker: ScriptedBroker) -> None:
    """Close the first leg by an order that is not ours, in the book like any other."""
    broker.accept(replace(broker.placed[0], client_order_id="", side=Side.SELL))


def pass_seconds(shard: Shard, seconds: int) -> None:
    for _ in range(seconds // 5):
        shard.clock.ahead += timedelta(seconds=5)
        shard.settle()


def test_a_position_closed_by_an_order_from_outside_is_handed_over(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    sell_in_the_app(broker)
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 20)
    trade.refresh_from_db()
    assert (trade.status, trade.close_reason) == ("HANDED_OVER", "EXTERNAL")
    assert len(broker.placed) == 1
    assert Notification.objects.filter(code="HANDED_OVER", level="PAGE").count() == 1
    moves = AuditEvent.objects.filter(kind="trade_moved", object_id=trade.pk).order_by("pk")
    assert [event.data["status"] for event in moves][-1] == "HANDED_OVER"


def test_the_other_legs_stay_ours(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now, legs=2)
    sell_in_the_app(broker)
    first, second = trade.legs.order_by("position")
    request_exit(leg_ids=[first.pk], reason=ExitReason.STOP_LOSS, now=now)
    pass_seconds(shard, 20)
    trade.refresh_from_db()
    assert trade.status == "OPEN"
    rules = rules_of(trade, list(trade.legs.select_related("instrument")))
    assert rules is not None
    assert [leg.leg_id for leg in rules.legs] == [second.pk]
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    pass_seconds(shard, 10)
    trade.refresh_from_db()
    assert trade.status == "HANDED_OVER"
    assert statuses(trade)[-1] == "FILLED"
    assert trade.legs.get(pk=second.pk).exit_quantity == 65


def test_positions_that_lag_behind_a_fill_do_not_let_a_trade_go(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    key = ("NFO", broker.placed[0].symbol)
    broker.external[key] = -65  # the position book shows nothing of what was bought
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 45)
    trade.refresh_from_db()
    assert trade.status == "EXITING"
    assert Notification.objects.filter(code="EXIT_REFUSED").count() == 1  # told meanwhile
    broker.external.clear()
    pass_seconds(shard, 10)
    trade.refresh_from_db()
    assert trade.status == "CLOSED"
    assert len(broker.placed) == 2


def test_a_position_that_stays_away_is_handed_over_at_last(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    broker.external[("NFO", broker.placed[0].symbol)] = -65
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 75)
    trade.refresh_from_db()
    assert trade.status == "HANDED_OVER"
    assert len(broker.placed) == 1


NOTHING = Outcome(Verdict.REJECTED, code=NOTHING_AT_BROKER, message="no position of ours to reduce")


def test_exits_say_that_they_only_reduce_and_entries_do_not(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    assert [(one.side, one.reduce_only) for one in broker.placed] == [(Side.BUY, False), (Side.SELL, True)]


def test_an_exit_the_broker_refuses_for_want_of_a_position_is_handed_over_and_not_asked_for_for_ever(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    trade, broker = held(cast, shard, now)
    broker.answers = [NOTHING] * 99  # its positions still show what its own look did not find
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 120)
    trade.refresh_from_db()
    assert trade.status == "HANDED_OVER"
    asked = len(broker.placed)
    assert asked <= 60
    pass_seconds(shard, 30)
    assert len(broker.placed) == asked
    assert Notification.objects.filter(code="EXIT_REFUSED").count() == 1
    assert Notification.objects.filter(code="HANDED_OVER", level="PAGE").count() == 1


def test_an_exit_the_broker_refused_while_its_book_lagged_goes_when_the_position_is_there(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    trade, broker = held(cast, shard, now)
    broker.answers = [NOTHING] * 2
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 15)
    trade.refresh_from_db()
    assert trade.status == "CLOSED"
    assert statuses(trade) == ["FILLED", "REJECTED", "REJECTED", "FILLED"]


def test_an_exit_the_broker_takes_only_in_part_is_followed_by_another_for_the_rest(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account], lots=2)
    broker = shard.broker(cast.account)
    broker.fill_price = PRICE
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.takes_at_most = 65  # one ticket of two
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    pass_seconds(shard, 20)
    trade.refresh_from_db()
    assert trade.status == "CLOSED"
    assert [one.quantity for one in broker.placed] == [130, 130, 65]
    assert trade.legs.get().exit_quantity == 130
