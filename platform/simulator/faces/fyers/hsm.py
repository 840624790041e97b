"""The market socket's binary messages (HSM), read and written: big-endian, lengths without their own two bytes.

Requests are a u16 length, u8 type, u8 count, and fields of u8 number, u16 length, value. The lengths of whole requests
are not looked at: the SDK's are wrong. Data is a u32 number, a u16 count, and records: snapshots with a topic's name
and all of it, updates with what changed at its position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct, error, pack, unpack

from domain.instruments import Kind
from domain.prices import PRICE_SCALE
from simulator.faces.fyers.names import exchange_token, symbol_of, unit
from simulator.market.types import Level, Listing, MarketQuote

AUTH, ACKNOWLEDGE, SUBSCRIBE, UNSUBSCRIBE, DATA, PAUSE, RESUME, MODE = 1, 3, 4, 5, 6, 7, 8, 12
FULL, LITE = b"F", b"L"
OK, NOT_OK = b"K", b"N"
_ABSENT = -(1 << 31)
_SNAPSHOT, _UPDATE, _LITE = 83, 85, 76
_FIELD = Struct(">BH")
_PRECISION, _MULTIPLIER = 2, 1
_SCALE = PRICE_SCALE // 10**_PRECISION
_LARGEST = (1 << 31) - 1

Depth = tuple[Sequence[Level], Sequence[Level]]
Values = tuple[int, ...]


class BadRequest(ValueError):
    """A message that cannot be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """A client's message."""

    kind: int
    fields: dict[int, bytes]

    def topics(self) -> list[str]:
        """Return the topics a subscription names; raises ``BadRequest``."""
        listed = self.fields.get(1, b"")
        if len(listed) < 2:
            raise BadRequest("no topics")
        offset, topics = 2, []
        for _ in range(int.from_bytes(listed[:2], "big")):
            end = offset + 1 + (listed[offset] if offset < len(listed) else 0)
            topics.append(listed[offset + 1 : end].decode("ascii", errors="replace"))
            offset = end
        return topics


def read_request(message: bytes) -> Request:
    """Read a message; raises ``BadRequest``. A ping is ``00 01 0b``, without a count."""
    if len(message) < 4:
        return Request(message[2] if len(message) > 2 else 0, {})
    offset, fields = 4, {}
    for _ in range(message[3]):
        if offset + _FIELD.size > len(message):
            raise BadRequest("a field that ends early")
        number, length = _FIELD.unpack_from(message, offset)
        offset += _FIELD.size
        fields[number] = message[offset : offset + length]
        offset += length
    return Request(message[2], fields)


def answer(kind: int, *values: bytes) -> bytes:
    """Return an answer to a request."""
    body = b"".join(_FIELD.pack(number, len(value)) + value for number, value in enumerate(values, start=1))
    return pack(">HBB", len(body) + 2, kind, len(values)) + body


def data(number: int, records: Sequence[bytes]) -> bytes:
    """Return a data message."""
    body = pack(">IH", number, len(records)) + b"".join(records)
    return pack(">HB", (len(body) + 1) & 0xFFFF, DATA) + body


def snapshot(topic_id: int, topic: str, values: Values, listing: Listing) -> bytes:
    """Return a topic's whole state under the id it has from now on."""
    texts = (topic.split("|")[1], str(exchange_token(listing)), symbol_of(listing))
    name = topic.encode()
    return b"".join(
        (
            pack(">BHB", _SNAPSHOT, topic_id, len(name)),
            name,
            _integers(values),
            pack(">2xHB", _MULTIPLIER, _PRECISION),
            *(bytes([len(text)]) + text.encode() for text in texts),
        )
    )


def update(topic_id: int, values: Values, before: Values) -> bytes:
    """Return what changed, the rest absent."""
    changed = tuple(new if new != old else _ABSENT for new, old in zip(values, before, strict=True))
    return pack(">BH", _UPDATE, topic_id) + _integers(changed)


def lite(topic_id: int, values: Values) -> bytes:
    """Return the last price alone."""
    return pack(">BHi", _LITE, topic_id, values[0])


def values_of(topic: str, listing: Listing, quote: MarketQuote, depth: Depth) -> Values:
    """Return a topic's fields in their documented order."""
    if topic.startswith("dp"):
        return _depth(listing, depth)
    return _index(quote) if listing.kind is Kind.INDEX else _touchline(listing, quote)


def acknowledge_every(count: int) -> bytes:
    """Return after how many data messages the client should acknowledge."""
    return pack(">I", count)


def number_in(value: bytes) -> int:
    """Return the number of an acknowledgement; raises ``BadRequest``."""
    try:
        return int(unpack(">I", value)[0])
    except error as problem:
        raise BadRequest(str(problem)) from problem


def _touchline(listing: Listing, quote: MarketQuote) -> Values:
    per = unit(listing)
    return _fitting(
        quote.last_price // _SCALE,
        quote.volume // per,
        quote.last_trade_at // 1000,
        quote.exchange_at // 1000,
        quote.bid_quantity // per,
        quote.ask_quantity // per,
        quote.bid // _SCALE,
        quote.ask // _SCALE,
        quote.last_quantity // per,
        quote.total_buy_quantity // per,
        quote.total_sell_quantity // per,
        quote.average_price // _SCALE,
        quote.open_interest // per,
        quote.low // _SCALE,
        quote.high // _SCALE,
        0,  # the year's high and low
        0,
        quote.lower_band // _SCALE,
        quote.upper_band // _SCALE,
        quote.open // _SCALE,
        quote.close // _SCALE,
    )


def _index(quote: MarketQuote) -> Values:
    prices = (quote.high, quote.low, quote.open)
    return _fitting(
        quote.last_price // _SCALE,
        quote.close // _SCALE,
        quote.exchange_at // 1000,
        *(price // _SCALE for price in prices),
    )


def _depth(listing: Listing, depth: Depth) -> Values:
    per, (bids, asks) = unit(listing), (_padded(side) for side in depth)
    return _fitting(
        *(level.price // _SCALE for side in (bids, asks) for level in side),
        *(level.quantity // per for side in (bids, asks) for level in side),
        *(level.orders for side in (bids, asks) for level in side),
    )


def _padded(levels: Sequence[Level]) -> list[Level]:
    return [*levels[:5], *[Level(0, 0, 0)] * (5 - len(levels))]


def _fitting(*values: int) -> Values:
    """Fields have 31 bits: what is larger is shown as the largest."""
    return tuple(min(value, _LARGEST) for value in values)


def _integers(values: Values) -> bytes:
    return pack(f">B{len(values)}i", len(values), *values)
