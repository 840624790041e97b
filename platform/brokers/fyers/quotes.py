"""Polled quotes and one contract's depth, in our words. Pure. https://myapi.fyers.in/docsv3 (Quotes, Market Depth)"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from brokers.fyers.answers import BROKER
from brokers.fyers.spec import SPEC
from brokers.fyers.topics import topic_of
from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from brokers.rows import MalformedRow, require_price
from domain.broker import Quote

Key = tuple[str, str]
_ZERO = Decimal(0)


class _Values(msgspec.Struct, rename="camel"):
    lp: Decimal
    fy_token: str
    bid: Decimal = _ZERO
    ask: Decimal = _ZERO
    volume: int = 0
    prev_close_price: Decimal = msgspec.field(default=_ZERO, name="prev_close_price")


class _Row(msgspec.Struct):
    n: str
    s: str
    v: msgspec.Raw = msgspec.Raw(b"{}")


class _Quotes(msgspec.Struct):
    d: list[_Row]


class _Level(msgspec.Struct):
    price: Decimal
    volume: int


class _Whole(msgspec.Struct):
    bids: list[_Level] = []
    ask: list[_Level] = []
    oi: Decimal = _ZERO
    lower_ckt: Decimal = _ZERO
    upper_ckt: Decimal = _ZERO


class _Depth(msgspec.Struct):
    d: dict[str, _Whole]


def quotes_of(data: bytes, keys: Sequence[Key], lot_size_of: LotSizeOf) -> list[Quote]:
    """Return the quotes of the asked keys, in units, without those Fyers does not know.

    Raises ``BrokerUnavailable`` for a malformed answer.
    """
    rows = {row.n: row for row in decoded(data, _Quotes, broker=BROKER, what="quotes", strict=False).d}
    shown = [(key, rows[key[1]]) for key in keys if key[1] in rows]
    return [_quote(key, row, lot_size_of) for key, row in shown if row.s == "ok"]


def completed(quote: Quote, data: bytes, lot_size_of: LotSizeOf) -> Quote:
    """Return the quote with the sizes of its touch, its open interest and its band; raises ``BrokerUnavailable``."""
    whole = decoded(data, _Depth, broker=BROKER, what="depth", strict=False).d.get(quote.symbol)
    if whole is None:
        raise malformed(BROKER, "depth", f"it is not of {quote.symbol}")
    units = _units((quote.exchange, quote.symbol), lot_size_of)
    bid, ask = _best(whole.bids), _best(whole.ask)
    _check("depth", bid=bid.price, ask=ask.price, oi=whole.oi, lower=whole.lower_ckt, upper=whole.upper_ckt)
    return replace(
        quote,
        bid=bid.price,
        ask=ask.price,
        bid_quantity=bid.volume * units,
        ask_quantity=ask.volume * units,
        open_interest=int(whole.oi) * units,
        lower_band=whole.lower_ckt or None,
        upper_band=whole.upper_ckt or None,
    )


def _quote(key: Key, row: _Row, lot_size_of: LotSizeOf) -> Quote:
    values = decoded(row.v, _Values, broker=BROKER, what=f"quote of {key[1]}", strict=False)
    _check("quotes", lp=values.lp, bid=values.bid, ask=values.ask, prev_close_price=values.prev_close_price)
    try:
        token = topic_of(key[1], values.fy_token)
    except MalformedRow as error:
        raise malformed(BROKER, "quotes", error) from error
    return Quote(
        exchange=key[0],
        symbol=key[1],
        token=token,
        last_price=values.lp,
        bid=values.bid,
        ask=values.ask,
        bid_quantity=0,
        ask_quantity=0,
        volume=values.volume * _units(key, lot_size_of),
        open_interest=0,
        close=values.prev_close_price,
        lower_band=None,
        upper_band=None,
        exchange_at=None,  # its only time is the day's beginning
    )


def _units(key: Key, lot_size_of: LotSizeOf) -> int:
    try:
        return units_per_count(SPEC, key[0], key[1], lot_size_of)
    except LookupError as error:
        raise malformed(BROKER, "quotes", error) from error


def _check(what: str, **numbers: Decimal) -> None:
    try:
        for name, number in numbers.items():
            require_price(number, name)
    except MalformedRow as error:
        raise malformed(BROKER, what, error) from error


def _best(levels: Sequence[_Level]) -> _Level:
    return levels[0] if levels else _Level(_ZERO, 0)
