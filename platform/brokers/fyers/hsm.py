"""The binary messages of the market socket (HSM), written and read. Pure. All numbers are big-endian.

A message of ours is a u16 of its length without these two bytes, a u8 that says what it is, a u8 count of fields, and
per field its u8 number, a u16 length and the value. Answers have the same shape, their first field "K" where we are
obeyed. Data (type 6) is a u32 number, a u16 count of records, and records of three kinds: a snapshot names its topic,
gives it an id and shows all of it; an update shows the fields that changed, by position, others as absent; a lite one
the last price alone. Where the layout is known from: the fyers-apiv3 SDK.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from struct import Struct, error

from domain.broker import RawTick
from domain.prices import PRICE_SCALE

AUTH, ACKNOWLEDGE, SUBSCRIBE, UNSUBSCRIBE, DATA, MODE = 1, 3, 4, 5, 6, 12
FULL_MODE = b"F"
CHANNEL = 11
TOPICS_PER_MESSAGE = 1500
_SOURCE = b"Trade"
_ABSENT = -(1 << 31)
_SNAPSHOT, _UPDATE, _LITE = 83, 85, 76

_HEAD = Struct(">HBB")
_FIELD = Struct(">BH")
_COUNT = Struct(">H")
_NUMBER = Struct(">I")
_CHANNELS = Struct(">Q")
_DATA = Struct(">3xIH")
_UPDATED = Struct(">x2sB")
_LITE_RECORD = Struct(">x2si")
_SCALE = Struct(">2xHB")
_SNAPSHOT_HEAD = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """The socket's word on a request: what it answers, whether we are obeyed, how often data wants acknowledging."""

    kind: int
    is_ok: bool
    acknowledge_every: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One data message: its number, its ticks, and how many records could not be read."""

    number: int
    ticks: list[RawTick]
    malformed: int = 0


def auth_message(key: str) -> bytes:
    """Return the sign-in with the socket's key."""
    return _message(AUTH, [key.encode(), b"P", b"\x01", _SOURCE])


def full_mode_message() -> bytes:
    """Return the request for every field; it may be made again at any time, and is answered."""
    return _message(MODE, [_CHANNELS.pack(1 << CHANNEL), FULL_MODE])


def topics_messages(kind: int, topics: Sequence[str]) -> Iterable[bytes]:
    """Return the requests that subscribe or unsubscribe topics."""
    for start in range(0, len(topics), TOPICS_PER_MESSAGE):
        names = [topic.encode() for topic in topics[start : start + TOPICS_PER_MESSAGE]]
        listed = _COUNT.pack(len(names)) + b"".join(bytes([len(name)]) + name for name in names)
        yield _message(kind, [listed, bytes([CHANNEL])])


def acknowledgement(number: int) -> bytes:
    """Return the acknowledgement of data up to a message's number."""
    return _message(ACKNOWLEDGE, [_NUMBER.pack(number)])


def kind_of(message: bytes) -> int:
    """Return what a message is; 0 for one that is too short to say."""
    return message[2] if len(message) > 2 else 0


def read_answer(message: bytes) -> Answer:
    """Read an answer; raises ``ValueError`` for what is none."""
    fields = _fields(message)
    if not fields:
        raise ValueError("an answer without a field")
    every = fields[1] if len(fields) > 1 else b""
    return Answer(message[2], fields[0] == b"K", _NUMBER.unpack(every)[0] if len(every) == _NUMBER.size else 0)


def _message(kind: int, values: Sequence[bytes]) -> bytes:
    fields = b"".join(_FIELD.pack(number, len(value)) + value for number, value in enumerate(values, start=1))
    return _HEAD.pack(len(fields) + 2, kind, len(values)) + fields


def _fields(message: bytes) -> list[bytes]:
    try:
        (_, _, count), offset, fields = _HEAD.unpack_from(message), _HEAD.size, []
        for _ in range(count):
            _, length = _FIELD.unpack_from(message, offset)
            offset += _FIELD.size + length
            if offset > len(message):
                raise ValueError("an answer that ends early")
            fields.append(message[offset - length : offset])
    except error as problem:
        raise ValueError(f"not an answer: {problem}") from problem
    return fields


