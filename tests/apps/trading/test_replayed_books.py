"""In a replay books are read by the wall clock while executions carry the recorded day's time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.trading.models import AccountState, Fill, Order, Position
from apps.trading.services.agreement import disagreements
from domain.clock import parse_clock
from tests.apps.trading.conftest import enter
from tests.cast import Cast

pytestmark = pytest.mark.django_db
WALL = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("read_after", "is_believed"), [(timedelta(seconds=-1), False), (timedelta(seconds=1), True)])
def test_a_snapshot_is_held_against_the_instant_a_fill_was_replayed(
    cast: Cast, now: datetime, settings: Any, read_after: timedelta, is_believed: bool
) -> None:
    settings.MARKET_CLOCK = f"2026-08-18T10:43:00+05:30@{WALL.timestamp():.0f}x60"
    (trade,) = enter(cast, now, accounts=[cast.account])
    order = Order.objects.get(intent__trade=trade)
    market = parse_clock(settings.MARKET_CLOCK).at(WALL + timedelta(minutes=1))
    Fill.objects.create(
        account=cast.account, order=order, exchange_trade_id="1", quantity=65, price=Decimal(100), filled_at=market
    )
    read_at = WALL + timedelta(minutes=1) + read_after
    AccountState.objects.create(account=cast.account, mode=trade.mode, positions_read_at=read_at)
    Position.objects.create(
        account=cast.account,
        mode=trade.mode,
        instrument=cast.call,
        product="MIS",
        quantity=65,
        average_price=Decimal(100),
        read_at=read_at,
    )
    found = disagreements(exchange="NFO", since=market - timedelta(hours=1))
    assert (
        bool(found) is is_believed
    )  # our legs hold nothing: the difference is told only where the snapshot is younger
