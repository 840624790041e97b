"""The Compact master: a ZIP of one CSV or one per exchange, joined to our keys. Pure.

Commodity lots and price steps come from our own table, because no source says what a count of them means; their
underlying is the letters their symbol begins with, because what stands as their company is not it.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.masters import MalformedLine, Master, positive_number, unambiguous, whole_number
from brokers.mastertrust.answers import BROKER
from brokers.payloads import malformed
from domain.broker import InstrumentRow
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right
from domain.symbols import MONTHS

COLUMNS = (
    "exchange",
    "exchange_token",
    "trading_symbol",
    "company_name",
    "instrument_name",
    "expiry",
    "strike",
    "option_type",
    "lot_size",
    "tick_size",
    "segment",
)
INDEX_SEGMENT = "IDX"

_WHAT = "instrument master"
_KINDS = {
    "NFO": {"FUTIDX": Kind.FUTURE, "FUTSTK": Kind.FUTURE, "OPTIDX": Kind.OPTION, "OPTSTK": Kind.OPTION},
    "BFO": {"IF": Kind.FUTURE, "SF": Kind.FUTURE, "IO": Kind.OPTION, "SO": Kind.OPTION},
    "MCX": {"FUTCOM": Kind.FUTURE, "OPTFUT": Kind.OPTION},
}
"""What an exchange's instruments are; a name that is not here is nothing anybody trades on."""

_RIGHTS = {"CE": Right.CALL, "PE": Right.PUT}
_INDEX_EXCHANGES = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_INDEX_NAMES = {
    "NIFTY 50": "NIFTY",
    "NIFTY BANK": "BANKNIFTY",
    "NIFTY FIN SERVICE": "FINNIFTY",
    "NIFTY MID SELECT": "MIDCPNIFTY",
    "NIFTY NEXT 50": "NIFTYNXT50",
    "INDIA VIX": "INDIAVIX",
}
_INDEX_TICK = Decimal("0.05")
_TEST_SYMBOL = "NSETEST"
_COMMODITY = re.compile(r"[A-Z]+")

Line = Mapping[str, str]


def parse_master(body: bytes, *, limit: int, equities: frozenset[str] = frozenset()) -> Master:
    """Return indices, the derivatives of NFO, BFO and MCX, and the named NSE stocks.

    Raises ``BrokerUnavailable`` when the file is no instrument master or longer than ``limit`` bytes unpacked; a bad
    line is left out and named.
    """
    master = Master([])
    for name, text in unpacked(body, limit=limit):
        _read(text, name, equities, master)
    if not master.rows and not master.malformed:
        raise malformed(BROKER, _WHAT, "it holds no instruments")
    return unambiguous(master)


def unpacked(body: bytes, *, limit: int) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each CSV; raises ``BrokerUnavailable``."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = [one for one in archive.infolist() if one.filename.lower().endswith(".csv")]
            if not files or sum(one.file_size for one in files) > limit:
                raise malformed(BROKER, _WHAT, f"{len(files)} CSV files, or too long")
            for one in files:
                yield one.filename, archive.read(one).decode("utf-8-sig")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise malformed(BROKER, _WHAT, error) from error


def token_of(exchange: str, number: str) -> str:
    """Return a contract's token as we keep it: a number is unique on its exchange only."""
    return f"{exchange}|{number}"


def _read(text: str, name: str, equities: frozenset[str], into: Master) -> None:
    lines = csv.DictReader(io.StringIO(text), strict=True)
    missing = [column for column in COLUMNS if column not in (lines.fieldnames or ())]
    if missing:
        raise malformed(BROKER, _WHAT, f"{name} lacks {', '.join(missing)}")
    try:
        for number, cells in enumerate(lines, start=2):
            _read_line({column: (cells[column] or "").strip() for column in COLUMNS}, number, equities, into)
    except csv.Error as error:
        raise malformed(BROKER, _WHAT, f"{name}, line {lines.line_num}: {error}") from error


