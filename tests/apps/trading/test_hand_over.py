"""A position that was left outside the platform is its owner's from then on, and the trail says so."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.audit.models import AuditEvent
from apps.trading.models import Trade
from apps.trading.services.exit import request_exit_of_trade
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_a_hand_over_is_told_in_the_trail(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.external[("NFO", broker.placed[0].symbol)] = -65
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    for _ in range(8):
        shard.clock.ahead += timedelta(seconds=5)
        shard.settle()
    moves = AuditEvent.objects.filter(kind="trade_moved", object_id=trade.pk).order_by("pk")
    assert [event.data["status"] for event in moves][-1] == "HANDED_OVER"
