"""Contract files (V2), one per exchange and one of indices, joined to our keys. Pure.

https://ant.aliceblueonline.com/productdocumentation/Contract%20Master/ does not show their headers: columns are found
by name, in any case. Commodity lots and steps come from our own table, because no source says what a count of them
means.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from brokers.aliceblue.spec import SPEC
from brokers.masters import MalformedLine, Master, positive_number, whole_number
from brokers.payloads import malformed
from domain.broker import InstrumentRow
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right

INDEX_TICK = Decimal("0.05")
_RIGHTS = {"CE": Right.CALL, "PE": Right.PUT}
_FUTURES = frozenset({"IF", "SF"})
"""What BSE calls futures on an index and on a stock; everybody else's begin with FUT."""
_ALIASES = {"BSXOPT": "SENSEX", "BSXFUT": "SENSEX", "BKXOPT": "BANKEX", "BKXFUT": "BANKEX"}
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

Line = Mapping[str, str]
Wanted = Callable[[str], bool]
"""Says of a stock's name whether it is to be listed."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file is read: the columns it must have, and what becomes of a line (``None``: nobody trades it here)."""

    columns: tuple[str, ...]
    row_of: Callable[[Line, Wanted], InstrumentRow | None]


def parse_file(body: bytes, *, exchange: str, wanted: Wanted) -> Master:
    """Return the rows of an exchange's file, ``INDICES`` among them; a bad line is left out and named.

    Raises ``BrokerUnavailable`` when the file is no contract file.
    """
    try:
        return _parsed(csv.reader(io.StringIO(body.decode("utf-8-sig")), strict=True), FORMS[exchange], wanted)
    except (csv.Error, UnicodeDecodeError, LookupError) as error:
        raise malformed(SPEC.slug, f"contract file {exchange}", error) from error


def _parsed(reader: Iterator[list[str]], form: _Form, wanted: Wanted) -> Master:
    columns, master = _columns(next(reader, []), form), Master([])
    for number, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            row = form.row_of(_line(cells, columns), wanted)
        except (ValueError, LookupError) as error:
            master.malformed.append(MalformedLine(number, " ".join(cells)[:60], str(error)))
            continue
        if row is not None:
            master.rows.append(row)
    return master


def _columns(header: Sequence[str], form: _Form) -> dict[str, int]:
    names = [" ".join(name.strip().lower().replace("_", " ").split()) for name in header]
    missing = [name for name in form.columns if name not in names]
    if missing:
        raise LookupError(f"columns are missing: {', '.join(missing)}")
    return {name: names.index(name) for name in form.columns}


def _line(cells: Sequence[str], columns: Mapping[str, int]) -> dict[str, str]:
    if len(cells) <= max(columns.values()):
        raise ValueError(f"{len(cells)} cells are too few")
    line = {name: cells[number].strip() for name, number in columns.items()}
    if not line["token"].isdigit() or not line["symbol"]:
        raise ValueError("no token or symbol")
    return line


def _derivative(line: Line, wanted: Wanted) -> InstrumentRow | None:
    kind, right = _kind(line)
    if kind is None or _TEST_SYMBOL in line["trading symbol"]:
        return None
    expiry, is_option = _day(line["expiry date"]), kind is Kind.OPTION
    underlying = _ALIASES.get(line["symbol"].upper(), line["symbol"].upper())
    lot_size, tick_size, multiplier = _terms(line, underlying, expiry)
    return InstrumentRow(
        exchange=line["exch"],
        underlying=underlying,
        kind=kind.value,
        expiry=expiry,
        strike=positive_number(line["strike price"], "strike price") if is_option else None,
        right=right.value,
        symbol=_named(line["trading symbol"]),
        token=f"{line['exch']}|{line['token']}",
        lot_size=lot_size,
        tick_size=tick_size,
        freeze_quantity=None,
        multiplier=multiplier,
        name=underlying,
    )


def _kind(line: Line) -> tuple[Kind | None, Right]:
    right = _RIGHTS.get(line["option type"].upper())
    if right is not None:
        return Kind.OPTION, right
    named = line["instrument type"].upper()
    return (Kind.FUTURE if named.startswith("FUT") or named in _FUTURES else None), Right.NONE


def _terms(line: Line, underlying: str, expiry: date) -> tuple[int, Decimal, Decimal]:
    """Return lot size, price step and multiplier."""
    if line["exch"] == Exchange.MCX:
        contract = commodity_contract(underlying, expiry=expiry)
        return contract.lot_size, contract.tick_size, contract.multiplier
    return whole_number(line["lot size"], "lot size"), positive_number(line["tick size"], "tick size"), Decimal(1)


def _equity(line: Line, wanted: Wanted) -> InstrumentRow | None:
    name, symbol = line["symbol"], _named(line["trading symbol"])
    if symbol != f"{name}-EQ" or not wanted(name):
        return None
    return InstrumentRow(
        exchange=line["exch"],
        underlying=name,
        kind=Kind.EQUITY.value,
        expiry=None,
        strike=None,
        right="",
        symbol=symbol,
        token=f"{line['exch']}|{line['token']}",
        lot_size=whole_number(line["lot size"], "lot size"),
        tick_size=positive_number(line["tick size"], "tick size"),
        freeze_quantity=None,
        multiplier=Decimal(1),
        name=name,
    )


def _index(line: Line, wanted: Wanted) -> InstrumentRow | None:
    exchange = _INDEX_EXCHANGES.get(line["exch"])
    if exchange is None:
        return None
    name = " ".join(line["symbol"].upper().split())
    return InstrumentRow(
        exchange=exchange.value,
        underlying=_INDEX_NAMES.get(name, name.replace(" ", "")),
        kind=Kind.INDEX.value,
        expiry=None,
        strike=None,
        right="",
        symbol=line["symbol"],
        token=f"{line['exch']}|{line['token']}",
        lot_size=1,
        tick_size=INDEX_TICK,
        freeze_quantity=None,
        multiplier=Decimal(1),
        name=name,
    )


_LISTED = ("exch", "symbol", "token", "trading symbol", "lot size", "tick size")
_DERIVATIVES = _Form((*_LISTED, "instrument type", "option type", "strike price", "expiry date"), _derivative)

FORMS: Mapping[str, _Form] = {
    "NFO": _DERIVATIVES,
    "BFO": _DERIVATIVES,
    "MCX": _DERIVATIVES,
    "NSE": _Form(_LISTED, _equity),
    "INDICES": _Form(("exch", "symbol", "token"), _index),
}
"""The files that are read, by what they are called."""


def _named(text: str) -> str:
    if not text:
        raise ValueError("no trading symbol")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError(f"expiry date {text!r} is not a day") from None
