"""History in our words. Pure."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.kotak.spec import SPEC
from brokers.payloads import malformed
from domain.broker import BrokerError, Candle, InstrumentRow
from domain.clock import IST

PATH = "/market-data/1.0/historical/details"
_DAY = timedelta(days=1)
_SERVED = frozenset({"NSE", "BSE", "NFO", "BFO", "NSE_INDEX", "BSE_INDEX"})
_EMPTY = re.compile(r"no data found|data not available|no data is available|market has not yet opened", re.IGNORECASE)


class _Series(msgspec.Struct):
    candles: list[list[msgspec.Raw]] = []


class _Answer(msgspec.Struct):
    status: str
    data: _Series


def query_of(
    instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
) -> tuple[tuple[str, str], ...]:
    """Return the query of a span, in whole days; raises ``BrokerError`` with code ``LIMIT`` for what is not served."""
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: {interval} bars over {until - since} are not served")
    if instrument.exchange not in _SERVED:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: {instrument.exchange} is not served")
    name = "D" if interval == _DAY else f"{int(interval.total_seconds()) // 60}min"
    days = ((key, at.astimezone(IST).date().isoformat()) for key, at in (("fromdate", since), ("todate", until)))
    return (("neosymbol", instrument.token), ("interval", name), *days)


def is_empty(message: str) -> bool:
    """Say whether a refusal means that the span has no bars: it comes as an error of its own."""
    return _EMPTY.search(message) is not None


def candles_of(data: bytes, *, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; raises ``BrokerUnavailable`` for a malformed answer.

    A bar's open may be the auction's and lie outside what was traded in it, and volumes of below nothing have been
    seen: the wick is widened over the open, and such a volume is 0.
    """
    try:
        answer = msgspec.json.decode(data, type=_Answer)
        bars = [_candle(cells) for cells in answer.data.candles]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise malformed(SPEC.slug, "history", error) from error
    if answer.status.lower() != "success":
        raise malformed(SPEC.slug, "history", f"status {answer.status!r}")
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _candle(cells: list[msgspec.Raw]) -> Candle:
    if len(cells) not in (6, 7):
        raise ValueError(f"a bar has {len(cells)} cells")
    start = datetime.fromisoformat(msgspec.json.decode(cells[0], type=str))
    first, high, low, last = (msgspec.json.decode(cell, type=Decimal, strict=False) for cell in cells[1:5])
    volume, *interest = (msgspec.json.decode(cell, type=int, strict=False) for cell in cells[5:])
    if not all(price.is_finite() for price in (first, high, low, last)) or low > high:
        raise ValueError(f"the bar of {start.isoformat()} has prices that are none")
    return Candle(
        start=(start if start.tzinfo else start.replace(tzinfo=IST)).astimezone(UTC),
        open=first,
        high=max(first, high, last),
        low=min(first, low, last),
        close=last,
        volume=max(volume, 0),
        open_interest=max([*interest, 0]),
    )
