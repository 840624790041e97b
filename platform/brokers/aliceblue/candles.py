"""History in our words. Pure. https://ant.aliceblueonline.com/productdocumentation/Historical%20Data/

One-minute and day bars of NSE, NFO and MCX, outside market hours only. Times in the question are epoch milliseconds,
those in the answer Indian.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from brokers.aliceblue.access import Access
from brokers.aliceblue.orders import instrument_id
from brokers.aliceblue.rows import moment
from brokers.aliceblue.spec import SPEC
from brokers.payloads import decoded
from brokers.rows import MalformedRow, mapped, require_price
from brokers.transport import WireRequest
from domain.broker import BrokerError, Candle, InstrumentRow

_PATH = "/od/ChartAPIService/api/chart/history"
_WHAT = "history"
_RESOLUTIONS = {timedelta(minutes=1): "1", timedelta(days=1): "D"}
_SERVED = frozenset({"NSE", "NFO", "MCX"})
_INDEX = "_INDEX"


class _Bar(msgspec.Struct):
    time: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)


class _History(msgspec.Struct):
    result: list[_Bar] | None = None


def history_request(
    access: Access, instrument: InstrumentRow, *, interval: timedelta, since: datetime, until: datetime
) -> WireRequest:
    """Return the question; raises ``BrokerError`` with code ``LIMIT`` for what is not served."""
    listed_on = instrument.exchange.removesuffix(_INDEX)
    rule = next((rule for rule in SPEC.candles if rule.interval == interval), None)
    if rule is None or not timedelta(0) <= until - since <= rule.longest:
        raise BrokerError("LIMIT", f"{SPEC.slug} {_WHAT}: {interval} bars over {until - since} are not served")
    if listed_on not in _SERVED:
        raise BrokerError("LIMIT", f"{SPEC.slug} {_WHAT}: none of {listed_on} is served")
    body = {
        "token": instrument_id(listed_on, instrument.token),
        "resolution": _RESOLUTIONS[interval],
        "from": _milliseconds(since),
        "to": _milliseconds(until),
        "exchange": f"{listed_on}::index" if instrument.exchange.endswith(_INDEX) else listed_on,
    }
    return access.post(_PATH, body)


def candles_of(data: bytes, instrument: InstrumentRow, *, since: datetime, until: datetime) -> list[Candle]:
    """Return the bars that start within the span, oldest first; raises ``BrokerUnavailable`` for a malformed answer."""
    units = instrument.lot_size if instrument.exchange in SPEC.quantity_in_lots else 1
    shown = decoded(data, _History, broker=SPEC.slug, what=_WHAT, strict=False).result or []
    bars = mapped(shown, lambda bar: _candle(bar, units), broker=SPEC.slug, what=_WHAT)
    return sorted((bar for bar in bars if since <= bar.start <= until), key=lambda bar: bar.start)


def _candle(bar: _Bar, units: int) -> Candle:
    for name in ("open", "high", "low", "close", "volume"):
        require_price(getattr(bar, name), name)
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise MalformedRow(f"the bar of {bar.time} has its prices out of order")
    return Candle(moment(bar.time), bar.open, bar.high, bar.low, bar.close, int(bar.volume) * units)


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp()) * 1000)
