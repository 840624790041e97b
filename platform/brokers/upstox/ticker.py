"""Upstox's market messages, decoded. Pure. https://upstox.com/developer/api-documentation/v3/get-market-data-feed/

A message is a ``FeedResponse`` of MarketDataFeedV3.proto in Protocol Buffers' wire format
(https://protobuf.dev/programming-guides/encoding/): fields in any order, each a tag, which is its number and its kind,
and a value. Only what makes a tick is read, the rest is stepped over; what is absent is 0, as proto3 has it.
"""

from dataclasses import dataclass
from struct import Struct, error
from typing import Any

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5

# FeedResponse, and an entry of its feeds
_FEEDS, _CURRENT_TS = 2 << 3 | _BYTES, 3 << 3 | _VARINT
_KEY, _FEED = 1 << 3 | _BYTES, 2 << 3 | _BYTES
# Feed and FullFeed
_SHORT, _FULL = 1 << 3 | _BYTES, 2 << 3 | _BYTES
_MARKET, _INDEX = 1 << 3 | _BYTES, 2 << 3 | _BYTES
# MarketFullFeed; an IndexFullFeed has its LTPC in the same place
_LTPC, _LEVELS, _VOLUME, _INTEREST = 1 << 3 | _BYTES, 2 << 3 | _BYTES, 6 << 3 | _VARINT, 7 << 3 | _DOUBLE
_LEVEL = 1 << 3 | _BYTES
# LTPC and Quote
_LAST, _CLOSE = 1 << 3 | _DOUBLE, 4 << 3 | _DOUBLE
_BID_QUANTITY, _BID, _ASK_QUANTITY, _ASK = 1 << 3 | _VARINT, 2 << 3 | _DOUBLE, 3 << 3 | _VARINT, 4 << 3 | _DOUBLE

_unpack = Struct("<d").unpack_from
_LARGEST = (1 << 63) - 1
_LONGEST_VARINT = 10
_BROKEN = (ValueError, LookupError, OverflowError, error)

Span = tuple[int, int]
Fields = dict[int, Any]
"""A message's fields by their tags: numbers, and where nested messages and texts begin and end."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message's ticks, and how many of its parts could not be read."""

    ticks: list[RawTick]
    malformed: int = 0


def decode(message: bytes) -> Frame:
    """Return the tick of each instrument the message tells of; what cannot be read is counted, not guessed.

    Quantities and volume are as Upstox counts them; the time is the message's own, in epoch milliseconds.
    """
    try:
        feeds: list[Span] = []
        at = _count(_fields(message, 0, len(message), feeds), _CURRENT_TS)
    except _BROKEN:
        return Frame([], malformed=1)
    ticks = []
    for begin, end in feeds:
        try:
            ticks.append(_tick(message, begin, end, at))
        except _BROKEN:
            continue
    return Frame(ticks, malformed=len(feeds) - len(ticks))


def _tick(message: bytes, begin: int, end: int, at: int) -> RawTick:
    entry = _fields(message, begin, end)
    key_begin, key_end = entry[_KEY]
    body, best = _body(message, _fields(message, *entry[_FEED]))
    last = _fields(message, *body[_LTPC])
    return RawTick(
        message[key_begin:key_end].decode(),
        _price(last, _LAST),
        _price(best, _BID),
        _price(best, _ASK),
        _count(best, _BID_QUANTITY),
        _count(best, _ASK_QUANTITY),
        _count(body, _VOLUME),
        int(body.get(_INTEREST, 0)),
        _price(last, _CLOSE),
        at,
    )


def _body(message: bytes, feed: Fields) -> tuple[Fields, Fields]:
    """Return what a feed says, with its LTPC where a MarketFullFeed has it, and its best level."""
    if _FULL not in feed:
        return {_LTPC: feed[_SHORT]}, {}
    full = _fields(message, *feed[_FULL])
    if _MARKET not in full:
        return {_LTPC: _fields(message, *full[_INDEX])[_LTPC]}, {}
    body = _fields(message, *full[_MARKET])
    return body, _best(message, *body[_LEVELS]) if _LEVELS in body else {}


def _best(message: bytes, begin: int, end: int) -> Fields:
    """Return the first of the levels, which is all their message holds."""
    if begin == end:
        return {}
    if message[begin] != _LEVEL:
        raise ValueError("the levels begin with something else")
    size, at = _varint(message, begin + 1)
    return _fields(message, at, at + size)


def _fields(message: bytes, at: int, end: int, feeds: list[Span] | None = None) -> Fields:
    """Return a message's fields: numbers, and the spans of what is nested; ``feeds`` gets each feed of a response.

    Raises one of ``_BROKEN`` for what is no message.
    """
    fields: Fields = {}
    while at < end:
        tag = message[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(message, at - 1)
        kind = tag & 7
        if kind == _DOUBLE:
            fields[tag] = _unpack(message, at)[0]
            at += 8
            continue
        if kind == _FLOAT:
            at += 4
            continue
        value = message[at]
        at += 1
        if value > 0x7F:
            value, at = _varint(message, at - 1)
        if kind == _VARINT:
            fields[tag] = value
        elif kind == _BYTES:
            fields[tag] = (at, at + value)
            if feeds is not None and tag == _FEEDS:
                feeds.append((at, at + value))
            at += value
        else:
            raise ValueError(f"a field of kind {kind}")
    if at != end:
        raise ValueError("a field runs over the end of its message")
    return fields


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 7 * _LONGEST_VARINT, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")


def _price(fields: Fields, tag: int) -> int:
    rupees: float = fields.get(tag, 0.0)
    return round(rupees * PRICE_SCALE)


def _count(fields: Fields, tag: int) -> int:
    value: int = fields.get(tag, 0)
    if value > _LARGEST:
        raise ValueError(f"{value} counts nothing: it is a negative number")
    return value
