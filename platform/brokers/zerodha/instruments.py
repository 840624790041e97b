"""Kite's instrument master: the CSV of ``GET /instruments``. https://kite.trade/docs/connect/v3/market-quotes/

``lot_size`` is always 1 on MCX, so the contract size comes from our own table. Kite shows no freeze quantity.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.masters import MalformedLine, Master, positive_number, unambiguous, whole_number
from domain.broker import BrokerUnavailable, InstrumentRow
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right

COLUMNS = (
    "instrument_token",
    "tradingsymbol",
    "name",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
_DERIVATIVES = {
    "FUT": (Kind.FUTURE, Right.NONE),
    "CE": (Kind.OPTION, Right.CALL),
    "PE": (Kind.OPTION, Right.PUT),
}
_DERIVATIVE_EXCHANGES = frozenset({"NFO", "BFO", "MCX"})
_INDEX_EXCHANGES = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_INDEX_NAMES = {
    "NIFTY 50": "NIFTY",
    "NIFTY BANK": "BANKNIFTY",
    "NIFTY FIN SERVICE": "FINNIFTY",
    "NIFTY MID SELECT": "MIDCPNIFTY",
    "NIFTY NEXT 50": "NIFTYNXT50",
    "INDIA VIX": "INDIAVIX",
}
_TEST_SYMBOL = "NSETEST"
_INDEX_TICK = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class _Size:
    """Units per lot, and the rupees one unit gains when the quoted price rises by 1."""

    lot_size: int
    multiplier: Decimal = Decimal(1)


def parse_master(body: bytes, *, equities: frozenset[str] = frozenset()) -> Master:
    """Return indices, the derivatives of NFO, BFO and MCX, and the named equities.

    Raises ``BrokerUnavailable`` when the file is no instrument master; a bad line is left out and named.
    """
    lines = csv.reader(io.StringIO(_text(body)), strict=True)
    try:
        columns = _columns(next(lines, []))
        return _parsed(lines, columns, equities)
    except csv.Error as error:
        raise _unusable(f"line {lines.line_num}: {error}") from error


def _parsed(lines: Iterator[list[str]], columns: Sequence[int], equities: frozenset[str]) -> Master:
    master = Master([])
    for number, cells in enumerate(lines, start=2):
        try:
            row = _row(_Line.of(cells, columns), equities)
        except (ValueError, LookupError, InvalidOperation) as error:
            master.malformed.append(MalformedLine(number, _symbol(cells, columns), str(error) or repr(error)))
            continue
        if row is not None:
            master.rows.append(row)
    if not master.rows and not master.malformed:
        raise _unusable("it holds no instruments")
    return unambiguous(master)


@dataclass(frozen=True, slots=True)
class _Line:
    token: str
    symbol: str
    name: str
    expiry: str
    strike: str
    tick_size: str
    lot_size: str
    kind: str
    segment: str
    exchange: str

    @classmethod
    def of(cls, cells: Sequence[str], columns: Sequence[int]) -> "_Line":
        try:
            line = cls(*(cells[column].strip() for column in columns))
        except IndexError:
            raise ValueError(f"{len(cells)} cells are too few") from None
        if not line.token.isdigit() or not line.symbol:
            raise ValueError("no instrument_token or tradingsymbol")
        return line


def _row(line: _Line, equities: frozenset[str]) -> InstrumentRow | None:
    """Return the row of a line we trade or watch; ``None`` for the rest."""
    if line.segment == "INDICES" and line.exchange in _INDEX_EXCHANGES:
        return _index(line)
    if line.exchange in _DERIVATIVE_EXCHANGES and line.kind in _DERIVATIVES:
        return None if _TEST_SYMBOL in line.symbol else _derivative(line)
    if line.kind == "EQ" and line.segment == line.exchange and line.symbol in equities:
        return _equity(line)
    return None


def _index(line: _Line) -> InstrumentRow:
    underlying = _INDEX_NAMES.get(line.symbol, line.symbol.replace(" ", "").upper())
    exchange = _INDEX_EXCHANGES[line.exchange]
    tick = _INDEX_TICK
    return _built(line, exchange=exchange, underlying=underlying, kind=Kind.INDEX, size=_Size(1), tick=tick)


def _equity(line: _Line) -> InstrumentRow:
    size = _Size(whole_number(line.lot_size, "lot_size"))
    tick = positive_number(line.tick_size, "tick_size")
    return _built(line, exchange=line.exchange, underlying=line.symbol, kind=Kind.EQUITY, size=size, tick=tick)


def _derivative(line: _Line) -> InstrumentRow:
    if not line.name:
        raise ValueError("no name, so no underlying")
    kind, right = _DERIVATIVES[line.kind]
    expiry = _day(line.expiry)
    return _built(
        line,
        exchange=line.exchange,
        underlying=line.name.upper(),
        kind=kind,
        size=_size(line, expiry),
        tick=positive_number(line.tick_size, "tick_size"),
        right=right,
        expiry=expiry,
        strike=positive_number(line.strike, "strike") if kind is Kind.OPTION else None,
    )


def _size(line: _Line, expiry: date) -> _Size:
    if line.exchange != "MCX":
        return _Size(whole_number(line.lot_size, "lot_size"))
    contract = commodity_contract(line.name.upper(), expiry=expiry)
    return _Size(contract.lot_size, contract.multiplier)


def _built(
    line: _Line,
    *,
    exchange: str,
    underlying: str,
    kind: Kind,
    size: _Size,
    tick: Decimal,
    right: Right = Right.NONE,
    expiry: date | None = None,
    strike: Decimal | None = None,
) -> InstrumentRow:
    return InstrumentRow(
        exchange=str(exchange),
        underlying=underlying,
        kind=kind.value,
        expiry=expiry,
        strike=strike,
        right=right.value,
        symbol=line.symbol,
        token=line.token,
        lot_size=size.lot_size,
        tick_size=tick,
        freeze_quantity=None,
        multiplier=size.multiplier,
        name=line.name,
    )


def _columns(header: Iterable[str]) -> list[int]:
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise _unusable(f"columns are missing: {', '.join(missing)}")
    return [names.index(name) for name in COLUMNS]


def _symbol(cells: Sequence[str], columns: Sequence[int]) -> str:
    column = columns[COLUMNS.index("tradingsymbol")]
    return cells[column] if column < len(cells) else ""


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unusable(f"it is not UTF-8: {error}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expiry {text!r} is not a day") from None


def _unusable(detail: str) -> BrokerUnavailable:
    return BrokerUnavailable("MALFORMED", f"zerodha instrument master: {detail}")
