"""Polled quotes and history in our words. Pure.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.binance.rows import at
from brokers.binance.spec import SPEC, SPOT
from brokers.rows import MalformedRow, require_price
from brokers.steps import StepOf, checked_step, whole_units
from domain.broker import BrokerError, BrokerUnavailable, Candle, Quote

INTERVALS = {
    **{timedelta(minutes=count): f"{count}m" for count in (1, 3, 5, 15, 30)},
    **{timedelta(hours=count): f"{count}h" for count in (1, 2, 4)},
    timedelta(days=1): "1d",
}
MOST = 1000


class TickerRow(msgspec.Struct):
    """A row of ``ticker/24hr``."""

    symbol: str
    lastPrice: Decimal
    bidPrice: Decimal
    bidQty: Decimal
    askPrice: Decimal
    askQty: Decimal
    prevClosePrice: Decimal
    volume: Decimal
    closeTime: int


_TICKERS = msgspec.json.Decoder(list[TickerRow])
_KLINES = msgspec.json.Decoder(list[list[msgspec.Raw]])
_WHOLE = msgspec.json.Decoder(int)
_AMOUNT = msgspec.json.Decoder(Decimal)


def quotes_of(body: bytes, step_of: StepOf) -> list[Quote]:
    """Return the quotes of an answer, in units; raises ``BrokerUnavailable`` for a malformed one."""
    try:
        return [_quote(row, checked_step(step_of, SPOT, row.symbol)) for row in _TICKERS.decode(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow, LookupError) as error:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} quotes: {error}") from error


def klines_query(symbol: str, *, interval: timedelta, since: datetime, until: datetime) -> tuple[tuple[str, str], ...]:
    """Return the query of a span; raises ``BrokerError`` with code ``LIMIT`` for one the SPEC does not have."""
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{SPEC.slug} history: no {until - since} of {interval}")
    ends = (("startTime", since), ("endTime", until))
    return (
        ("symbol", symbol),
        ("interval", INTERVALS[interval]),
        *((name, str(int(moment.timestamp() * 1000))) for name, moment in ends),
        ("limit", str(MOST)),
    )


def candles_of(body: bytes, *, step: Decimal, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; raises ``BrokerUnavailable`` for a malformed answer."""
    try:
        bars = list(_bars(body, step))
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow) as error:
        raise BrokerUnavailable("MALFORMED", f"{SPEC.slug} history: {error}") from error
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _quote(row: TickerRow, step: Decimal) -> Quote:
    for name in ("lastPrice", "bidPrice", "askPrice", "prevClosePrice"):
        require_price(getattr(row, name), name)
    return Quote(
        exchange=SPOT,
        symbol=row.symbol,
        token=row.symbol,
        last_price=row.lastPrice,
        bid=row.bidPrice,
        ask=row.askPrice,
        bid_quantity=whole_units(row.bidQty, step),
        ask_quantity=whole_units(row.askQty, step),
        volume=whole_units(row.volume, step),
        open_interest=0,
        close=row.prevClosePrice,
        lower_band=None,
        upper_band=None,
        exchange_at=at(row.closeTime),
    )


def _bars(body: bytes, step: Decimal) -> Iterator[Candle]:
    for number, cells in enumerate(_KLINES.decode(body)):
        if len(cells) < 6:
            raise MalformedRow(f"candle {number} has {len(cells)} cells")
        first, high, low, last, volume = map(_AMOUNT.decode, cells[1:6])
        if not low <= min(first, last) <= max(first, last) <= high:
            raise MalformedRow(f"candle {number} has its prices out of order")
        yield Candle(at(_WHOLE.decode(cells[0])), first, high, low, last, whole_units(volume, step))
