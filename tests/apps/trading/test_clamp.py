"""Which exits may be sized on the position snapshot at hand."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from apps.trading.models import AccountState, Fill, Trade
from apps.trading.services.candidates import read_candidates
from apps.trading.services.clamp import clamps
from apps.trading.services.exit import request_exit_of_trade
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_a_fill_makes_the_snapshot_old_for_its_own_contract_only(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account], legs=2)
    shard.broker(cast.account).fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    shard.settle()
    wall = timezone.now()
    Fill.objects.update(recorded_at=wall - timedelta(minutes=1))
    Fill.objects.filter(order__instrument=cast.call).update(recorded_at=wall - timedelta(seconds=0.5))
    AccountState.objects.update(
        positions_read_at=wall - timedelta(seconds=1), fills_applied_at=wall - timedelta(seconds=0.5)
    )
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    with transaction.atomic():
        orders = read_candidates(0, {cast.account.pk}, wall=wall)
        allowed = clamps(orders, wall=wall)
    assert {order.instrument_id: allowed[order.pk] for order in orders} == {cast.call.pk: None, cast.put.pk: 65}
