"""A new leader: nothing is entered in an account before its books were read, and what must be left is left."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.notifications.models import Notification
from apps.trading.models import AccountState, Intent, Order, Trade
from apps.trading.services.exit import request_exit_of_trade
from domain.broker import BrokerUnavailable
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import UNKNOWN
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_an_entry_waits_for_the_first_read_under_the_new_epoch(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.settle()
    shard.start()  # the account was reconciled, but by a predecessor
    broker = shard.broker(cast.account)
    broker.book_is_down = True
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.settle(6)
    assert statuses(trade) == ["PENDING"]
    assert broker.placed == []
    broker.book_is_down = False
    shard.run(lambda: statuses(trade) == ["OPEN"])
    state = AccountState.objects.get(account=cast.account, mode="LIVE")
    assert state.reconciled_epoch == shard.engine.state.held.epoch  # type: ignore[union-attr]


def test_an_entry_whose_account_is_never_read_ends_unsent(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.account).book_is_down = True
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.settle()
    shard.now = now + timedelta(seconds=61)
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    assert statuses(trade) == ["ABORTED"]
    assert shard.broker(cast.account).placed == []


def test_one_account_that_cannot_be_read_keeps_no_other_waiting(cast: Cast, shard: Shard, now: datetime) -> None:
    shard.broker(cast.account).book_is_down = True
    unread, fine = enter(cast, now, accounts=[cast.account, cast.paper_account])
    shard.run(lambda: statuses(fine) == ["OPEN"])
    assert statuses(unread) == ["PENDING"]


def test_an_exit_goes_at_start_although_the_order_book_is_down(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.book_is_down = True
    shard.start()
    shard.clock.ahead += timedelta(seconds=5)  # what was known of the position is too old to size an exit by
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    (waiting,) = enter(cast, now, accounts=[cast.account], key="s2")
    shard.run(lambda: len(broker.placed) == 2)
    assert (broker.placed[1].side, broker.placed[1].quantity) == ("SELL", 65)
    assert statuses(waiting) == ["PENDING"]
    broker.book_is_down = False
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")


def test_an_exit_is_not_guessed_while_nothing_can_be_read(
    cast: Cast, shard: Shard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")

    async def silent() -> None:
        raise BrokerUnavailable("TIMEOUT", "no answer")

    broker.book_is_down = True
    with monkeypatch.context() as patched:
        patched.setattr(broker, "positions", silent)
        shard.clock.ahead += timedelta(seconds=5)
        request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
        shard.settle(6)
        assert len(broker.placed) == 1
    shard.run(lambda: len(broker.placed) == 2)


# what nobody knows stops nobody else ----------------------------------------------------------------------------------


def test_an_order_of_unknown_fate_is_told_after_five_seconds(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).answers = [UNKNOWN]
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    order = Order.objects.get()
    Order.objects.update(claimed_at=shard.clock() - timedelta(seconds=2))
    shard.settle(1)
    assert not Notification.objects.filter(code="ORDER_UNKNOWN").exists()
    Order.objects.update(claimed_at=shard.clock() - timedelta(seconds=5))
    shard.settle()
    told = Notification.objects.get(code="ORDER_UNKNOWN")
    assert (told.user, told.level, told.key) == (cast.trader, "PAGE", f"unknown:{order.pk}")
    assert "checking with the broker" in told.text


def test_an_unknown_exit_of_one_leg_leaves_the_other_leg_and_other_trades_free(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (both,) = enter(cast, now, accounts=[cast.account], legs=2)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    (other,) = enter(cast, now, accounts=[cast.account], legs=2, key="s2")
    shard.run(lambda: Trade.objects.get(pk=other.pk).status == "OPEN")
    broker.answers = [UNKNOWN]
    for trade in (both, other):
        request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=other.pk).status == "CLOSED")
    exits = Intent.objects.filter(trade=both, kind="EXIT").values_list("status", flat=True)
    assert sorted(exits) == ["DONE", "WORKING"]
    assert sorted(statuses(both)) == ["FILLED", "FILLED", "FILLED", "UNKNOWN"]
