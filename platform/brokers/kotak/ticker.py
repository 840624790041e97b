"""SFeed's binary packets, decoded. Pure.

A frame holds packets end to end, little-endian and packed: u16 length, u16 code, i8 exchange, u8 level, three bytes,
then the body. Prices are integers of a divisor per exchange, which the answer to the sign-in names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct

import msgspec

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

AUTHENTICATED = frozenset({1117, 1119})
FORMAT = "native_batch"

_HEADER = Struct("<HHbB")
_HEADER_SIZE = 9
_INDEX_CODE = 7207
_NO_PRICES = frozenset({104, 105, 6511, 6521})
"""Codes of the closing auction and of markets that open and close."""

_TOUCH = 4
_PICTURES = frozenset({2, _TOUCH, 8, 16})
_INDEX = Struct("<8xi8xiQ25x21s")  # close, value, trade time, name
_PICTURE = Struct("<I16xqqq4xI8xI16xII6xI")  # token, volume, trade and update time, close, last, bids, asks, interest
_ROW = Struct("<qi4x")  # quantity, price
_ROWS_AT = 144


class _Segment(msgspec.Struct):
    value: int
    divider: int


class _SignedIn(msgspec.Struct):
    message_code: int = 0
    format: str = ""
    exchanges: dict[str, _Segment] = {}


class SignInRefused(Exception):
    """The feed said no to a session."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's ticks, and how many packets could not be read."""

    ticks: list[RawTick]
    malformed: int = 0


class _Tokens(dict[int, str]):
    """One exchange's tokens as text, each made once: the same few thousand arrive all day."""

    def __init__(self, segment: str) -> None:
        super().__init__()
        self._segment = segment

    def __missing__(self, token: int) -> str:
        name = self[token] = f"{self._segment}|{token}"
        return name


@dataclass(frozen=True, slots=True)
class _Exchange:
    segment: str
    scale: int
    tokens: _Tokens


class Decoder:
    """What one connection's packets mean; ``index_token`` says under which token an index was asked for."""

    def __init__(self, exchanges: Mapping[int, tuple[str, int]], index_token: Callable[[str], str]) -> None:
        self._exchanges = {
            number: _Exchange(segment, PRICE_SCALE // divider, _Tokens(segment))
            for number, (segment, divider) in exchanges.items()
        }
        self._index_token = index_token
        self._indices: dict[tuple[int, bytes], str] = {}

    def decode(self, frame: bytes) -> Frame:
        """Return every tick of a frame; a packet of no known kind is counted, not guessed.

        Quantities, volume and open interest are as Kotak counts them: lots where the SPEC says so.
        """
        ticks: list[RawTick] = []
        offset, end, malformed = 0, len(frame), 0
        while offset + _HEADER_SIZE <= end:
            length, code, number, level = _HEADER.unpack_from(frame, offset)
            if length < _HEADER_SIZE or offset + length > end:
                break
            tick = self._tick(frame, offset, length, code, number, level)
            if tick is None:
                malformed += code not in _NO_PRICES
            elif tick.last_price:
                ticks.append(tick)
            offset += length
        return Frame(ticks, malformed + (offset < end))

    def _tick(self, frame: bytes, offset: int, length: int, code: int, number: int, level: int) -> RawTick | None:
        exchange = self._exchanges.get(number)
        if exchange is None or code in _NO_PRICES:
            return None
        if code == _INDEX_CODE:
            return self._index(frame, offset, length, number, exchange)
        return _picture(frame, offset, length, level, exchange) if level in _PICTURES else None

    def _index(self, frame: bytes, offset: int, length: int, number: int, exchange: _Exchange) -> RawTick | None:
        if length < _HEADER_SIZE + _INDEX.size:
            return None
        close, value, at, name = _INDEX.unpack_from(frame, offset + _HEADER_SIZE)
        token = self._indices.get((number, name)) or self._named(number, name, exchange)
        scale = exchange.scale
        return RawTick(token, value * scale, 0, 0, 0, 0, 0, 0, close * scale, at * 1000)

    def _named(self, number: int, name: bytes, exchange: _Exchange) -> str:
        text = name.partition(b"\0")[0].decode("utf-8", "replace").strip()
        token = self._indices[number, name] = self._index_token(f"{exchange.segment}|{text}")
        return token


def exchanges_of(text: str) -> dict[int, tuple[str, int]]:
    """Return segment and price divisor by number, from the answer to a sign-in.

    Raises ``SignInRefused`` for a no, ``ValueError`` for what cannot be understood.
    """
    try:
        answer = msgspec.json.decode(text, type=_SignedIn)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not the answer to a sign-in: {error}") from error
    if answer.message_code not in AUTHENTICATED:
        raise SignInRefused(f"code {answer.message_code}")
    if answer.format != FORMAT:
        raise ValueError(f"format {answer.format!r}")
    for name, segment in answer.exchanges.items():
        if segment.divider <= 0 or PRICE_SCALE % segment.divider:
            raise ValueError(f"{name} has prices of 1/{segment.divider} rupee")
    return {segment.value: (name, segment.divider) for name, segment in answer.exchanges.items()}


def _picture(frame: bytes, offset: int, length: int, level: int, exchange: _Exchange) -> RawTick | None:
    if length < _ROWS_AT:
        return None
    token, volume, traded_at, updated_at, close, last, bids, asks, interest = _PICTURE.unpack_from(
        frame, offset + _HEADER_SIZE
    )
    if level == _TOUCH:
        bids = asks = 1
    if length < _ROWS_AT + (bids + asks) * _ROW.size:
        return None
    rows, scale = offset + _ROWS_AT, exchange.scale
    bid_quantity, bid = _ROW.unpack_from(frame, rows) if bids else (0, 0)
    ask_quantity, ask = _ROW.unpack_from(frame, rows + bids * _ROW.size) if asks else (0, 0)
    at = updated_at if updated_at > 0 else max(traded_at, 0)
    return RawTick(
        exchange.tokens[token],
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
