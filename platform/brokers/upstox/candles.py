"""History in our words. Pure. https://upstox.com/developer/api-documentation/v3/get-historical-candle-data/

Spans are asked for in whole days. What the day itself has so far is an address of its own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import msgspec

from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, ist_time
from brokers.upstox.spec import SPEC
from domain.broker import BrokerError, Candle, InstrumentRow
from domain.clock import IST

_DAY = timedelta(days=1)
_WHAT = "history"
_PATH = "/v3/historical-candle"


class _History(msgspec.Struct):
    candles: list[list[msgspec.Raw]]


def check_span(*, interval: timedelta, since: datetime, until: datetime) -> None:
    """Raise ``BrokerError`` with code ``LIMIT`` for an interval or span Upstox does not serve."""
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: {interval} bars over {until - since} are not served")


def paths_of(
    instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime, now: datetime
) -> list[str]:
    """Return the addresses that together hold a span: the days that are over, and today's."""
    key, unit = quote(instrument.token, safe=""), _unit(interval)
    first, last, today = (at.astimezone(IST).date() for at in (since, until, now))
    paths = [f"{_PATH}/{key}/{unit}/{min(last, today)}/{first}"]
    return [*paths, f"{_PATH}/intraday/{key}/{unit}"] if first <= today <= last else paths


def candles_of(data: bytes | msgspec.Raw, *, units: int) -> list[Candle]:
    """Return the bars; ``units`` is how many one count of volume means. Raises ``BrokerUnavailable``."""
    rows = decoded(data, _History, broker=SPEC.slug, what=_WHAT).candles
    try:
        return list(_bars(rows, units))
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow) as error:
        raise malformed(SPEC.slug, _WHAT, error) from error


def within(bars: list[Candle], *, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within a span, each once, oldest first; Upstox lists the newest first."""
    by_start = {bar.start: bar for bar in bars if since <= bar.start <= until}
    return [by_start[start] for start in sorted(by_start)]


def _unit(interval: timedelta) -> str:
    minutes = int(interval.total_seconds()) // 60
    return "days/1" if interval == _DAY else f"minutes/{minutes}"


def _bars(rows: list[list[msgspec.Raw]], units: int) -> Iterator[Candle]:
    for number, cells in enumerate(rows):
        if len(cells) not in (6, 7):
            raise MalformedRow(f"candle {number} has {len(cells)} cells")
        yield _candle(cells, units)


def _candle(cells: list[msgspec.Raw], units: int) -> Candle:
    start = ist_time(msgspec.json.decode(cells[0], type=str), "candle start").astimezone(UTC)
    first, high, low, last = (msgspec.json.decode(cell, type=Decimal) for cell in cells[1:5])
    volume, *interest = (int(msgspec.json.decode(cell, type=Decimal)) * units for cell in cells[5:])
    if not low <= min(first, last) <= max(first, last) <= high:
        raise MalformedRow(f"the candle of {start.isoformat()} has its prices out of order")
    return Candle(start, first, high, low, last, volume, *interest)