def _read_line(line: Line, number: int, equities: frozenset[str], into: Master) -> None:
    try:
        row = _row(line, equities)
    except (ValueError, LookupError, InvalidOperation) as error:
        into.malformed.append(MalformedLine(number, line["trading_symbol"], str(error) or repr(error)))
        return
    if row is not None:
        into.rows.append(row)


def _row(line: Line, equities: frozenset[str]) -> InstrumentRow | None:
    """Return the row of a line we trade or watch; ``None`` for the rest."""
    exchange, symbol = line["exchange"], line["trading_symbol"]
    if line["segment"] == INDEX_SEGMENT and exchange in _INDEX_EXCHANGES:
        return _index(line)
    kind = _KINDS.get(exchange, {}).get(line["instrument_name"])
    if kind is not None:
        return None if _TEST_SYMBOL in symbol else _derivative(line, kind)
    name = symbol.removesuffix("-EQ")
    if (exchange, line["instrument_name"]) == ("NSE", "EQ") and name != symbol and name in equities:
        return _equity(line, name)
    return None


def _index(line: Line) -> InstrumentRow:
    shown = " ".join(line["trading_symbol"].upper().split())
    underlying = _INDEX_NAMES.get(shown, shown.replace(" ", ""))
    exchange = _INDEX_EXCHANGES[line["exchange"]]
    return _built(line, exchange=exchange, underlying=underlying, kind=Kind.INDEX, lot_size=1, tick_size=_INDEX_TICK)


def _equity(line: Line, name: str) -> InstrumentRow:
    tick_size, lot_size = positive_number(line["tick_size"], "tick_size"), whole_number(line["lot_size"], "lot_size")
    kind = Kind.EQUITY
    return _built(line, exchange="NSE", underlying=name, kind=kind, lot_size=lot_size, tick_size=tick_size)


def _derivative(line: Line, kind: Kind) -> InstrumentRow:
    is_option, expiry = kind is Kind.OPTION, _day(line["expiry"])
    lot_size, tick_size = whole_number(line["lot_size"], "lot_size"), positive_number(line["tick_size"], "tick_size")
    underlying, multiplier = line["company_name"].upper(), Decimal(1)
    if line["exchange"] == "MCX":
        underlying = _commodity_name(line["trading_symbol"])
        contract = commodity_contract(underlying, expiry=expiry)
        lot_size, tick_size, multiplier = contract.lot_size, contract.tick_size, contract.multiplier
    return _built(
        line,
        exchange=line["exchange"],
        underlying=underlying,
        kind=kind,
        lot_size=lot_size,
        tick_size=tick_size,
        multiplier=multiplier,
        expiry=expiry,
        strike=positive_number(line["strike"], "strike") if is_option else None,
        right=_RIGHTS[line["option_type"]] if is_option else Right.NONE,
    )


def _built(
    line: Line,
    *,
    exchange: str,
    underlying: str,
    kind: Kind,
    lot_size: int,
    tick_size: Decimal,
    multiplier: Decimal = Decimal(1),
    expiry: date | None = None,
    strike: Decimal | None = None,
    right: Right = Right.NONE,
) -> InstrumentRow:
    if not line["exchange_token"].isdigit() or not line["trading_symbol"] or not underlying:
        raise ValueError("no exchange_token, trading_symbol or underlying")
    return InstrumentRow(
        exchange=str(exchange),
        underlying=underlying,
        kind=kind.value,
        expiry=expiry,
        strike=strike,
        right=right.value,
        symbol=line["trading_symbol"],
        token=token_of(line["exchange"], line["exchange_token"]),
        lot_size=lot_size,
        tick_size=tick_size,
        freeze_quantity=None,
        multiplier=multiplier,
        name=line["company_name"],
    )


def _commodity_name(symbol: str) -> str:
    found = _COMMODITY.match(symbol)
    return found[0] if found else ""


def _day(text: str) -> date:
    day, month, year = [*text.upper().split("-"), "", "", ""][:3]
    try:
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        raise ValueError(f"expiry {text!r} is not like 29-Dec-2026") from None
