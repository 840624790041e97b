"""Brokers that take their time: rounds pass between a question and its answer, and the answer counts all the same."""

import asyncio
from datetime import datetime
from decimal import Decimal
from itertools import count

import pytest

from apps.trading.models import Order
from tests.apps.trading.conftest import Shard, enter
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_an_answer_that_comes_rounds_later_frees_its_lane(cast: Cast, shard: Shard, now: datetime) -> None:
    account = cast.maps[0].account
    (trade,) = enter(cast, now, accounts=[account], legs=2)
    broker = shard.broker(account, account.mode)
    broker.fill_price = Decimal(100)
    broker.gate = gate = asyncio.Event()
    rounds = count()

    def both_are_placed() -> bool:
        if next(rounds) == 6:
            gate.set()
        return len(broker.placed) == 2

    shard.run(both_are_placed)
    first = Order.objects.filter(intent__trade=trade).order_by("pk")[0]
    assert first.changed_at is not None  # recorded from the answer, not found in the order book
