"""Kotak's scrip masters, a CSV per segment, joined to our keys. Pure.

Prices are paise, times seconds since 1970 or, in the files of the NSE's derivatives, since the beginning of 1980 in
India. Commodity lots and steps come from our own table, because no source says what a count of them means.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from brokers.kotak.names import EXCHANGES, INDICES, SEGMENTS
from brokers.kotak.spec import SPEC
from brokers.masters import MalformedLine, Master, positive_number, unambiguous, whole_number
from brokers.payloads import decoded, malformed
from domain.broker import InstrumentRow
from domain.clock import IST
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right

WHAT = "instrument master"
PATHS = "/script-details/1.0/masterscrip/file-paths"
COLUMNS = (
    "pSymbol",
    "pGroup",
    "pExchSeg",
    "pInstType",
    "pSymbolName",
    "pTrdSymbol",
    "pOptionType",
    "pISIN",
    "dTickSize",
    "lLotSize",
    "lExpiryDate",
    "dStrikePrice",
)
_FILE = re.compile(r"/([a-z]{3}_[a-z]{2,3})(-v\d+)?\.csv$")
_BEGINNINGS = {"nse_fo": 315_513_000}
"""Seconds from 1970 to what a segment counts from."""

_INDEX_EXCHANGES = {"nse_cm": Exchange.NSE_INDEX, "bse_cm": Exchange.BSE_INDEX}
_INDEX_TICK = Decimal("0.05")
_RIGHTS = {"CE": Right.CALL, "PE": Right.PUT}
_NO_OPTION = "XX"
_EQUITY_GROUP = "EQ"
_TEST_SYMBOL = "NSETEST"
_ALIASES = {
    **dict.fromkeys(("BSX", "BSXOPT", "BSXFUT"), "SENSEX"),
    **dict.fromkeys(("BKX", "BKXOPT", "BKXFUT"), "BANKEX"),
}
"""The BSE's own names of its indices, should its file have them."""

_PAISE = Decimal(100)


class _Paths(msgspec.Struct):
    paths: list[str] = msgspec.field(name="filesPaths")


class _Listing(msgspec.Struct):
    data: _Paths


@dataclass(frozen=True, slots=True)
class _Line:
    token: str
    group: str
    segment: str
    kind: str
    name: str
    symbol: str
    right: str
    isin: str
    tick_size: str
    lot_size: str
    expiry: str
    strike: str


@dataclass(frozen=True, slots=True)
class _Terms:
    """Units per lot, the price step in rupees, and the rupees one unit gains when the price rises by 1."""

    lot_size: int
    tick_size: Decimal
    multiplier: Decimal = Decimal(1)


@dataclass(slots=True)
class Lines:
    """What the files hold: the rows we trade or watch, what was left out, and every token by exchange and symbol."""

    master: Master = field(default_factory=lambda: Master([]))
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)


def files_of(data: bytes) -> dict[str, str]:
    """Return the address of each segment's file; raises ``BrokerUnavailable`` where one we need is missing."""
    listed = decoded(data, _Listing, broker=SPEC.slug, what=WHAT).data.paths
    named = ((_FILE.search(url), url) for url in listed)
    files = {match[1]: url for match, url in named if match is not None}
    missing = sorted(SEGMENTS.values() - files.keys())
    if missing:
        raise malformed(SPEC.slug, WHAT, f"no file of {', '.join(missing)} is listed")
    return {segment: files[segment] for segment in SEGMENTS.values()}


def read_file(body: bytes, *, segment: str, equities: frozenset[str], into: Lines) -> None:
    """Read one segment's file; a bad line is left out and named.

    Raises ``BrokerUnavailable`` when it is no scrip master.
    """
    tokens = into.tokens[EXCHANGES[segment]] = {}
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        columns = _columns(next(reader, []))
        for number, cells in enumerate(reader, start=2):
            _read_line(cells, columns, number, equities, tokens, into.master)
    except (csv.Error, UnicodeDecodeError, LookupError) as error:
        raise malformed(SPEC.slug, f"{WHAT} {segment}", error) from error


def whole(lines: Lines) -> Master:
    """Return the master of all files; raises ``BrokerUnavailable`` where they hold nothing."""
    if not lines.master.rows and not lines.master.malformed:
        raise malformed(SPEC.slug, WHAT, "it holds no contracts")
    return unambiguous(lines.master)


