"""The socket's binary packets, decoded. Pure.

Big-endian; the first byte says what a packet is, and so how long: 1 market data, 2 the compact form of it, 4 five
levels of depth, 50 an order update and 51 a trade, which are JSON behind five bytes. Prices are paise; contracts are
numbers of an exchange's code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

CODES = {"NSE": 1, "NFO": 2, "CDS": 3, "MCX": 4, "BSE": 6, "BFO": 7}
"""Exchanges as the socket numbers them."""

ORDER_UPDATE = 50
_TEXTS = frozenset({ORDER_UPDATE, 51})
_TEXT_AT = 5

_PAISE = PRICE_SCALE // 100
_CURRENCY = PRICE_SCALE // 10_000_000
_SCALES = tuple(_CURRENCY if code == CODES["CDS"] else _PAISE for code in range(256))
_EXCHANGES = {code: exchange for exchange, code in CODES.items()}

# code, token, last price, volume, bid, its size, ask, its size, exchange time, close, open interest
_MARKET = Struct(">xBIi8xIiIiI20xI12xi16xI4x")
# code, token, last price, last trade's time, open interest, bid, ask
_COMPACT = Struct(">xBIi4xI8xI4xii")
_DEPTH_SIZE = 166


@dataclass(frozen=True, slots=True)
class Frame:
    """What one message holds: ticks, the JSON of an order update, and how many packets could not be read."""

    ticks: list[RawTick] = field(default_factory=list)
    order: bytes = b""
    malformed: int = 0


class _Names(dict[tuple[int, int], str]):
    """Contracts as we name them, each made once: the same few thousand arrive all day."""

    def __missing__(self, key: tuple[int, int]) -> str:
        name = self[key] = f"{_EXCHANGES.get(key[0], '')}|{key[1]}"
        return name


_NAMES = _Names()


def decode(message: bytes) -> Frame:
    """Return what a message holds; what stands behind a packet that cannot be read is not guessed at.

    Quantities, volume and open interest are as the broker counts them: lots where the SPEC says so. Depth has no last
    price, so it makes no tick.
    """
    ticks: list[RawTick] = []
    offset, end = 0, len(message)
    while offset < end:
        mode = message[offset]
        if mode in _TEXTS:
            return _text(message[offset:], ticks)
        size, read = _FORMS.get(mode, (end + 1, None))
        if offset + size > end:
            return Frame(ticks, malformed=1)
        if read is not None:
            ticks.append(read(message, offset))
        offset += size
    return Frame(ticks)


def _text(packet: bytes, ticks: list[RawTick]) -> Frame:
    body = packet[_TEXT_AT:]
    return Frame(ticks, order=body if packet[0] == ORDER_UPDATE else b"", malformed=0 if body else 1)


def _market(message: bytes, offset: int) -> RawTick:
    code, token, last, volume, bid, bid_size, ask, ask_size, at, close, interest = _MARKET.unpack_from(message, offset)
    scale = _SCALES[code]
    return RawTick(
        _NAMES[code, token],
        last * scale,
        bid * scale,
        ask * scale,
        bid_size,
        ask_size,
        volume,
        interest,
        close * scale,
        at * 1000,
    )


def _compact(message: bytes, offset: int) -> RawTick:
    code, token, last, at, interest, bid, ask = _COMPACT.unpack_from(message, offset)
    scale = _SCALES[code]
    return RawTick(_NAMES[code, token], last * scale, bid * scale, ask * scale, 0, 0, 0, interest, 0, at * 1000)


_FORMS: dict[int, tuple[int, Callable[[bytes, int], RawTick] | None]] = {
    1: (_MARKET.size, _market),
    2: (_COMPACT.size, _compact),
    4: (_DEPTH_SIZE, None),
}
