"""Market time: wall time in production, the recorded day's time in a replay."""

from datetime import date, datetime
from functools import lru_cache

from django.conf import settings

from bus import clock
from domain.clock import IST, MarketClock, parse_clock


@lru_cache(maxsize=4)
def _clock(text: str) -> MarketClock:
    return parse_clock(text)


def market_clock() -> MarketClock:
    """Return the deployment's clock."""
    return _clock(settings.MARKET_CLOCK)


def now() -> datetime:
    """Return market time, aware, in UTC."""
    return market_clock().at(clock.now())


def trading_date(at: datetime) -> date:
    """Return the Indian calendar date of an instant."""
    return at.astimezone(IST).date()