def _read_line(
    cells: Sequence[str],
    columns: Sequence[int],
    number: int,
    equities: frozenset[str],
    tokens: dict[str, str],
    master: Master,
) -> None:
    if not any(cells):
        return
    try:
        line = _Line(*_picked(cells, columns))
        row = _row(line, equities)
    except (ValueError, LookupError, OverflowError, OSError) as error:
        master.malformed.append(MalformedLine(number, " ".join(cells)[:60], str(error)))
        return
    tokens[line.symbol] = line.token
    if row is not None:
        master.rows.append(row)


def _picked(cells: Sequence[str], columns: Sequence[int]) -> Iterator[str]:
    if len(cells) <= max(columns):
        raise ValueError(f"{len(cells)} cells are too few")
    return (cells[column].strip() for column in columns)


def _row(line: _Line, equities: frozenset[str]) -> InstrumentRow | None:
    """Return the row of a line we trade or watch; ``None`` for the rest."""
    if not line.token.isdigit() or not line.symbol:
        raise ValueError("no pSymbol or pTrdSymbol")
    exchange = EXCHANGES.get(line.segment)
    if exchange in ("NFO", "BFO", "MCX") and line.right and _TEST_SYMBOL not in line.symbol:
        return _derivative(line, exchange)
    if exchange == "NSE" and line.group == _EQUITY_GROUP and line.name in equities:
        return _equity(line)
    if line.segment in _INDEX_EXCHANGES and not line.group and not line.isin and line.symbol in INDICES:
        return _index(line)
    return None


def _derivative(line: _Line, exchange: str) -> InstrumentRow:
    is_option = line.right in _RIGHTS
    if not is_option and (line.right != _NO_OPTION or line.kind.startswith("OPT")):
        raise ValueError(f"pOptionType {line.right!r} of {line.kind!r} is not known")
    if not line.name:
        raise ValueError("no pSymbolName, so no underlying")
    expiry = _expiry(line)
    return _built(
        line,
        exchange=exchange,
        underlying=_ALIASES.get(line.name.upper(), line.name.upper()),
        kind=Kind.OPTION if is_option else Kind.FUTURE,
        terms=_commodity(line, expiry) if exchange == "MCX" else _terms(line),
        expiry=expiry,
        strike=_paise(line.strike, "dStrikePrice") if is_option else None,
        right=_RIGHTS.get(line.right, Right.NONE),
    )


def _equity(line: _Line) -> InstrumentRow:
    return _built(line, exchange="NSE", underlying=line.name, kind=Kind.EQUITY, terms=_terms(line))


def _index(line: _Line) -> InstrumentRow:
    """Prices of an index go by its name, not by the number the master shows."""
    exchange, name = _INDEX_EXCHANGES[line.segment].value, INDICES[line.symbol]
    row = _built(line, exchange=exchange, underlying=line.symbol, kind=Kind.INDEX, terms=_Terms(1, _INDEX_TICK))
    return replace(row, symbol=name, token=f"{line.segment}|{name}")


def _terms(line: _Line) -> _Terms:
    return _Terms(whole_number(line.lot_size, "lLotSize"), _paise(line.tick_size, "dTickSize"))


def _commodity(line: _Line, expiry: date) -> _Terms:
    contract = commodity_contract(line.name.upper(), expiry=expiry)
    return _Terms(contract.lot_size, contract.tick_size, contract.multiplier)


def _built(
    line: _Line,
    *,
    exchange: str,
    underlying: str,
    kind: Kind,
    terms: _Terms,
    expiry: date | None = None,
    strike: Decimal | None = None,
    right: Right = Right.NONE,
) -> InstrumentRow:
    return InstrumentRow(
        exchange=exchange,
        underlying=underlying,
        kind=kind.value,
        expiry=expiry,
        strike=strike,
        right=right.value,
        symbol=line.symbol,
        token=f"{line.segment}|{line.token}",
        lot_size=terms.lot_size,
        tick_size=terms.tick_size,
        freeze_quantity=None,
        multiplier=terms.multiplier,
        name=line.name,
    )


def _columns(header: Sequence[str]) -> list[int]:
    """Find the columns by their names, some of which are written with blanks and one with a semicolon."""
    names = [name.strip(" ;") for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise LookupError(f"columns are missing: {', '.join(missing)}")
    return [names.index(name) for name in COLUMNS]


def _expiry(line: _Line) -> date:
    seconds = whole_number(line.expiry, "lExpiryDate") + _BEGINNINGS.get(line.segment, 0)
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone(IST).date()


def _paise(text: str, name: str) -> Decimal:
    value = positive_number(text, name) / _PAISE
    return value.normalize() if value != value.to_integral_value() else value.to_integral_value()
