"""Orders bear what their strategy is registered as at their account's own broker, entries and exits alike."""

from datetime import datetime
from decimal import Decimal

import pytest

from apps.strategies.models import AlgoId
from apps.trading.models import Trade
from apps.trading.services.exit import request_exit_of_trade
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast, make_strategy


def round_trip(cast: Cast, shard: Shard, now: datetime) -> list[str]:
    """Enter, leave, and return the algo ids the orders bore."""
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal(100)
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    return [request.algo_id for request in broker.placed]


@pytest.mark.django_db
def test_entries_and_exits_bear_the_algo_id(cast: Cast, shard: Shard, now: datetime) -> None:
    elsewhere = make_strategy(cast.tenant, name="Other", slug="other")
    AlgoId.objects.create(strategy=cast.strategy, broker="zerodha", algo_id="100200300")
    AlgoId.objects.create(strategy=cast.strategy, broker="aliceblue", algo_id="77")
    AlgoId.objects.create(strategy=elsewhere, broker="zerodha", algo_id="88")
    assert round_trip(cast, shard, now) == ["100200300", "100200300"]


@pytest.mark.django_db
def test_a_strategy_nobody_registered_bears_none(cast: Cast, shard: Shard, now: datetime) -> None:
    assert round_trip(cast, shard, now) == ["", ""]
