"""History in our words. Pure. https://myapi.fyers.in/docsv3 (History)"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.fyers.answers import BROKER
from brokers.fyers.spec import SPEC
from brokers.payloads import decoded, malformed
from domain.broker import BrokerError, Candle, InstrumentRow

_DAY = timedelta(days=1)


class _History(msgspec.Struct):
    candles: list[list[Decimal | None]] = []


def query_of(
    instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the query of a span; raises ``BrokerError`` with code ``LIMIT`` for one ``SPEC.candles`` does not have."""
    longest = next((rule.longest for rule in SPEC.candles if rule.interval == interval), None)
    if longest is None:
        raise BrokerError("LIMIT", f"{BROKER} history: no interval of {interval}")
    if not timedelta(0) <= until - since <= longest:
        raise BrokerError("LIMIT", f"{BROKER} history: {until - since} is not within {longest}")
    return (
        ("symbol", instrument.symbol),
        ("resolution", "D" if interval == _DAY else str(interval // timedelta(minutes=1))),
        ("date_format", "0"),
        ("range_from", str(int(since.timestamp()))),
        ("range_to", str(int(until.timestamp()))),
        ("cont_flag", "0"),
        ("oi_flag", "1"),
    )


def candles_of(data: bytes, *, units: int, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; ``units`` is how many one count of volume means.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    rows = decoded(data, _History, broker=BROKER, what="history", strict=False).candles
    bars = [_candle(number, cells, units) for number, cells in enumerate(rows)]
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _candle(number: int, cells: Sequence[Decimal | None], units: int) -> Candle:
    """[epoch, open, high, low, close, volume] and, where there is any, open interest."""
    given = [Decimal(0) if cell is None else cell for cell in cells]
    if len(given) not in (6, 7) or not all(cell.is_finite() for cell in given):
        raise malformed(BROKER, "history", f"candle {number} is not six or seven numbers")
    stamp, first, high, low, last, *counts = given
    if not low <= min(first, last) <= max(first, last) <= high:
        raise malformed(BROKER, "history", f"candle {number} has its prices out of order")
    volume, *interest = (int(count) * units for count in counts)
    return Candle(_moment(stamp), first, high, low, last, volume, *interest)


def _moment(stamp: Decimal) -> datetime:
    try:
        return datetime.fromtimestamp(int(stamp), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise malformed(BROKER, "history", error) from error
