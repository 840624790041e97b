"""Polled quotes in our words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

import msgspec

from brokers.kotak.spec import SPEC
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import malformed
from domain.broker import Quote

Key = tuple[str, str]
"""Exchange and symbol."""

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
    exchange: str
    exchange_token: str
    ltp: Decimal
    ohlc: _Day
    last_volume: int = 0
    open_int: int = 0
    low_price_range: Decimal | None = None
    high_price_range: Decimal | None = None
    lstup_time: int = 0
    depth: _Depth | None = None


_NOBODY = _Level(_ZERO, 0)


def path_of(tokens: Sequence[str]) -> str:
    """Return the address of some instruments' quotes; Kotak wants the ``|`` and ``,`` between them as they are."""
    return f"/script-details/1.0/quotes/neosymbol/{quote(','.join(tokens), safe='|,')}/all"


def quotes_of(data: bytes, keys: Mapping[str, Key], lot_size_of: LotSizeOf) -> list[Quote]:
    """Return the quotes of the asked tokens under their keys, in units; what has no price yet is left out.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    try:
        rows = {f"{row.exchange}|{row.exchange_token}": row for row in _rows(data)}
        shown = [(token, key, rows[token]) for token, key in keys.items() if token in rows]
        return [_quote(token, key, row, lot_size_of) for token, key, row in shown if row.ltp]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError, LookupError) as error:
        raise malformed(SPEC.slug, "quotes", error) from error


def _rows(data: bytes) -> list[_Row]:
    return msgspec.json.decode(data, type=list[_Row], strict=False)


def _quote(token: str, key: Key, row: _Row, lot_size_of: LotSizeOf) -> Quote:
    if not row.ltp.is_finite():
        raise ValueError(f"ltp {row.ltp} is not a price")
    units = units_per_count(SPEC, key[0], key[1], lot_size_of)
    bid, ask = _best(row.depth.buy if row.depth else []), _best(row.depth.sell if row.depth else [])
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=token,
        last_price=row.ltp,
        bid=bid.price,
        ask=ask.price,
        bid_quantity=bid.quantity * units,
        ask_quantity=ask.quantity * units,
        volume=row.last_volume * units,
        open_interest=row.open_int * units,
        close=row.ohlc.close,
        lower_band=row.low_price_range or None,
        upper_band=row.high_price_range or None,
        exchange_at=datetime.fromtimestamp(row.lstup_time, tz=UTC) if row.lstup_time else None,
    )


def _best(levels: Sequence[_Level]) -> _Level:
    return levels[0] if levels else _NOBODY
