"""Rules every broker's instrument master is held to. Pure."""

import zlib
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from brokers.payloads import malformed
from domain.broker import InstrumentRow

_GZIP_MAGIC = b"\x1f\x8b"

KeyOf = Callable[[InstrumentRow], Hashable]


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """A line that was left out, and why; ``line`` 0 where the line is not known any more."""

    line: int
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Master:
    """The rows of a master file, and what was left out of it as malformed."""

    rows: list[InstrumentRow]
    malformed: list[MalformedLine] = field(default_factory=list)


def unzipped(body: bytes, *, limit: int, broker: str) -> bytes:
    """Return the body, decompressed where it is gzip.

    Raises ``BrokerUnavailable`` when it is broken or longer than ``limit`` bytes.
    """
    if not body.startswith(_GZIP_MAGIC):
        return body
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, limit)
    except zlib.error as error:
        raise malformed(broker, "instrument master", f"the gzip is broken: {error}") from error
    if not stream.eof:
        raise malformed(broker, "instrument master", "the gzip is cut short or too long")
    return plain


def positive_number(text: str, name: str) -> Decimal:
    """Return a number above zero, without trailing zeros; raises ``ValueError`` that names the field."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name} {text!r} is not a number") from None
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{name} {text!r} is not positive")
    return value.normalize() if value != value.to_integral_value() else value.to_integral_value()


def whole_number(text: str, name: str) -> int:
    """Return a whole number above zero; raises ``ValueError`` that names the field."""
    value = positive_number(text, name)
    if value != value.to_integral_value():
        raise ValueError(f"{name} {text!r} is not whole")
    return int(value)


def unambiguous(master: Master) -> Master:
    """Return the master without rows that share a token, a symbol or a contract: nobody can say which one is meant."""
    for name, key_of in _KEYS.items():
        master = _without_shared(master, name, key_of)
    return master


def _without_shared(master: Master, name: str, key_of: KeyOf) -> Master:
    counts = Counter(map(key_of, master.rows))
    if len(counts) == len(master.rows):
        return master
    shared = [row for row in master.rows if counts[key_of(row)] > 1]
    reasons = [MalformedLine(0, row.symbol, f"its {name} is another row's too (token {row.token})") for row in shared]
    return Master([row for row in master.rows if counts[key_of(row)] == 1], [*master.malformed, *reasons])


_KEYS: dict[str, KeyOf] = {
    "token": lambda row: (row.exchange, row.token),
    "symbol": lambda row: (row.exchange, row.symbol),
    "contract": lambda row: (row.exchange, row.underlying, row.kind, row.expiry, row.strike, row.right),
}
