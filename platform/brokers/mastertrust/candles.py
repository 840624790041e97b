"""History in our words. Pure. A bar is a row of six: when it starts, its four prices, its volume."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.mastertrust.answers import BROKER
from brokers.mastertrust.rows import epoch
from brokers.mastertrust.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, ist_time
from domain.broker import BrokerError, Candle, InstrumentRow
from domain.instruments import Kind

_WHAT = "history"
_DAY = timedelta(days=1)
_CELLS = 6


class _History(msgspec.Struct):
    candles: list[list[str | int | float]]


def query_of(
    instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
) -> tuple[tuple[str, str], ...]:
    """Return how a span is asked for; raises ``BrokerError`` with code ``LIMIT`` for one the SPEC does not have."""
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{BROKER} {_WHAT}: {interval} bars over {until - since} are not served")
    exchange, _, number = instrument.token.partition("|")
    kind, width = ("3", 1) if interval == _DAY else ("1", int(interval.total_seconds()) // 60)
    return (
        ("exchange", f"{exchange}_INDICES" if instrument.kind == Kind.INDEX else exchange),
        ("token", number),
        ("candletype", kind),
        ("starttime", str(int(since.timestamp()))),
        ("endtime", str(int(until.timestamp()))),
        ("data_duration", str(width)),
    )


def candles_of(data: bytes | msgspec.Raw, *, units: int, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; ``units`` is how many one count of volume means.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    history = decoded(data, _History, broker=BROKER, what=_WHAT)
    try:
        bars = list(_bars(history, units))
    except (MalformedRow, ArithmeticError, ValueError) as error:
        raise malformed(BROKER, _WHAT, error) from error
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _bars(history: _History, units: int) -> Iterator[Candle]:
    for number, cells in enumerate(history.candles):
        if len(cells) != _CELLS:
            raise MalformedRow(f"candle {number} has {len(cells)} cells")
        yield _candle(cells, units)


def _candle(cells: list[str | int | float], units: int) -> Candle:
    start = _start(cells[0])
    first, high, low, last = (Decimal(str(cell)) for cell in cells[1:5])
    if not low <= min(first, last) <= max(first, last) <= high:
        raise MalformedRow(f"the candle of {start.isoformat()} has its prices out of order")
    return Candle(start, first, high, low, last, int(cells[5]) * units)


def _start(cell: str | int | float) -> datetime:
    """The platform writes ISO times; seconds, which some of its charts have, are understood as well."""
    at = epoch(int(cell)) if not isinstance(cell, str) else ist_time(cell, "candle start")
    if at is None:
        raise MalformedRow("a candle starts at no time")
    return at.astimezone(UTC)
