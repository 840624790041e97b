"""SFeed's binary packets: little-endian, packed, prices as integers of the exchange's divisor.

Every packet begins with its length, code, exchange and level; an index has 87 bytes, a mini touch line 54, a market
picture 144 and its depth rows: one of each side in a touch line (level 4), up to five in depth (8) and full depth (16).
"""

from collections.abc import Sequence
from struct import Struct

from domain.instruments import Kind
from domain.prices import PRICE_SCALE
from simulator.faces.kotak.names import index_name, segment_of, token_of, unit
from simulator.market.types import Level, Listing, MarketQuote

EXCHANGES = {"nse_cm": 1, "nse_fo": 2, "cde_fo": 3, "nse_com": 4, "bse_cm": 5, "bse_fo": 6, "mcx_fo": 9}
DIVIDER = 100
DIVIDERS = {name: 10_000_000 if name == "cde_fo" else DIVIDER for name in EXCHANGES}

LITE, TOUCH, DEPTH, FULL_DEPTH = 1, 4, 8, 16
INDEX = 0
"""What is subscribed as an index, at no level."""

_INDEX_CODE, _PICTURE_CODE = 7207, 7208
_HEADER = Struct("<HHbBBBB")
_INDEX = Struct("<IiiiiiQiiidBi21s")
_LITE = Struct("<IqIqIiiIBI")
_PICTURE = Struct("<IqqqqqIIIIIqIIIIhiIdiIIIIIBI")
_ROW = Struct("<qii")
_PRECISION = 2
_TRADING = 1
_LEVELS = 5
_SCALE = PRICE_SCALE // DIVIDER

Sides = tuple[Sequence[Level], Sequence[Level]]
"""Bids and asks, best first."""


def encode(listing: Listing, quote: MarketQuote, sides: Sides, level: int) -> bytes:
    """Return one packet; an index is shown as such at whatever level it is wanted."""
    if listing.kind is Kind.INDEX:
        return _packed(listing, _INDEX_CODE, LITE, _index(listing, quote))
    if level == LITE:
        return _packed(listing, 0, LITE, _lite(listing, quote))
    bids, asks = (side[: 1 if level == TOUCH else _LEVELS] for side in sides)
    return _packed(listing, _PICTURE_CODE, level, _picture(listing, quote, bids, asks))


def _packed(listing: Listing, code: int, level: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), code, EXCHANGES[segment_of(listing)], level, 0, 0, 0) + body


def _index(listing: Listing, quote: MarketQuote) -> bytes:
    prices = (price // _SCALE for price in (quote.open, quote.close, quote.high, quote.low, quote.last_price))
    name = index_name(listing).encode()
    change = _change(quote)
    return _INDEX.pack(token_of(listing), *prices, quote.exchange_at // 1000, 0, 0, change, 0.0, _PRECISION, 1, name)


def _lite(listing: Listing, quote: MarketQuote) -> bytes:
    per = unit(listing)
    return _LITE.pack(
        token_of(listing),
        quote.last_trade_at // 1000,
        quote.last_price // _SCALE,
        quote.last_quantity // per,
        quote.close // _SCALE,
        _change(quote),
        (quote.last_price - quote.close) // _SCALE,
        listing.lot_size // per,
        _PRECISION,
        1,
    )


def _picture(listing: Listing, quote: MarketQuote, bids: Sequence[Level], asks: Sequence[Level]) -> bytes:
    per = unit(listing)
    body = _PICTURE.pack(
        token_of(listing),
        quote.total_buy_quantity // per,
        quote.total_sell_quantity // per,
        quote.volume // per,
        quote.last_trade_at // 1000,
        quote.exchange_at // 1000,
        *(price // _SCALE for price in (quote.open, quote.close, quote.high, quote.low, quote.last_price)),
        quote.last_quantity // per,
        quote.average_price // _SCALE,
        0,
        len(bids),
        len(asks),
        _TRADING,
        _change(quote),
        quote.open_interest // per,
        0.0,
        (quote.last_price - quote.close) // _SCALE,
        quote.upper_band // _SCALE,
        quote.lower_band // _SCALE,
        0,
        0,
        listing.lot_size // per,
        _PRECISION,
        1,
    )
    rows = (_ROW.pack(one.quantity // per, one.price // _SCALE, one.orders) for one in (*bids, *asks))
    return body + b"".join(rows)


def _change(quote: MarketQuote) -> int:
    """Return the day's change in hundredths of a percent."""
    return round((quote.last_price - quote.close) / quote.close * 10_000) if quote.close else 0
