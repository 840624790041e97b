"""Market messages as Upstox encodes them: MarketDataFeedV3.proto in Protocol Buffers' wire format.

https://upstox.com/developer/api-documentation/v3/get-market-data-feed/, https://protobuf.dev/programming-guides/encoding/.
As every encoder of proto3 does, numbers that are 0 are left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from struct import pack

from domain.instruments import Kind
from simulator.faces.upstox.names import unit
from simulator.faces.upstox.wire import rupees
from simulator.market.types import Level, Listing, MarketQuote

Depth = tuple[Sequence[Level], Sequence[Level]]

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_NORMAL_OPEN = 2
_SEGMENTS = ("NSE_EQ", "NSE_FO", "NSE_INDEX", "NSE_COM", "NCD_FO", "BSE_EQ", "BSE_FO", "BCD_FO", "BSE_INDEX", "MCX_FO")


class Type(IntEnum):
    """What a message is."""

    INITIAL = 0
    LIVE = 1
    MARKET_INFO = 2


class Mode(Enum):
    """What a subscription wants, and what a feed calls it."""

    LTPC = "ltpc"
    FULL = "full"
    GREEKS = "option_greeks"
    D30 = "full_d30"

    @property
    def number(self) -> int:
        """Return the RequestMode."""
        return list(Mode).index(self)


def response(kind: Type, feeds: Mapping[str, bytes], *, at: int) -> bytes:
    """Return a message that tells of contracts by their keys; ``at`` is in epoch milliseconds."""
    entries = (_nested(2, _text(1, key) + _nested(2, feed)) for key, feed in feeds.items())
    return _number(1, kind) + b"".join(entries) + _number(3, at)


def market_info(*, at: int) -> bytes:
    """Return the first message: every segment is open."""
    statuses = (_nested(1, _text(1, name) + _number(2, _NORMAL_OPEN)) for name in _SEGMENTS)
    return _number(1, Type.MARKET_INFO) + _number(3, at) + _nested(4, b"".join(statuses))


def feed(listing: Listing, quote: MarketQuote, depth: Depth, mode: Mode) -> bytes:
    """Return what a contract's feed says in a mode."""
    ltpc = _ltpc(listing, quote)
    if mode is Mode.LTPC:
        return _nested(1, ltpc)
    if mode is Mode.GREEKS:
        return _nested(3, _first_level(listing, quote, ltpc)) + _number(4, mode.number)
    full = _index(quote, ltpc) if listing.kind is Kind.INDEX else _market(listing, quote, depth, ltpc)
    return _nested(2, full) + _number(4, mode.number)


def _ltpc(listing: Listing, quote: MarketQuote) -> bytes:
    return (
        _double(1, rupees(quote.last_price))
        + _number(2, quote.last_trade_at or quote.exchange_at)
        + _number(3, quote.last_quantity // unit(listing))
        + _double(4, rupees(quote.close))
    )


def _market(listing: Listing, quote: MarketQuote, depth: Depth, ltpc: bytes) -> bytes:
    per = unit(listing)
    return _nested(
        1,
        _nested(1, ltpc)
        + _nested(2, b"".join(_nested(1, level) for level in _levels(depth, per)))
        + _nested(4, _nested(1, _day_bar(quote, per)))
        + _double(5, rupees(quote.average_price))
        + _number(6, quote.volume // per)
        + _double(7, float(quote.open_interest // per))
        + _double(9, float(quote.total_buy_quantity // per))
        + _double(10, float(quote.total_sell_quantity // per)),
    )


def _index(quote: MarketQuote, ltpc: bytes) -> bytes:
    return _nested(2, _nested(1, ltpc) + _nested(2, _nested(1, _day_bar(quote, 1))))


def _first_level(listing: Listing, quote: MarketQuote, ltpc: bytes) -> bytes:
    per = unit(listing)
    best = _level(Level(quote.bid, quote.bid_quantity, 1), Level(quote.ask, quote.ask_quantity, 1), per)
    interest = float(quote.open_interest // per)
    return _nested(1, ltpc) + _nested(2, best) + _number(4, quote.volume // per) + _double(5, interest)


def _levels(depth: Depth, per: int) -> Iterable[bytes]:
    bids, asks = depth
    nothing = Level(0, 0, 0)
    for number in range(max(len(bids), len(asks))):
        bid = bids[number] if number < len(bids) else nothing
        ask = asks[number] if number < len(asks) else nothing
        yield _level(bid, ask, per)


def _level(bid: Level, ask: Level, per: int) -> bytes:
    buy = _number(1, bid.quantity // per) + _double(2, rupees(bid.price))
    return buy + _number(3, ask.quantity // per) + _double(4, rupees(ask.price))


def _day_bar(quote: MarketQuote, per: int) -> bytes:
    prices = (quote.open, quote.high, quote.low, quote.last_price)
    bar = b"".join(_double(number, rupees(price)) for number, price in enumerate(prices, 2))
    return _text(1, "1d") + bar + _number(6, quote.volume // per) + _number(7, quote.exchange_at)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value) if value else b""


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | _FIXED64) + pack("<d", value) if value else b""


def _text(field: int, value: str) -> bytes:
    return _nested(field, value.encode())


def _nested(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
