"""The last market prices, in rupees, for pricing orders."""

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from django.db.models import Exists, OuterRef
from redis.exceptions import RedisError

from apps.trading.models import AccountState, Position
from bus import clock
from bus.patience import Patience
from bus.ticks import last_ticks
from domain.prices import to_decimal
from domain.pricing import Touch
from domain.ticks import Tick

log = logging.getLogger(__name__)

POSITION_PRICE_MAX_AGE = timedelta(seconds=10)
"""How old the price in a broker's position book may be to price an exit by: it is read every second or two."""

_patience = Patience()


def touch_of(tick: Tick) -> Touch:
    """Return a tick as rupees."""
    return Touch(last_price=to_decimal(tick.last_price), bid=to_decimal(tick.bid), ask=to_decimal(tick.ask))


def touches(instrument_ids: Iterable[int]) -> Mapping[int, Touch]:
    """Return what the market last showed of each instrument; instruments without a price are left out.

    Where Redis knows none, the last price a broker showed beside a position stands in, so that no exit waits for Redis.
    """
    wanted = set(instrument_ids)
    found = {pk: touch_of(tick) for pk, tick in _ticks(wanted).items() if tick.last_price > 0}
    missing = wanted - found.keys()
    return found | _from_positions(missing) if missing else found


def _ticks(instrument_ids: Collection[int]) -> Mapping[int, Tick]:
    if _patience.is_over():
        return {}
    started = time.monotonic()
    try:
        return last_ticks(instrument_ids)
    except RedisError as error:
        _patience.lose(since=started)
        log.warning("no prices from Redis", extra={"reason": str(error)})
        return {}


def _from_positions(instrument_ids: Collection[int]) -> dict[int, Touch]:
    """A price is a contract's, whoever holds it: the newest of all accounts counts."""
    read_lately = AccountState.objects.filter(
        account=OuterRef("account"),
        mode=OuterRef("mode"),
        positions_read_at__gte=clock.now() - POSITION_PRICE_MAX_AGE,
    )
    rows = Position.objects.filter(Exists(read_lately), instrument_id__in=instrument_ids, last_price__gt=0).order_by(
        "read_at"
    )
    return {
        pk: Touch(last_price=price, bid=to_decimal(0), ask=to_decimal(0))
        for pk, price in rows.values_list("instrument_id", "last_price")
        if price is not None
    }
