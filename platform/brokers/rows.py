"""Rows of books in our words: a malformed one is refused by name, never guessed. Pure."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.lots import LotSizeOf, units_per_count
from brokers.payloads import decoded, malformed
from domain.broker import BrokerSpec
from domain.clock import IST

_Row = TypeVar("_Row")
_Mapped = TypeVar("_Mapped")
_Key = TypeVar("_Key", bound=Hashable)
_Word = TypeVar("_Word")


class MalformedRow(ValueError):
    """A row that is not what is documented; the text names the field."""


def mapped(rows: Sequence[_Row], convert: Callable[[_Row], _Mapped], *, broker: str, what: str) -> list[_Mapped]:
    """Return every row converted.

    One that is malformed, of an unknown lot size, or cannot be reckoned with is ``BrokerUnavailable``.
    """
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(convert(row))
        except (MalformedRow, LookupError, ArithmeticError) as error:
            raise malformed(broker, what, f"row {number}: {error}") from error
    return found


def listed(
    data: bytes | msgspec.Raw,
    kind: type[_Row],
    convert: Callable[[_Row], _Mapped],
    *,
    broker: str,
    what: str,
    strict: bool = True,
) -> list[_Mapped]:
    """Return every row of a JSON list converted; anything but a list of whole rows is ``BrokerUnavailable``.

    ``strict=False`` reads numbers in strings as well.
    """
    rows: Sequence[_Row] = decoded(data, list[kind], broker=broker, what=what, strict=strict)  # type: ignore[valid-type]
    return mapped(rows, convert, broker=broker, what=what)


def require(text: str, name: str) -> None:
    """Raise ``MalformedRow`` for a field that must name something and does not."""
    if not text.strip() or not text.isprintable():
        raise MalformedRow(f"{name} is empty or unprintable")


def require_price(value: Decimal, name: str) -> None:
    """Raise ``MalformedRow`` for what is no number; below zero is possible: crude oil has been there."""
    if not value.is_finite():
        raise MalformedRow(f"{name} {value} is not a price")


def word(text: _Key, words: Mapping[_Key, _Word], name: str) -> _Word:
    """Return our word for the broker's; raises ``MalformedRow`` for one that is not known."""
    if text not in words:
        raise MalformedRow(f"{name} {text!r} is not known")
    return words[text]


def units_of(spec: BrokerSpec, exchange: str, symbol: str, lot: Decimal, *counts: int, lot_size_of: LotSizeOf) -> int:
    """Return how many units a row's quantity 1 means, where rows show a lot of their own; raises ``MalformedRow``.

    Where the SPEC counts lots, a row whose own lot is more than 1 counts parts of a lot instead; counts that are no
    whole such lots contradict it, and are refused rather than guessed.
    """
    lot_size = units_per_count(spec, exchange, symbol, lot_size_of)
    if lot_size == 1 or (lot.is_finite() and lot == 1):
        return lot_size
    is_whole = lot.is_finite() and lot > 0 and lot == lot.to_integral_value()
    if not is_whole or lot_size % int(lot) or any(count % int(lot) for count in counts):
        raise MalformedRow(f"its lot {lot} fits neither lots of {lot_size} nor the quantities {counts}")
    return lot_size // int(lot)


def ist_time(text: str, name: str) -> datetime:
    """Return an ISO time as UTC; without an offset it is India's. Raises ``MalformedRow``."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedRow(f"{name} {text!r} is not a time") from None
    return (value if value.tzinfo else value.replace(tzinfo=IST)).astimezone(UTC)
