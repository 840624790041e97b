"""Kite's binary market packets, decoded. Pure. https://kite.trade/docs/connect/v3/websocket/

A frame is a big-endian int16 packet count, then per packet an int16 length and the packet; a frame of one
byte is a heartbeat. A packet's length says what it is; the last byte of its token says its segment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

_PAISE = PRICE_SCALE // 100
_CDS, _BCD, _NCO = 3, 6, 12
_SCALES = tuple(
    {_CDS: PRICE_SCALE // 10_000_000, _BCD: PRICE_SCALE // 10_000, _NCO: PRICE_SCALE // 10_000}.get(segment, _PAISE)
    for segment in range(256)
)

_LENGTH = Struct(">H")
_LTP = Struct(">Ii")  # token, last price
_INDEX = Struct(">Ii12xi4x")  # token, last price, close
_INDEX_FULL = Struct(">Ii12xi4xI")  # ..., exchange time
_QUOTE = Struct(">Ii8xI20xi")  # token, last price, volume, close
_FULL = Struct(">Ii8xI20xi4xI8xIIi52xIi52x")  # ..., open interest, exchange time, best bid, best ask

_Decode = Callable[[bytes, int], RawTick]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's ticks, and how many packets could not be read."""

    ticks: list[RawTick]
    malformed: int = 0


class TokenNames(dict[int, str]):
    """Instrument tokens as text, each made once: the same few thousand arrive all day."""

    def __missing__(self, token: int) -> str:
        name = self[token] = str(token)
        return name


_NAMES = TokenNames()


def decode(frame: bytes) -> Frame:
    """Return every tick of a frame; a packet of no known length is counted, not guessed.

    Quantities, volume and open interest are as Kite counts them: lots where the SPEC says so.
    """
    if len(frame) < 2:
        return Frame([])
    (expected,) = _LENGTH.unpack_from(frame)
    ticks: list[RawTick] = []
    offset, end, seen, unknown = 2, len(frame), 0, 0
    while seen < expected and offset + 2 <= end:
        (length,) = _LENGTH.unpack_from(frame, offset)
        offset += 2
        if offset + length > end:
            break
        form = _FORMS.get(length)
        if form is None:
            unknown += 1
        else:
            ticks.append(form(frame, offset))
        seen += 1
        offset += length
    return Frame(ticks, malformed=unknown + expected - seen)


def _ltp(frame: bytes, offset: int) -> RawTick:
    token, last = _LTP.unpack_from(frame, offset)
    return RawTick(_NAMES[token], last * _SCALES[token & 0xFF], 0, 0, 0, 0, 0, 0, 0, 0)


def _index(frame: bytes, offset: int) -> RawTick:
    token, last, close = _INDEX.unpack_from(frame, offset)
    scale = _SCALES[token & 0xFF]
    return RawTick(_NAMES[token], last * scale, 0, 0, 0, 0, 0, 0, close * scale, 0)


def _index_full(frame: bytes, offset: int) -> RawTick:
    token, last, close, at = _INDEX_FULL.unpack_from(frame, offset)
    scale = _SCALES[token & 0xFF]
    return RawTick(_NAMES[token], last * scale, 0, 0, 0, 0, 0, 0, close * scale, at * 1000)


def _quote(frame: bytes, offset: int) -> RawTick:
    token, last, volume, close = _QUOTE.unpack_from(frame, offset)
    scale = _SCALES[token & 0xFF]
    return RawTick(_NAMES[token], last * scale, 0, 0, 0, 0, volume, 0, close * scale, 0)


def _full(frame: bytes, offset: int) -> RawTick:
    token, last, volume, close, interest, at, bid_quantity, bid, ask_quantity, ask = _FULL.unpack_from(frame, offset)
    scale = _SCALES[token & 0xFF]
    return RawTick(
        _NAMES[token],
        last * scale,
        bid * scale,
        ask * scale,
        bid_quantity,
        ask_quantity,
        volume,
        interest,
        close * scale,
        at * 1000,
    )


_FORMS: dict[int, _Decode] = {
    _LTP.size: _ltp,
    _INDEX.size: _index,
    _INDEX_FULL.size: _index_full,
    _QUOTE.size: _quote,
    _FULL.size: _full,
}
