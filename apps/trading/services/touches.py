"""The last market prices, in rupees, for pricing orders."""

import logging
from collections.abc import Iterable, Mapping

from redis.exceptions import RedisError

from bus.ticks import last_ticks
from domain.prices import to_decimal
from domain.pricing import Touch
from domain.ticks import Tick

log = logging.getLogger(__name__)


def touch_of(tick: Tick) -> Touch:
    """Return a tick as rupees."""
    return Touch(last_price=to_decimal(tick.last_price), bid=to_decimal(tick.bid), ask=to_decimal(tick.ask))


def touches(instrument_ids: Iterable[int]) -> Mapping[int, Touch]:
    """Return what the market last showed of each instrument; instruments without a price are left out.

    Without Redis there are none: whoever needs a price waits and is found again by the sweep.
    """
    try:
        ticks = last_ticks(instrument_ids)
    except RedisError as error:
        log.warning("no prices", extra={"reason": str(error)})
        return {}
    return {pk: touch_of(tick) for pk, tick in ticks.items() if tick.last_price > 0}
