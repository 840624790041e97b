"""A price is only as good as its age and its state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from apps.markets.services.prices import fresh_prices, is_fresh, price_of
from bus import ticks
from bus.connection import BusClient
from bus.ticks import STATE, TickState
from domain.feed.freshness import Freshness
from domain.prices import PRICE_SCALE
from domain.ticks import Tick

WALL = datetime(2026, 11, 18, 5, 0, 30, tzinfo=UTC)


def put(bus: BusClient, instrument_id: int, *, age: float = 0.5, state: Freshness | None = None, **fields: int) -> None:
    received = int((WALL - timedelta(seconds=age)).timestamp() * 1000)
    ticks.publish(bus, [Tick(instrument_id, 101 * PRICE_SCALE, received_at=received, **fields)])
    if state is not None:
        packed = msgspec.msgpack.encode(TickState(instrument_id, state, received))
        bus.hset(STATE, str(instrument_id), packed)


def test_a_price_is_rupees_with_its_age(bus: BusClient) -> None:
    put(bus, 1, age=2.0, state=Freshness.LIVE, bid=100 * PRICE_SCALE, ask=103 * PRICE_SCALE)
    price = price_of([1, 2], wall=WALL)[1]
    assert (price.last_price, price.middle) == (Decimal("101.00"), Decimal("101.50"))
    assert (price.age_seconds, price.state) == (2.0, Freshness.LIVE)
    assert price.received_at == WALL - timedelta(seconds=2)


def test_without_a_book_the_middle_is_the_last_price(bus: BusClient) -> None:
    put(bus, 1)
    assert price_of([1], wall=WALL)[1].middle == Decimal(101)


def test_an_instrument_that_never_ticked_has_no_price(bus: BusClient) -> None:
    assert price_of([1, 2], wall=WALL) == {}


@pytest.mark.parametrize(
    ("age", "state", "expected"),
    [
        (0.5, Freshness.LIVE, True),
        (5.9, Freshness.LIVE, True),
        (6.1, Freshness.LIVE, False),
        (1.0, Freshness.STALE, True),  # polled
        (9.0, Freshness.STALE, False),
        (0.5, Freshness.FROZEN, False),
        (0.5, None, True),
    ],
)
def test_only_recent_moving_prices_may_be_traded_on(
    bus: BusClient, settings: object, age: float, state: Freshness | None, expected: bool
) -> None:
    settings.FEED_STALE_SECONDS = 3.0  # type: ignore[attr-defined]
    put(bus, 1, age=age, state=state)
    assert (1 in fresh_prices([1], wall=WALL)) is expected


def test_the_caller_may_ask_for_more(bus: BusClient) -> None:
    put(bus, 1, age=2.0)
    assert not is_fresh(price_of([1], wall=WALL)[1], max_age=1.0)


def test_without_redis_there_are_no_prices(settings: object) -> None:
    settings.REDIS_BUS_URL = "unix:///nowhere/redis.sock?db=1"  # type: ignore[attr-defined]
    assert price_of([1], wall=WALL) == {}
