"""Polled quotes, in our words. https://kite.trade/docs/connect/v3/market-quotes/"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.rows import MalformedRow, ist_time
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerUnavailable, Quote

Key = tuple[str, str]
_ZERO = Decimal(0)


class _Level(msgspec.Struct):
    price: Decimal
    quantity: int


class _Depth(msgspec.Struct):
    buy: list[_Level] = []
    sell: list[_Level] = []


class _Day(msgspec.Struct):
    close: Decimal


class _Row(msgspec.Struct):
    instrument_token: int
    last_price: Decimal
    ohlc: _Day
    timestamp: str | None = None
    volume: int = 0
    oi: int = 0
    lower_circuit_limit: Decimal | None = None
    upper_circuit_limit: Decimal | None = None
    depth: _Depth | None = None


_ROWS = msgspec.json.Decoder(dict[str, _Row])


def wire_name(key: Key) -> str:
    """Return Kite's name of an (exchange, symbol): an index is listed on its exchange."""
    exchange, symbol = key
    return f"{exchange.removesuffix('_INDEX')}:{symbol}"


def quotes_of(data: bytes | msgspec.Raw, keys: Sequence[Key], lot_size_of: LotSizeOf) -> list[Quote]:
    """Return the quotes of the asked keys, in units; Kite leaves out what it does not know.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    try:
        rows = _ROWS.decode(data)
        shown = [(key, rows[wire_name(key)]) for key in keys if wire_name(key) in rows]
        return [_quote(key, row, lot_size_of) for key, row in shown]
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedRow, LookupError) as error:
        raise BrokerUnavailable("MALFORMED", f"zerodha quotes: {error}") from error


def _quote(key: Key, row: _Row, lot_size_of: LotSizeOf) -> Quote:
    units = units_per_count(SPEC, key[0], key[1], lot_size_of)
    bid, ask = _best(row.depth.buy if row.depth else []), _best(row.depth.sell if row.depth else [])
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=str(row.instrument_token),
        last_price=row.last_price,
        bid=bid.price,
        ask=ask.price,
        bid_quantity=bid.quantity * units,
        ask_quantity=ask.quantity * units,
        volume=row.volume * units,
        open_interest=row.oi * units,
        close=row.ohlc.close,
        lower_band=_band(row.lower_circuit_limit),
        upper_band=_band(row.upper_circuit_limit),
        exchange_at=_at(row.timestamp),
    )


def _best(levels: Sequence[_Level]) -> _Level:
    return levels[0] if levels else _Level(_ZERO, 0)


def _band(limit: Decimal | None) -> Decimal | None:
    """Kite shows 0 where there is no band."""
    return limit or None


def _at(text: str | None) -> datetime | None:
    return ist_time(text, "timestamp") if text else None
