"""Market time as a pure function of wall time.

Production runs at wall time. A replay runs a recorded day: ``MARKET_CLOCK`` then reads
``<market ISO time>@<wall epoch seconds>x<speed>``, for instance ``2026-08-18T10:43:00+05:30@1790000000x60``.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
_FORM = re.compile(r"^(?P<market>.+)@(?P<wall>\d+(?:\.\d+)?)x(?P<speed>\d+(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class MarketClock:
    """A straight line from wall time to market time."""

    market: datetime
    wall: datetime
    speed: float

    def at(self, wall: datetime) -> datetime:
        """Return the market time of a wall instant, in UTC."""
        return (self.market + (wall - self.wall) * self.speed).astimezone(UTC)

    def wall_of(self, market: datetime) -> datetime:
        """Return the wall instant at which the market time is reached."""
        return self.wall + (market - self.market) / self.speed

    def wall_seconds(self, market: timedelta) -> float:
        """Return how many wall seconds a span of market time lasts."""
        return market.total_seconds() / self.speed


WALL = MarketClock(market=datetime(2020, 1, 1, tzinfo=UTC), wall=datetime(2020, 1, 1, tzinfo=UTC), speed=1.0)


def parse_clock(text: str) -> MarketClock:
    """Read ``MARKET_CLOCK``; the empty string is wall time. Raises ``ValueError`` with the expected form."""
    if not text:
        return WALL
    match = _FORM.match(text)
    if match is None or float(match["speed"]) <= 0:
        raise ValueError(f"MARKET_CLOCK must read <ISO time with offset>@<epoch seconds>x<speed>, not {text!r}")
    market = datetime.fromisoformat(match["market"])
    if market.tzinfo is None:
        raise ValueError("MARKET_CLOCK needs a time with an offset, such as +05:30")
    wall = datetime.fromtimestamp(float(match["wall"]), tz=UTC)
    return MarketClock(market=market, wall=wall, speed=float(match["speed"]))
