"""The ticker's binary packets: big-endian, prices as integers of the segment's divisor.

Layouts from the Kite Connect v3 WebSocket documentation: LTP 8 bytes; an index 28 (quote) or 32 (full);
everything else 44 (quote) or 184 (full, five bids and five asks of depth). A frame is an int16 count, then
length and packet.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from struct import Struct

from domain.prices import PRICE_SCALE
from simulator.market.types import Level, MarketQuote

INDEX_SEGMENT = 9
HEARTBEAT = b"\x00"
DEPTH_LEVELS = 5

_DIVISORS = {3: 10_000_000, 6: 10_000, 12: 10_000}
_COUNT = Struct(">H")
_LTP = Struct(">H2I")
_INDEX_QUOTE = Struct(">H6Ii")
_INDEX_FULL = Struct(">H6IiI")
_QUOTE = Struct(">H11I")
_FULL = Struct(">H16I" + "IIH2x" * 2 * DEPTH_LEVELS)


class Mode(StrEnum):
    """How much of an instrument a socket is sent."""

    LTP = "ltp"
    QUOTE = "quote"
    FULL = "full"


Depth = tuple[Sequence[Level], Sequence[Level]]
"""Bids and asks, best first."""


def encode(quote: MarketQuote, mode: Mode, *, depth: Depth = ((), ()), unit: int = 1) -> bytes:
    """Return one packet with its length before it.

    ``unit`` is how many units the exchange counts as one (the lot size on MCX); ``depth`` is only read in
    full mode.
    """
    segment = quote.token & 0xFF
    scale = PRICE_SCALE // _DIVISORS.get(segment, 100)
    if mode is Mode.LTP:
        return _LTP.pack(8, quote.token, quote.last_price // scale)
    if segment == INDEX_SEGMENT:
        return _index(quote, mode, scale)
    if mode is Mode.QUOTE:
        return _QUOTE.pack(44, *_traded(quote, scale, unit))
    return _full(quote, depth, scale, unit)


def frame(packets: Iterable[bytes]) -> bytes:
    """Join encoded packets into one WebSocket message."""
    joined = list(packets)
    return _COUNT.pack(len(joined)) + b"".join(joined)


def _index(quote: MarketQuote, mode: Mode, scale: int) -> bytes:
    prices = (quote.last_price, quote.high, quote.low, quote.open, quote.close)
    change = (quote.last_price - quote.close) // scale
    fields = (quote.token, *(price // scale for price in prices), change)
    if mode is Mode.QUOTE:
        return _INDEX_QUOTE.pack(28, *fields)
    return _INDEX_FULL.pack(32, *fields, quote.exchange_at // 1000)


def _traded(quote: MarketQuote, scale: int, unit: int) -> tuple[int, ...]:
    return (
        quote.token,
        quote.last_price // scale,
        quote.last_quantity // unit,
        quote.average_price // scale,
        quote.volume // unit,
        quote.total_buy_quantity // unit,
        quote.total_sell_quantity // unit,
        quote.open // scale,
        quote.high // scale,
        quote.low // scale,
        quote.close // scale,
    )


def _full(quote: MarketQuote, depth: Depth, scale: int, unit: int) -> bytes:
    return _FULL.pack(
        184,
        *_traded(quote, scale, unit),
        quote.last_trade_at // 1000,
        quote.open_interest // unit,
        quote.open_interest_high // unit,
        quote.open_interest_low // unit,
        quote.exchange_at // 1000,
        *_levels(depth[0], scale, unit),
        *_levels(depth[1], scale, unit),
    )


def _levels(levels: Sequence[Level], scale: int, unit: int) -> list[int]:
    fields: list[int] = []
    for price, quantity, orders in levels[:DEPTH_LEVELS]:
        fields += (quantity // unit, price // scale, orders)
    return fields + [0] * (3 * DEPTH_LEVELS - len(fields))
