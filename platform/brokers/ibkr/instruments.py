"""The contracts of an underlying as IBKR tells them, question by question, in our rows. Pure.

There is no master: a search finds an underlying and the months of its contracts, then come the strikes of each month,
and the contracts of each strike. https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/#contract
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

import msgspec

from brokers.ibkr.answers import BROKER
from brokers.ibkr.mapping import VENUE
from brokers.masters import MalformedLine
from brokers.payloads import decoded
from domain.broker import InstrumentRow
from domain.instruments import Exchange, Kind, Right

NAMES = {"NIFTY": "NIFTY50"}
"""Underlyings that IBKR calls otherwise than we do."""

ALWAYS = ("NIFTY", "BANKNIFTY")
"""Underlyings whose contracts are listed whether a strategy stands on them or not."""

INDEX_TICK = Decimal("0.05")
_SPOTS = {"IND": Kind.INDEX, "STK": Kind.EQUITY}
_RIGHTS = {"C": Right.CALL, "P": Right.PUT}


class _Section(msgspec.Struct):
    secType: str
    months: str = ""
    exchange: str = ""


class _Found(msgspec.Struct):
    conid: str
    symbol: str | None = None
    description: str | None = None
    sections: list[_Section] = []


class _Strikes(msgspec.Struct):
    call: list[Decimal] = []
    put: list[Decimal] = []


class _Future(msgspec.Struct):
    conid: int
    expirationDate: int | str


class _Option(msgspec.Struct):
    conid: int
    right: str = ""
    strike: int | float | str | None = None
    maturityDate: str | None = None


class _RuleSet(msgspec.Struct):
    increment: Decimal
    sizeIncrement: Decimal


class _Rules(msgspec.Struct):
    rules: _RuleSet


@dataclass(frozen=True, slots=True)
class Underlying:
    """An index or a share of NSE (``kind``, ``None`` for neither), and the months its options expire in."""

    name: str
    conid: str
    kind: Kind | None
    months: tuple[str, ...]
    has_futures: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """What a contract's orders must be multiples of."""

    lot_size: int
    tick_size: Decimal


def underlying_of(body: bytes, name: str) -> Underlying | None:
    """Return what a search found of a name on NSE; ``None`` for nothing. Raises ``BrokerUnavailable``."""
    symbol = NAMES.get(name, name)
    rows = decoded(body, list[_Found], broker=BROKER, what="search")
    row = next((row for row in rows if (row.symbol, row.description) == (symbol, VENUE)), None)
    if row is None:
        return None
    sections = {section.secType: section for section in row.sections}
    options = sections.get("OPT")
    months = tuple(filter(None, options.months.split(";"))) if options is not None else ()
    kind = next((kind for security, kind in _SPOTS.items() if security in sections), None)
    return Underlying(name, row.conid, kind, months, "FUT" in sections)


def strikes_of(body: bytes) -> list[tuple[str, Decimal]]:
    """Return the (right, strike) pairs of a month; raises ``BrokerUnavailable``."""
    found = decoded(body, _Strikes, broker=BROKER, what="strikes")
    return [*(("C", strike) for strike in found.call), *(("P", strike) for strike in found.put)]


def options_of(body: bytes, underlying: Underlying) -> Iterator[InstrumentRow | MalformedLine]:
    """Yield the options of one strike, one per expiry, and what could not be read."""
    for option in decoded(body, list[_Option], broker=BROKER, what="options"):
        try:
            yield _option(option, underlying)
        except ValueError as error:
            yield MalformedLine(0, str(option.conid), str(error))


def futures_of(body: bytes, underlying: Underlying) -> Iterator[InstrumentRow | MalformedLine]:
    """Yield the futures of an underlying, and what could not be read."""
    rows = decoded(body, dict[str, list[_Future]], broker=BROKER, what="futures")
    for future in rows.get(NAMES.get(underlying.name, underlying.name), []):
        try:
            yield replace(_row(underlying, Kind.FUTURE, future.conid), expiry=_day(str(future.expirationDate)))
        except ValueError as error:
            yield MalformedLine(0, str(future.conid), str(error))


