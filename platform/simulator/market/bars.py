"""Minute bars: today's as traded, earlier days' made up from the seed, and wider bars of both.

Bars of an Indian day are aligned to 09:15 IST, day bars to midnight IST; around the clock everything is UTC's.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import exp
from random import Random

from domain.clock import IST
from simulator.market.calendar import is_trading_day
from simulator.market.types import Candle, MarketQuote

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
KEPT_MINUTES = 480
MAX_DAYS = 2000
_FIELDS = 7
_DAILY_VOLATILITY = 0.009


@dataclass(frozen=True, slots=True)
class Hours:
    """When a market trades: from ``opens`` for so many ``minutes`` of the zone's trading days."""

    zone: tzinfo
    opens: time
    minutes: int
    is_trading_day: Callable[[date], bool]

    def day_of(self, moment: datetime) -> date:
        """Return the day a moment falls on."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """Return when a day's trading begins."""
        return datetime.combine(day, self.opens, tzinfo=self.zone).astimezone(UTC)


INDIAN_HOURS = Hours(IST, time(9, 15), 375, is_trading_day)
AROUND_THE_CLOCK = Hours(UTC, time(0), 1440, lambda day: True)


class MinuteBars:
    """The last hours of every instrument, seven integers a bar."""

    def __init__(self) -> None:
        self._bars: dict[int, array[int]] = {}
        self._before: dict[int, int] = {}  # the day's volume ahead of the first kept bar

    def record(self, quote: MarketQuote) -> None:
        """Take a quote's last price into its minute."""
        minute = quote.exchange_at // 60_000
        bars = self._bars.setdefault(quote.token, array("q"))
        self._before.setdefault(quote.token, quote.volume - quote.last_quantity)
        if not bars or bars[-_FIELDS] != minute:
            self._begin(bars, minute, quote)
        last = quote.last_price
        bars[-5] = max(bars[-5], last)
        bars[-4] = min(bars[-4], last)
        bars[-3] = last
        bars[-2] = quote.volume
        bars[-1] = quote.open_interest

    def read(self, token: int) -> Iterator[Candle]:
        """Yield the kept bars, oldest first; volume is the minute's own."""
        bars = self._bars.get(token, array("q"))
        before = self._before.get(token, 0)
        for at in range(0, len(bars), _FIELDS):
            minute, opened, high, low, close, volume, interest = bars[at : at + _FIELDS]
            start = datetime.fromtimestamp(minute * 60, tz=UTC)
            yield Candle(start, opened, high, low, close, max(volume - before, 0), interest)
            before = volume

    def _begin(self, bars: "array[int]", minute: int, quote: MarketQuote) -> None:
        if len(bars) >= 2 * KEPT_MINUTES * _FIELDS:
            self._before[quote.token] = bars[KEPT_MINUTES * _FIELDS - 2]
            del bars[: KEPT_MINUTES * _FIELDS]
        last = quote.last_price
        bars.extend((minute, last, last, last, last, quote.volume, quote.open_interest))


def widen(candles: Iterable[Candle], width: timedelta, hours: Hours = INDIAN_HOURS) -> list[Candle]:
    """Return bars of a width from narrower ones in order."""
    wide: list[Candle] = []
    for candle in candles:
        start = aligned(candle.start, width, hours)
        if wide and wide[-1].start == start:
            wide[-1] = _joined(wide[-1], candle)
        else:
            wide.append(candle._replace(start=start))
    return wide


def aligned(moment: datetime, width: timedelta, hours: Hours = INDIAN_HOURS) -> datetime:
    """Return the start of the bar a moment falls into."""
    day = hours.day_of(moment)
    if width >= DAY:
        return datetime.combine(day, time(0), tzinfo=hours.zone).astimezone(UTC)
    first = hours.start_of(day)
    return first + (moment - first) // width * width


def made_up_days(
    *,
    seed: int,
    token: int,
    close: int,
    tick: int,
    last_day: date,
    start: datetime,
    end: datetime,
    width: timedelta,
    hours: Hours = INDIAN_HOURS,
) -> list[Candle]:
    """Return bars of past trading days that end at ``close`` on ``last_day``; the same at every call."""
    days = _trading_days(hours, hours.day_of(start), min(hours.day_of(end), last_day), last_day)
    level = float(close)
    bars: list[Candle] = []
    for day, wanted in days:
        random = Random(_seed_of(seed, token, day))
        opened = level * exp(random.gauss(0.0, _DAILY_VOLATILITY))
        if wanted:
            bars[:0] = _day_bars(hours, day, (opened, level), tick, random, width)
        level = opened
    return bars


def _trading_days(hours: Hours, first: date, last: date, newest: date) -> Iterator[tuple[date, bool]]:
    """Yield trading days newest first, and whether each is asked for."""
    day, left = newest, MAX_DAYS
    while day >= first and left:
        if hours.is_trading_day(day):
            yield day, day <= last
        day -= DAY
        left -= 1


def _seed_of(seed: int, token: int, day: date) -> int:
    digest = hashlib.sha256(f"{seed}:{token}:{day}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _day_bars(
    hours: Hours, day: date, prices: tuple[float, float], tick: int, random: Random, width: timedelta
) -> list[Candle]:
    if width >= DAY:
        return [_day_bar(hours, day, *prices, tick, random)]
    return widen(_minutes(hours, day, *prices, tick, random), width, hours)


def _day_bar(hours: Hours, day: date, opened: float, closed: float, tick: int, random: Random) -> Candle:
    reach = abs(random.gauss(0.0, _DAILY_VOLATILITY / 2))
    high, low = max(opened, closed) * (1 + reach), min(opened, closed) * (1 - reach)
    start = datetime.combine(day, time(0), tzinfo=hours.zone).astimezone(UTC)
    volume = random.randint(50_000, 500_000)
    return _candle(start, (opened, high, low, closed), tick, volume)


def _minutes(hours: Hours, day: date, opened: float, closed: float, tick: int, random: Random) -> Iterator[Candle]:
    """Yield a session's minutes on a bridge from the open to the close."""
    count = hours.minutes
    deviation = _DAILY_VOLATILITY / count**0.5
    walk = [0.0]
    for _ in range(count):
        walk.append(walk[-1] + random.gauss(0.0, deviation))
    begin = hours.start_of(day)
    levels = [_bridge(walk, index, opened, closed) for index in range(count + 1)]
    for index in range(count):
        first, last = levels[index], levels[index + 1]
        reach = abs(random.gauss(0.0, deviation / 2))
        high, low = max(first, last) * (1 + reach), min(first, last) * (1 - reach)
        yield _candle(begin + index * MINUTE, (first, high, low, last), tick, random.randint(50, 5000))


def _bridge(walk: Sequence[float], index: int, opened: float, closed: float) -> float:
    share = index / (len(walk) - 1)
    return (opened + (closed - opened) * share) * exp(walk[index] - share * walk[-1])


def _candle(start: datetime, prices: tuple[float, float, float, float], tick: int, volume: int) -> Candle:
    opened, high, low, closed = (_rounded(price, tick) for price in prices)
    return Candle(start, opened, high, low, closed, volume, 0)


def _rounded(price: float, tick: int) -> int:
    return max(round(price / tick), 1) * tick


def _joined(wide: Candle, candle: Candle) -> Candle:
    return Candle(
        start=wide.start,
        open=wide.open,
        high=max(wide.high, candle.high),
        low=min(wide.low, candle.low),
        close=candle.close,
        volume=wide.volume + candle.volume,
        open_interest=candle.open_interest,
    )
