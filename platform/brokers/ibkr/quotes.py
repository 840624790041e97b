"""Snapshots and history in our words. Pure.

Fields have numbers and their values are texts: "1,300", "C24190.00" (the previous close), "H42.10" (trading is halted),
"1.2M". https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/#md
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

import msgspec

from brokers.ibkr.answers import BROKER
from brokers.ibkr.spec import SPEC
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow
from domain.broker import BrokerError, Candle, Quote

Key = tuple[str, str]

LAST, BID, ASK, BID_SIZE, ASK_SIZE, VOLUME, CLOSE = "31", "84", "86", "88", "85", "7762", "7741"
OPTION_INTEREST, FUTURE_INTEREST = "7638", "7697"
FIELDS = (LAST, BID, ASK, BID_SIZE, ASK_SIZE, VOLUME, CLOSE, OPTION_INTEREST, FUTURE_INTEREST)

_SCALES = {"K": 1_000, "M": 1_000_000, "B": 1_000_000_000}
_BARS = {
    **{timedelta(minutes=count): f"{count}min" for count in (1, 3, 5, 10, 15, 30)},
    timedelta(hours=1): "1h",
    timedelta(days=1): "1d",
}
_DAY = timedelta(days=1)

Fields = Mapping[str, object]


class _Bar(msgspec.Struct):
    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the name on the wire
    c: Decimal
    v: Decimal = Decimal(0)


class _History(msgspec.Struct):
    data: list[_Bar]


def snapshot_of(body: bytes) -> dict[str, Fields]:
    """Return what a snapshot shows by contract; raises ``BrokerUnavailable``.

    A contract that is asked for the first time has no fields yet, only its number.
    """
    rows = decoded(body, list[dict[str, object]], broker=BROKER, what="quotes")
    return {str(row["conid"]): row for row in rows if "conid" in row}


def quote_of(key: Key, fields: Fields) -> Quote | None:
    """Return a quote under the asked key; ``None`` before there is a price. Raises ``BrokerUnavailable``."""
    try:
        last = price(fields.get(LAST))
        if not last:
            return None
        return Quote(
            exchange=key[0],
            symbol=key[1],
            token=key[1],
            last_price=last,
            bid=price(fields.get(BID)),
            ask=price(fields.get(ASK)),
            bid_quantity=count(fields.get(BID_SIZE)),
            ask_quantity=count(fields.get(ASK_SIZE)),
            volume=count(fields.get(VOLUME)),
            open_interest=count(fields.get(OPTION_INTEREST) or fields.get(FUTURE_INTEREST)),
            close=price(fields.get(CLOSE)),
            lower_band=None,
            upper_band=None,
            exchange_at=_moment(fields.get("_updated")),
        )
    except MalformedRow as error:
        raise malformed(BROKER, "quotes", error) from error


def price(value: object) -> Decimal:
    """Return a price without its mark; 0 where there is none. Raises ``MalformedRow``."""
    text = str(value if value is not None else "").replace(",", "").lstrip("CH")
    try:
        number = Decimal(text or 0)
    except InvalidOperation:
        raise MalformedRow(f"{value!r} is not a price") from None
    if not number.is_finite():
        raise MalformedRow(f"{value!r} is not a price")
    return number


def count(value: object) -> int:
    """Return a count, which may be short for thousands or millions; 0 where there is none. Raises ``MalformedRow``."""
    text = str(value if value is not None else "").replace(",", "")
    scale = _SCALES.get(text[-1:].upper(), 0)
    try:
        number = Decimal(text[:-1] if scale else text or 0) * (scale or 1)
    except InvalidOperation:
        raise MalformedRow(f"{value!r} is not a count") from None
    if not number.is_finite():
        raise MalformedRow(f"{value!r} is not a count")
    return int(number)


def span_query(*, interval: timedelta, since: datetime, until: datetime, now: datetime) -> tuple[tuple[str, str], ...]:
    """Return how a span is asked for; raises ``BrokerError`` with code ``LIMIT`` for one that is not served.

    Answers end now, so the span is counted from its beginning to now.
    """
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    span = max(now, until) - since
    if rule is None or until < since or span > rule.longest:
        raise BrokerError("LIMIT", f"{BROKER} history: {interval} bars over {span} are not served")
    days = max(1, -(-span // _DAY))
    return (("period", f"{days}d"), ("bar", _BARS[interval]), ("outsideRth", "false"))


def candles_of(body: bytes, *, since: datetime, until: datetime) -> Sequence[Candle]:
    """Return the bars that start within the span, oldest first; raises ``BrokerUnavailable``."""
    bars = decoded(body, _History, broker=BROKER, what="history").data
    try:
        found = [_candle(bar) for bar in bars]
    except MalformedRow as error:
        raise malformed(BROKER, "history", error) from error
    return sorted((bar for bar in found if since <= bar.start <= until), key=lambda bar: bar.start)


def _candle(bar: _Bar) -> Candle:
    if not bar.l <= min(bar.o, bar.c) <= max(bar.o, bar.c) <= bar.h:
        raise MalformedRow(f"the bar of {bar.t} has its prices out of order")
    start = _moment(bar.t)
    if start is None:
        raise MalformedRow("a bar has no time")
    return Candle(start, bar.o, bar.h, bar.l, bar.c, int(bar.v))


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int) or not value:
        return None
    try:
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise MalformedRow(f"{value} is not a time") from None
