"""Market time as a pure function of wall time.

Production runs at wall time. A replay runs a recorded day: ``MARKET_CLOCK`` then reads
``<market ISO time>@<wall epoch seconds>x<speed>``, for instance ``2026-08-18T10:43:00+05:30@1790000000x60``. Changes of
pace may follow, each from a later market time on: ``…x10,2026-08-18T10:48:00+05:30x60``.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
_FORM = re.compile(r"^(?P<market>.+)@(?P<wall>\d+(?:\.\d+)?)x(?P<speed>\d+(?:\.\d+)?)$")
_PACE = re.compile(r"^(?P<market>.+)x(?P<speed>\d+(?:\.\d+)?)$")
_EXPECTED = "MARKET_CLOCK must read <ISO time with offset>@<epoch seconds>x<speed>[,<later ISO time>x<speed>…]"


@dataclass(frozen=True, slots=True)
class MarketClock:
    """A straight line from wall time to market time; ``then`` takes over at its own wall instant."""

    market: datetime
    wall: datetime
    speed: float
    then: "MarketClock | None" = None

    def at(self, wall: datetime) -> datetime:
        """Return the market time of a wall instant, in UTC."""
        if self.then is not None and wall >= self.then.wall:
            return self.then.at(wall)
        return (self.market + (wall - self.wall) * self.speed).astimezone(UTC)

    def wall_of(self, market: datetime) -> datetime:
        """Return the wall instant at which the market time is reached."""
        if self.then is not None and market >= self.then.market:
            return self.then.wall_of(market)
        return self.wall + (market - self.market) / self.speed

    def wall_between(self, start: datetime, end: datetime) -> timedelta:
        """Return how long it takes from one market time to another."""
        return self.wall_of(end) - self.wall_of(start)


WALL = MarketClock(market=datetime(2020, 1, 1, tzinfo=UTC), wall=datetime(2020, 1, 1, tzinfo=UTC), speed=1.0)


def parse_clock(text: str) -> MarketClock:
    """Read ``MARKET_CLOCK``; the empty string is wall time. Raises ``ValueError`` with the expected form."""
    if not text:
        return WALL
    first, *paces = text.split(",")
    match = _FORM.match(first)
    if match is None:
        raise ValueError(f"{_EXPECTED}, not {text!r}")
    wall = datetime.fromtimestamp(float(match["wall"]), tz=UTC)
    clock = MarketClock(market=_market(match["market"]), wall=wall, speed=_speed(match["speed"]))
    return _paced(clock, paces)


def _paced(clock: MarketClock, paces: list[str]) -> MarketClock:
    """Return the clock with its later paces, each beginning where the one before leaves off."""
    if not paces:
        return clock
    match = _PACE.match(paces[0])
    if match is None:
        raise ValueError(f"{_EXPECTED}; {paces[0]!r} is no change of pace")
    market = _market(match["market"])
    if market <= clock.market:
        raise ValueError(f"MARKET_CLOCK's paces must follow each other; {paces[0]!r} does not")
    following = MarketClock(market=market, wall=clock.wall_of(market), speed=_speed(match["speed"]))
    return replace(clock, then=_paced(following, paces[1:]))


def _market(text: str) -> datetime:
    try:
        market = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{_EXPECTED}; {text!r} is no time") from error
    if market.tzinfo is None:
        raise ValueError("MARKET_CLOCK needs a time with an offset, such as +05:30")
    return market


def _speed(text: str) -> float:
    if float(text) <= 0:
        raise ValueError(f"{_EXPECTED}; the speed must be above 0")
    return float(text)
