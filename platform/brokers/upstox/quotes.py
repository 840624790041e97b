"""Polled quotes, in our words. https://upstox.com/developer/api-documentation/get-full-market-quote/"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, ist_time
from brokers.upstox.names import exchange_of
from brokers.upstox.spec import SPEC
from domain.broker import Quote

Key = tuple[str, str]
_WHAT = "quotes"
_ZERO = Decimal(0)
_FINEST = Decimal("0.0001")


class _Level(msgspec.Struct):
    price: Decimal
    quantity: int


class _Depth(msgspec.Struct):
    buy: list[_Level] = []
    sell: list[_Level] = []


class _Row(msgspec.Struct):
    instrument_token: str
    last_price: Decimal
    net_change: Decimal | None = None
    timestamp: str | None = None
    volume: int | None = None
    oi: Decimal | None = None
    lower_circuit_limit: Decimal | None = None
    upper_circuit_limit: Decimal | None = None
    depth: _Depth | None = None


def asked(keys: Sequence[Key]) -> str:
    """Return the instrument keys to ask for: one that names nothing would spoil the answer for all of them."""
    return ",".join(symbol for exchange, symbol in dict.fromkeys(keys) if exchange_of(symbol) == exchange)


def quotes_of(data: bytes | msgspec.Raw, keys: Sequence[Key], lot_size_of: LotSizeOf) -> list[Quote]:
    """Return the quotes of the asked keys, in units; Upstox leaves out what it does not know.

    Rows are told apart by their ``instrument_token``: they are listed under yet another symbol. Raises
    ``BrokerUnavailable`` for a malformed answer.
    """
    rows = decoded(data, dict[str, _Row], broker=SPEC.slug, what=_WHAT)
    try:
        return list(_shown({row.instrument_token: row for row in rows.values()}, keys, lot_size_of))
    except (MalformedRow, LookupError) as error:
        raise malformed(SPEC.slug, _WHAT, error) from error


def _shown(rows: dict[str, _Row], keys: Sequence[Key], lot_size_of: LotSizeOf) -> Iterator[Quote]:
    for exchange, symbol in keys:
        if symbol in rows:
            yield _quote(exchange, rows[symbol], units_per_count(SPEC, exchange, symbol, lot_size_of))


def _quote(exchange: str, row: _Row, units: int) -> Quote:
    bid, ask = _best(row.depth.buy if row.depth else []), _best(row.depth.sell if row.depth else [])
    last = _rupees(row.last_price)
    return Quote(
        exchange=exchange,
        symbol=row.instrument_token,
        token=row.instrument_token,
        last_price=last,
        bid=_rupees(bid.price),
        ask=_rupees(ask.price),
        bid_quantity=bid.quantity * units,
        ask_quantity=ask.quantity * units,
        volume=(row.volume or 0) * units,
        open_interest=int(row.oi or 0) * units,
        close=last - _rupees(row.net_change or _ZERO),
        lower_band=_band(row.lower_circuit_limit),
        upper_band=_band(row.upper_circuit_limit),
        exchange_at=_at(row.timestamp),
    )


def _best(levels: Sequence[_Level]) -> _Level:
    return levels[0] if levels else _Level(_ZERO, 0)


def _rupees(value: Decimal) -> Decimal:
    """Upstox writes binary fractions out: 52.04999923706055 is 52.05."""
    return value.quantize(_FINEST)


def _band(limit: Decimal | None) -> Decimal | None:
    """Upstox shows 0 where there is no band."""
    return _rupees(limit) if limit else None


def _at(text: str | None) -> datetime | None:
    return ist_time(text, "timestamp") if text else None