def spots_of(underlying: Underlying) -> list[InstrumentRow]:
    """Return the row of the underlying itself, where it is listed."""
    return [] if underlying.kind is None else [_row(underlying, underlying.kind, underlying.conid)]


def rules_of(body: bytes) -> Rules:
    """Return a contract's rules, which may be none that make sense; raises ``BrokerUnavailable``."""
    rules = decoded(body, _Rules, broker=BROKER, what="rules").rules
    whole = rules.sizeIncrement == rules.sizeIncrement.to_integral_value()
    return Rules(int(rules.sizeIncrement) if whole else 0, rules.increment)


def with_rules(rows: Iterable[InstrumentRow], rules: Rules) -> Iterator[InstrumentRow | MalformedLine]:
    """Yield rows with their lot and price step; a share's lot is one, whatever its orders are usually rounded to."""
    for row in rows:
        lot_size = 1 if row.kind == Kind.EQUITY else rules.lot_size
        if lot_size <= 0 or not rules.tick_size.is_finite() or rules.tick_size <= 0:
            yield MalformedLine(0, row.symbol, f"sizeIncrement {rules.lot_size}, increment {rules.tick_size}")
        else:
            yield replace(row, lot_size=lot_size, tick_size=rules.tick_size)


def sorted_out(found: Iterable[InstrumentRow | MalformedLine]) -> tuple[list[InstrumentRow], list[MalformedLine]]:
    """Return rows and what could not be read apart."""
    rows: list[InstrumentRow] = []
    malformed: list[MalformedLine] = []
    for one in found:
        if isinstance(one, MalformedLine):
            malformed.append(one)
        else:
            rows.append(one)
    return rows, malformed


def alike(rows: Iterable[InstrumentRow]) -> list[list[InstrumentRow]]:
    """Return rows in groups that have the same rules: a lot may change from one expiry to the next."""
    groups: dict[tuple[str, date | None], list[InstrumentRow]] = {}
    for row in rows:
        groups.setdefault((row.kind, row.expiry), []).append(row)
    return list(groups.values())


def _option(option: _Option, underlying: Underlying) -> InstrumentRow:
    if option.right not in _RIGHTS:
        raise ValueError(f"right {option.right!r} is neither C nor P")
    row = _row(underlying, Kind.OPTION, option.conid)
    return replace(
        row, expiry=_day(option.maturityDate or ""), strike=_strike(option.strike), right=_RIGHTS[option.right].value
    )


def _row(underlying: Underlying, kind: Kind, conid: int | str) -> InstrumentRow:
    number = str(conid)
    if not number.isdigit():
        raise ValueError(f"conid {number!r} is not a number")
    return InstrumentRow(
        exchange=_EXCHANGES[kind].value,
        underlying=underlying.name,
        kind=kind.value,
        expiry=None,
        strike=None,
        right="",
        symbol=number,
        token=number,
        lot_size=1,
        tick_size=INDEX_TICK,
        freeze_quantity=None,
        multiplier=Decimal(1),
        name=underlying.name,
    )


_EXCHANGES = {
    Kind.INDEX: Exchange.NSE_INDEX,
    Kind.EQUITY: Exchange.NSE,
    Kind.FUTURE: Exchange.NFO,
    Kind.OPTION: Exchange.NFO,
}


def _day(text: str) -> date:
    if len(text) != 8 or not text.isdigit():
        raise ValueError(f"expiry {text!r} is not like 20261229")
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _strike(written: int | float | str | None) -> Decimal:
    try:
        value = Decimal(str(written))
    except InvalidOperation:
        raise ValueError(f"strike {written!r} is no price") from None
    if not value.is_finite() or value <= 0:
        raise ValueError(f"strike {written} is no price")
    return value.normalize() if value != value.to_integral_value() else value.to_integral_value()
