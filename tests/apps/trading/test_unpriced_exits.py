"""Exits when Redis shows no price: by the broker's own, or told to somebody."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from redis.exceptions import TimeoutError as RedisTimeout

from apps.notifications.models import Notification
from apps.trading.models import Trade
from apps.trading.services import touches
from apps.trading.services.exit import request_exit_of_trade
from bus.connection import redis_client
from bus.patience import Patience
from bus.ticks import LAST
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast


def held(cast: Cast, shard: Shard, now: datetime) -> Trade:
    """Return an open trade, and let Redis forget every price."""
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    redis_client().delete(LAST)
    return trade


def test_the_price_a_broker_shows_beside_the_position_stands_in(cast: Cast, shard: Shard, now: datetime) -> None:
    trade = held(cast, shard, now)
    shard.broker(cast.account).shown_price = Decimal("96.40")
    shard.settle()
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    sold = shard.broker(cast.account).placed[-1]
    assert Decimal("90") < sold.price < Decimal("96.40")


def test_an_exit_nobody_can_price_waits_and_is_told(cast: Cast, shard: Shard, now: datetime) -> None:
    trade = held(cast, shard, now)
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.settle()
    assert len(shard.broker(cast.account).placed) == 1
    assert not Notification.objects.filter(code="EXIT_NO_PRICE").exists()
    shard.now = now + timedelta(seconds=6)
    shard.settle()
    assert Notification.objects.filter(code="EXIT_NO_PRICE").count() == 1
    shard.broker(cast.account).shown_price = Decimal("96.40")
    shard.run(lambda: Trade.objects.get().status == "CLOSED")


def test_a_redis_that_hangs_holds_the_exits_up_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience()
    asked: list[int] = []

    def hang(_: object) -> None:
        asked.append(1)
        patience.lose(since=0.0)  # as if it had waited since the machine's start
        raise RedisTimeout

    monkeypatch.setattr(touches, "_patience", patience)
    monkeypatch.setattr(touches, "last_ticks", hang)
    assert touches.touches([cast.call.pk]) == {}
    assert touches.touches([cast.call.pk]) == {}
    assert len(asked) == 1
