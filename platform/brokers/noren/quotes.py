"""Polled quotes and candles in our words. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, units_of
from domain.broker import BrokerError, BrokerSpec, Candle, InstrumentRow, Quote
from domain.clock import IST

Key = tuple[str, str]
_DAY = timedelta(days=1)


class _QuoteRow(msgspec.Struct):
    exch: str
    tsym: str
    token: str
    lp: Decimal | None = None
    bp1: Decimal = Decimal(0)
    sp1: Decimal = Decimal(0)
    bq1: int = 0
    sq1: int = 0
    v: int = 0
    oi: int = 0
    c: Decimal = Decimal(0)
    uc: Decimal | None = None
    lc: Decimal | None = None
    ti: Decimal | None = None
    ls: Decimal = Decimal(1)


class _Bar(msgspec.Struct):
    ssboe: int
    into: Decimal
    inth: Decimal
    intl: Decimal
    intc: Decimal
    intv: Decimal
    oi: Decimal = Decimal(0)


_BARS = msgspec.json.Decoder(_Bar, strict=False)


def quote_of(spec: BrokerSpec, data: bytes, key: Key, lot_size_of: LotSizeOf) -> Quote | None:
    """Return a quote in units under the asked key; ``None`` before the first price of the day.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    row = _row(spec, data)
    if not row.lp:
        return None
    try:
        units = units_of(spec, row.exch, row.tsym, row.ls, lot_size_of=lot_size_of)
    except (MalformedRow, LookupError) as error:
        raise malformed(spec.slug, "quote", error) from error
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=f"{row.exch}|{row.token}",
        last_price=row.lp,
        bid=row.bp1,
        ask=row.sp1,
        bid_quantity=row.bq1 * units,
        ask_quantity=row.sq1 * units,
        volume=row.v * units,
        open_interest=row.oi * units,
        close=row.c,
        lower_band=row.lc or None,
        upper_band=row.uc or None,
        exchange_at=None,
    )


def tick_size_of(spec: BrokerSpec, data: bytes) -> Decimal:
    """Return a contract's price step, which no master shows; raises ``BrokerUnavailable``."""
    tick_size = _row(spec, data).ti
    if tick_size is None or not tick_size.is_finite() or tick_size <= 0:
        raise malformed(spec.slug, "quote", f"ti {tick_size} is not a price step")
    return tick_size


def span_fields(spec: BrokerSpec, *, interval: timedelta, since: datetime, until: datetime) -> dict[str, str]:
    """Return how a span is asked for; raises ``BrokerError`` with code ``LIMIT`` for one the broker does not serve."""
    rule = next((rule for rule in spec.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{spec.slug} history: {interval} bars over {until - since} are not served")
    times = [str(int(at.timestamp())) for at in (since, until)]
    names = ("from", "to") if interval == _DAY else ("st", "et")
    minutes = {} if interval == _DAY else {"intrv": str(int(interval.total_seconds()) // 60)}
    return dict(zip(names, times, strict=True)) | minutes


def candles_of(
    spec: BrokerSpec, data: bytes, instrument: InstrumentRow, *, since: datetime, until: datetime
) -> list[Candle]:
    """Return the bars that start within the span, oldest first; raises ``BrokerUnavailable``.

    Minute bars come as objects, day bars as strings that hold one each, stamped with their day's midnight in UTC.
    """
    units = instrument.lot_size if instrument.exchange in spec.quantity_in_lots else 1
    try:
        rows: Sequence[msgspec.Raw] = msgspec.json.decode(data, type=list[msgspec.Raw])
        bars = [_bar(row, units) for row in rows]
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow) as error:
        raise malformed(spec.slug, "history", error) from error
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _row(spec: BrokerSpec, data: bytes) -> _QuoteRow:
    return decoded(data, _QuoteRow, broker=spec.slug, what="quote", strict=False)


def _bar(row: msgspec.Raw, units: int) -> Candle:
    text = bytes(row)
    if not text.startswith(b'"'):
        bar = _BARS.decode(text)
        return _candle(bar, units, start=datetime.fromtimestamp(bar.ssboe, tz=UTC))
    bar = _BARS.decode(msgspec.json.decode(text, type=str))
    day = datetime.fromtimestamp(bar.ssboe, tz=UTC).replace(tzinfo=IST)
    return _candle(bar, units, start=day.astimezone(UTC))


def _candle(bar: _Bar, units: int, *, start: datetime) -> Candle:
    if not bar.intl <= min(bar.into, bar.intc) <= max(bar.into, bar.intc) <= bar.inth:
        raise MalformedRow(f"the bar of {bar.ssboe} has its prices out of order")
    return Candle(start, bar.into, bar.inth, bar.intl, bar.intc, int(bar.intv) * units, int(bar.oi) * units)