@cache
def _integers(count: int) -> Struct:
    return Struct(f">{count}i")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a kind of topic has what a tick shows; -1 where it has no such field."""

    volume: int
    exchange_at: int
    bid_quantity: int
    ask_quantity: int
    bid: int
    ask: int
    open_interest: int
    close: int


_LAYOUTS = {
    "sf": _Layout(volume=1, exchange_at=3, bid_quantity=4, ask_quantity=5, bid=6, ask=7, open_interest=12, close=20),
    "if": _Layout(
        volume=-1, exchange_at=2, bid_quantity=-1, ask_quantity=-1, bid=-1, ask=-1, open_interest=-1, close=1
    ),
}
_FIELDS = 21
"""Fields of the largest topic; one 0 more stands for those a topic lacks."""


@dataclass(slots=True)
class _Shown:
    """A topic as its records add up; ``values`` ends in a 0 that the layout's -1 points at."""

    topic: str
    layout: _Layout
    divisor: int
    values: list[int]

    def merge(self, values: Sequence[int]) -> None:
        """Take over the fields that are not absent."""
        kept = self.values
        kept[: len(values)] = [old if new == _ABSENT else new for new, old in zip(values, kept, strict=False)]

    def tick(self) -> RawTick:
        """Return the tick the topic makes now."""
        values, layout, divisor = self.values, self.layout, self.divisor
        return RawTick(
            self.topic,
            values[0] * PRICE_SCALE // divisor,
            values[layout.bid] * PRICE_SCALE // divisor,
            values[layout.ask] * PRICE_SCALE // divisor,
            values[layout.bid_quantity],
            values[layout.ask_quantity],
            values[layout.volume],
            values[layout.open_interest],
            values[layout.close] * PRICE_SCALE // divisor,
            values[layout.exchange_at] * 1000,
        )


class Topics:
    """The topics of one connection. Quantities are as Fyers counts them: lots where the SPEC says so."""

    def __init__(self) -> None:
        self._shown: dict[bytes, _Shown | None] = {}

    def take(self, message: bytes) -> Frame:
        """Return every tick of a data message; what cannot be read is counted, not guessed."""
        if len(message) < _DATA.size:
            return Frame(0, [], malformed=1)
        number, count = _DATA.unpack_from(message)
        ticks: list[RawTick] = []
        offset, read, unknown = _DATA.size, 0, 0
        try:
            while read < count:
                offset, shown = self._record(message, offset)
                read += 1
                if shown is None:
                    unknown += 1
                elif shown.values[0]:
                    ticks.append(shown.tick())
        except (error, IndexError, UnicodeDecodeError, ValueError):
            unknown += count - read  # where the next record begins is not known any more
        return Frame(number, ticks, malformed=unknown)

    def _record(self, message: bytes, offset: int) -> tuple[int, _Shown | None]:
        """Read one record; return where the next begins, and the topic it leaves (``None``: one nobody showed)."""
        kind = message[offset]
        if kind == _UPDATE:
            topic_id, count = _UPDATED.unpack_from(message, offset)
            offset += _UPDATED.size
            values = _integers(count).unpack_from(message, offset)
            shown = self._shown.get(topic_id)
            if shown is not None:
                shown.merge(values[:_FIELDS])
            return offset + 4 * count, shown
        if kind == _LITE:
            topic_id, price = _LITE_RECORD.unpack_from(message, offset)
            shown = self._shown.get(topic_id)
            if shown is not None:
                shown.merge((price,))
            return offset + _LITE_RECORD.size, shown
        if kind == _SNAPSHOT:
            return self._snapshot(message, offset)
        raise ValueError(f"a record of kind {kind}")

    def _snapshot(self, message: bytes, offset: int) -> tuple[int, _Shown | None]:
        topic_id, name = message[offset + 1 : offset + 3], message[offset + 3]
        offset += _SNAPSHOT_HEAD + name
        topic = message[offset - name : offset].decode("ascii")
        count = message[offset]
        values = _integers(count).unpack_from(message, offset + 1)
        offset += 1 + 4 * count
        multiplier, precision = _SCALE.unpack_from(message, offset)
        offset += _SCALE.size
        for _ in range(3):  # exchange, its token, its symbol
            offset += 1 + message[offset]
        if offset > len(message):
            raise ValueError("a snapshot that ends early")
        shown = self._named(topic, multiplier, precision)
        if shown is not None:
            shown.merge(values[:_FIELDS])
        self._shown[topic_id] = shown
        return offset, shown

    @staticmethod
    def _named(topic: str, multiplier: int, precision: int) -> _Shown | None:
        """Return a topic to be filled; ``None`` for a kind we do not read, or without a scale."""
        layout, divisor = _LAYOUTS.get(topic[:2]), 10**precision * multiplier
        return None if layout is None or not divisor else _Shown(topic, layout, divisor, [0] * (_FIELDS + 1))
