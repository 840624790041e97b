"""A claim never waits for a trade that somebody is leaving: the two lock in opposite order."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from apps.trading.models import AccountState, Order, Trade
from apps.trading.services import submission
from bus import leases
from tests.apps.trading.conftest import enter
from tests.cast import make_cast, publish_price

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claim_passes_by_a_trade_that_is_locked(now: datetime) -> None:
    cast = make_cast(now)
    publish_price(cast.call, "100")
    (trade,) = enter(cast, now, accounts=[cast.account])
    held = leases.acquire("execution.0", seconds=60)
    assert held is not None
    AccountState.objects.create(
        account=cast.account, mode="LIVE", reconciled_epoch=held.epoch, available_funds=Decimal(1_000_000)
    )
    leaving = connection.copy()
    try:
        leaving.set_autocommit(False)
        with leaving.cursor() as cursor:
            cursor.execute("SELECT id FROM trading_trade WHERE id = %s FOR UPDATE", [trade.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")  # waiting would be the deadlock
        claimed = submission.claim(
            shard=0,
            epoch=held.epoch,
            lease=held.name,
            ready=frozenset({(cast.account.pk, "LIVE")}),
            without_entries=frozenset(),
            now=now,
            wall=timezone.now(),
        )
    finally:
        leaving.rollback()
        leaving.close()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")
    assert [one.order_id for one in claimed.claims] == [Order.objects.get().pk]
    assert Order.objects.get().status == "SUBMITTED"
    assert Trade.objects.get().status == "PENDING"
