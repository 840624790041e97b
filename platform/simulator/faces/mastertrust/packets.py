"""The socket's binary packets: big-endian, prices in paise (currencies in 1e-7 rupees), times in epoch seconds.

Layouts as the decoder of the platform's SDK reads them: 102 bytes of market data, 42 of the compact form, 166 of depth.
"""

from collections.abc import Sequence
from enum import StrEnum
from struct import Struct

from domain.instruments import Exchange as Venue
from domain.prices import PRICE_SCALE
from simulator.faces.mastertrust.names import CODES, number_of, unit
from simulator.market.types import Level, Listing, MarketQuote

DEPTH_LEVELS = 5
ORDER_UPDATE, TRADE_UPDATE = 50, 51

_MARKET = Struct(">BBI8I2Q12I")
_COMPACT = Struct(">BBIIi7I")
_DEPTH = Struct(">BBI30I5I2QI")
_BLANK = bytes(4)

Depth = tuple[Sequence[Level], Sequence[Level]]
"""Bids and asks, best first."""


class Mode(StrEnum):
    """What a socket may ask of a contract."""

    MARKET = "marketdata"
    COMPACT = "compact_marketdata"
    DEPTH = "full_snapquote"


def encode(listing: Listing, quote: MarketQuote, mode: Mode, depth: Depth) -> bytes:
    """Return one packet."""
    head, scale, per = (CODES[listing.exchange.value], number_of(listing)), _scale(listing), unit(listing)
    if mode is Mode.MARKET:
        return _MARKET.pack(1, *head, *_market(quote, scale, per))
    if mode is Mode.COMPACT:
        return _COMPACT.pack(2, *head, *_compact(quote, scale, per))
    return _DEPTH.pack(4, *head, *_snapquote(quote, depth, scale, per))


def text_packet(mode: int, text: bytes) -> bytes:
    """Return JSON behind the five bytes its readers pass over."""
    return bytes([mode]) + _BLANK + text


def _market(quote: MarketQuote, scale: int, per: int) -> tuple[int, ...]:
    return (
        quote.last_price // scale,
        quote.last_trade_at // 1000,
        quote.last_quantity // per,
        quote.volume // per,
        quote.bid // scale,
        quote.bid_quantity // per,
        quote.ask // scale,
        quote.ask_quantity // per,
        quote.total_buy_quantity // per,
        quote.total_sell_quantity // per,
        quote.average_price // scale,
        quote.exchange_at // 1000,
        quote.open // scale,
        quote.high // scale,
        quote.low // scale,
        quote.close // scale,
        quote.high // scale,
        quote.low // scale,
        quote.lower_band // scale,
        quote.upper_band // scale,
        quote.open_interest // per,
        quote.open_interest_low // per,
    )


def _compact(quote: MarketQuote, scale: int, per: int) -> tuple[int, ...]:
    return (
        quote.last_price // scale,
        (quote.last_price - quote.close) // scale,
        quote.last_trade_at // 1000,
        quote.lower_band // scale,
        quote.upper_band // scale,
        quote.open_interest // per,
        quote.open_interest_low // per,
        quote.bid // scale,
        quote.ask // scale,
    )


def _snapquote(quote: MarketQuote, depth: Depth, scale: int, per: int) -> list[int]:
    fields: list[int] = []
    for levels in depth:
        filled = [*levels[:DEPTH_LEVELS], *[Level(0, 0, 0)] * (DEPTH_LEVELS - len(levels))]
        fields += [level.orders for level in filled]
        fields += [level.price // scale for level in filled]
        fields += [level.quantity // per for level in filled]
    day = (quote.average_price, quote.open, quote.high, quote.low, quote.close)
    totals = (quote.total_buy_quantity, quote.total_sell_quantity, quote.volume)
    return [*fields, *(price // scale for price in day), *(total // per for total in totals)]


def _scale(listing: Listing) -> int:
    return PRICE_SCALE // (10_000_000 if listing.exchange is Venue.CDS else 100)
