"""History in our words. Pure. https://kite.trade/docs/connect/v3/historical/"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.rows import MalformedRow, ist_time
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerError, BrokerUnavailable, Candle, InstrumentRow
from domain.clock import IST

_NAMES = {
    timedelta(minutes=1): "minute",
    **{timedelta(minutes=count): f"{count}minute" for count in (3, 5, 10, 15, 30, 60)},
    timedelta(days=1): "day",
}
_SHAPE = "%Y-%m-%d %H:%M:%S"


class _History(msgspec.Struct):
    candles: list[list[msgspec.Raw]]


_HISTORY = msgspec.json.Decoder(_History)


def path_of(instrument: InstrumentRow, interval: timedelta) -> str:
    """Return the address of an instrument's history; raises ``BrokerError`` with code ``LIMIT``."""
    if interval not in _NAMES:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: no interval of {interval}")
    return f"/instruments/historical/{instrument.token}/{_NAMES[interval]}"


def query_of(*, interval: timedelta, since: datetime, until: datetime) -> tuple[tuple[str, str], ...]:
    """Return the query of a span; raises ``BrokerError`` with code ``LIMIT`` for one Kite would refuse."""
    longest = next(rule.longest for rule in SPEC.candles if rule.interval == interval)
    if not timedelta(0) <= until - since <= longest:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: {until - since} is not within {longest}")
    times = (("from", since), ("to", until))
    return (*((name, at.astimezone(IST).strftime(_SHAPE)) for name, at in times), ("oi", "1"))


def candles_of(data: bytes | msgspec.Raw, *, units: int, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; ``units`` is how many one count of volume means.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    try:
        bars = list(_bars(data, units))
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow) as error:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} history: {error}") from error
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _bars(data: bytes | msgspec.Raw, units: int) -> Iterator[Candle]:
    for number, cells in enumerate(_HISTORY.decode(data).candles):
        if len(cells) not in (6, 7):
            raise MalformedRow(f"candle {number} has {len(cells)} cells")
        yield _candle(cells, units)


def _candle(cells: list[msgspec.Raw], units: int) -> Candle:
    start = ist_time(msgspec.json.decode(cells[0], type=str), "candle start").astimezone(UTC)
    first, high, low, last = (msgspec.json.decode(cell, type=Decimal) for cell in cells[1:5])
    volume, *interest = (msgspec.json.decode(cell, type=int) * units for cell in cells[5:])
    if not low <= min(first, last) <= max(first, last) <= high:
        raise MalformedRow(f"the candle of {start.isoformat()} has its prices out of order")
    return Candle(start, first, high, low, last, volume, *interest)
