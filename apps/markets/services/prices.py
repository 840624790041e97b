"""What an instrument costs now, how old that is, and whether it may be traded on."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from redis.exceptions import RedisError

from bus import ticks
from bus.ticks import TickState
from domain.feed.freshness import Freshness
from domain.prices import to_decimal
from domain.ticks import Tick

log = logging.getLogger(__name__)

FRESH_FACTOR = 2
"""Polling takes over after ``FEED_STALE_SECONDS``: a price twice that old was not even polled."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Price:
    """The last price of an instrument, in rupees; ``bid`` and ``ask`` are 0 where the source shows none.

    ``received_at`` and ``age_seconds`` are wall time. ``state`` says how it came: a STALE one is polled, a FROZEN one
    is held still by the exchange.
    """

    instrument_id: int
    last_price: Decimal
    bid: Decimal
    ask: Decimal
    close: Decimal
    received_at: datetime
    age_seconds: float
    state: Freshness

    @property
    def middle(self) -> Decimal:
        """The middle of the book, or the last price without one."""
        return (self.bid + self.ask) / 2 if self.bid > 0 and self.ask > 0 else self.last_price


def price_of(ids: Iterable[int], *, wall: datetime) -> dict[int, Price]:
    """Return the price of each instrument that has one, however old; none while Redis cannot be reached."""
    wanted = list(ids)
    try:
        found, states = ticks.last_ticks(wanted), ticks.last_states(wanted)
    except RedisError as error:
        log.warning("prices cannot be read", extra={"reason": str(error)})
        return {}
    return {one: _price(tick, states.get(one), wall) for one, tick in found.items()}


def fresh_prices(ids: Iterable[int], *, wall: datetime, max_age: float | None = None) -> dict[int, Price]:
    """Return only the prices that may be traded on."""
    found = price_of(ids, wall=wall)
    return {one: price for one, price in found.items() if is_fresh(price, max_age=max_age)}


def is_fresh(price: Price, *, max_age: float | None = None) -> bool:
    """Whether the price may be traded on: recent, streamed or polled, and not held still by the exchange.

    ``max_age`` is wall seconds; by default twice the age at which the feed starts to poll.
    """
    limit = settings.FEED_STALE_SECONDS * FRESH_FACTOR if max_age is None else max_age
    return price.state is not Freshness.FROZEN and price.age_seconds <= limit


def _price(tick: Tick, state: TickState | None, wall: datetime) -> Price:
    received_at = _EPOCH + timedelta(milliseconds=tick.received_at)
    return Price(
        instrument_id=tick.instrument_id,
        last_price=to_decimal(tick.last_price),
        bid=to_decimal(tick.bid),
        ask=to_decimal(tick.ask),
        close=to_decimal(tick.close),
        received_at=received_at,
        age_seconds=max(0.0, (wall - received_at).total_seconds()),
        state=state.state if state is not None else Freshness.STALE,
    )
