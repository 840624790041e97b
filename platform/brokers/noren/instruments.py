"""Flat files of derivatives, index lists and searches, joined to our keys. Pure.

The files have no price step: it is asked of the broker per underlying for futures, and is 5 paise for all options.
Commodity lots and steps come from our own table, because no source says what a count of them means.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import msgspec

from brokers.masters import MalformedLine, Master, positive_number, whole_number
from brokers.payloads import decoded, malformed
from domain.broker import BrokerSpec, InstrumentRow
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right
from domain.symbols import MONTHS

COLUMNS = ("exchange", "token", "lotsize", "symbol", "tradingsymbol", "instrument", "expiry", "strike", "optiontype")
OPTION_TICK = Decimal("0.05")
INDEX_TICK = Decimal("0.05")
_EXCHANGES = frozenset({"NFO", "BFO", "MCX"})
_KINDS = {"FUT": Kind.FUTURE, "OPT": Kind.OPTION}
_RIGHTS = {"CE": Right.CALL, "PE": Right.PUT}
_ALIASES = {"BSXOPT": "SENSEX", "BSXFUT": "SENSEX", "BKXOPT": "BANKEX", "BKXFUT": "BANKEX"}
_INDICES = {
    "NSE": {
        "NIFTY 50": "NIFTY",
        "NIFTY BANK": "BANKNIFTY",
        "NIFTY FIN SERVICE": "FINNIFTY",
        "NIFTY MID SELECT": "MIDCPNIFTY",
        "NIFTY NEXT 50": "NIFTYNXT50",
        "INDIA VIX": "INDIAVIX",
    },
    "BSE": {"SENSEX": "SENSEX", "BANKEX": "BANKEX"},
}
"""The indices somebody trades on, by the broker's names in capitals."""
_INDEX_EXCHANGES = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_TEST_SYMBOL = "NSETEST"

Underlying = tuple[str, str]
"""Exchange and underlying."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A readable line of a file."""

    exchange: str
    token: str
    lot_size: int
    underlying: str
    symbol: str
    kind: Kind
    expiry: date
    strike: Decimal | None
    right: Right

    @property
    def key(self) -> str:
        """The contract's name on the wire."""
        return f"{self.exchange}|{self.token}"


@dataclass(slots=True)
class Lines:
    """The lines of all files, and what was left out of them."""

    listed: list[Listed] = field(default_factory=list)
    malformed: list[MalformedLine] = field(default_factory=list)


class _Index(msgspec.Struct):
    idxname: str
    token: str


class _IndexList(msgspec.Struct):
    values: list[_Index]


class _Found(msgspec.Struct):
    exch: str
    token: str
    tsym: str


class _Search(msgspec.Struct):
    values: list[_Found]


def read_lines(spec: BrokerSpec, body: bytes, *, name: str, into: Lines) -> None:
    """Read one file; a bad line is left out and named.

    Raises ``BrokerUnavailable`` when the file is no instrument master.
    """
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig")), strict=True)
        columns = _columns(next(reader, []))
        for number, cells in enumerate(reader, start=2):
            _read_line(cells, columns, number, into)
    except (csv.Error, UnicodeDecodeError, LookupError) as error:
        raise malformed(spec.slug, f"instrument master {name}", error) from error


def stepped_futures(lines: Lines) -> dict[Underlying, Listed]:
    """Return the nearest future of each underlying whose price step must be asked for."""
    nearest: dict[Underlying, Listed] = {}
    futures = (one for one in lines.listed if one.kind is Kind.FUTURE and one.exchange != "MCX")
    for one in sorted(futures, key=lambda one: one.expiry):
        nearest.setdefault((one.exchange, one.underlying), one)
    return nearest


def rows_of(lines: Lines, ticks: Mapping[Underlying, Decimal]) -> Master:
    """Return the master; futures whose price step is not known are left out and named."""
    master = Master([], list(lines.malformed))
    for one in lines.listed:
        try:
            master.rows.append(_commodity(one) if one.exchange == "MCX" else _derivative(one, ticks))
        except LookupError as error:
            master.malformed.append(MalformedLine(0, one.symbol, str(error)))
    return master


def indices_of(spec: BrokerSpec, data: bytes, exchange: str) -> list[InstrumentRow]:
    """Return those of an exchange's indices that are known here; raises ``BrokerUnavailable``."""
    values = decoded(data, _IndexList, broker=spec.slug, what="index list").values
    named = ((one, " ".join(one.idxname.upper().split())) for one in values)
    return [_index(one, name, exchange) for one, name in named if name in _INDICES[exchange]]


def found_token(spec: BrokerSpec, data: bytes, symbol: str) -> str:
    """Return the token a search shows for exactly this symbol, "" for none; raises ``BrokerUnavailable``."""
    values = decoded(data, _Search, broker=spec.slug, what="search").values
    return next((one.token for one in values if one.tsym == symbol), "")


def equity_row(name: str, *, symbol: str, token: str, tick_size: Decimal) -> InstrumentRow:
    """Return the row of an NSE stock."""
    return InstrumentRow(
        exchange="NSE",
        underlying=name,
        kind=Kind.EQUITY.value,
        expiry=None,
        strike=None,
        right="",
        symbol=symbol,
        token=f"NSE|{token}",
        lot_size=1,
        tick_size=tick_size,
        freeze_quantity=None,
        multiplier=Decimal(1),
        name=name,
    )


def _read_line(cells: Sequence[str], columns: Sequence[int], number: int, into: Lines) -> None:
    if not any(cell.strip() for cell in cells):
        return  # files end in empty rows
    try:
        listed = _listed(dict(zip(COLUMNS, _picked(cells, columns), strict=True)))
    except (ValueError, LookupError) as error:
        into.malformed.append(MalformedLine(number, " ".join(cells)[:60], str(error)))
        return
    if listed is not None:
        into.listed.append(listed)


def _picked(cells: Sequence[str], columns: Sequence[int]) -> Iterator[str]:
    if len(cells) <= max(columns):
        raise ValueError(f"{len(cells)} cells are too few")
    return (cells[column].strip() for column in columns)


def _listed(line: Mapping[str, str]) -> Listed | None:
    """Return the derivative of a line; ``None`` for what nobody trades here."""
    kind = _KINDS.get(line["instrument"][:3])
    if line["exchange"] not in _EXCHANGES or kind is None or _TEST_SYMBOL in line["tradingsymbol"]:
        return None
    if not line["token"].isdigit() or not line["tradingsymbol"] or not line["symbol"]:
        raise ValueError("no token, trading symbol or symbol")
    return Listed(
        exchange=line["exchange"],
        token=line["token"],
        lot_size=whole_number(line["lotsize"], "lotsize"),
        underlying=_ALIASES.get(line["symbol"].upper(), line["symbol"].upper()),
        symbol=line["tradingsymbol"],
        kind=kind,
        expiry=_day(line["expiry"]),
        strike=positive_number(line["strike"], "strike") if kind is Kind.OPTION else None,
        right=_RIGHTS[line["optiontype"]] if kind is Kind.OPTION else Right.NONE,
    )


def _derivative(one: Listed, ticks: Mapping[Underlying, Decimal]) -> InstrumentRow:
    is_option = one.kind is Kind.OPTION
    if not is_option and (one.exchange, one.underlying) not in ticks:
        raise LookupError(f"the price step of {one.underlying} futures is not known")
    tick_size = OPTION_TICK if is_option else ticks[one.exchange, one.underlying]
    return _built(one, lot_size=one.lot_size, tick_size=tick_size, multiplier=Decimal(1))


def _commodity(one: Listed) -> InstrumentRow:
    contract = commodity_contract(one.underlying, expiry=one.expiry)
    return _built(one, lot_size=contract.lot_size, tick_size=contract.tick_size, multiplier=contract.multiplier)


def _built(one: Listed, *, lot_size: int, tick_size: Decimal, multiplier: Decimal) -> InstrumentRow:
    return InstrumentRow(
        exchange=one.exchange,
        underlying=one.underlying,
        kind=one.kind.value,
        expiry=one.expiry,
        strike=one.strike,
        right=one.right.value,
        symbol=one.symbol,
        token=one.key,
        lot_size=lot_size,
        tick_size=tick_size,
        freeze_quantity=None,
        multiplier=multiplier,
        name=one.underlying,
    )


def _index(one: _Index, name: str, exchange: str) -> InstrumentRow:
    return InstrumentRow(
        exchange=_INDEX_EXCHANGES[exchange].value,
        underlying=_INDICES[exchange][name],
        kind=Kind.INDEX.value,
        expiry=None,
        strike=None,
        right="",
        symbol=one.idxname,
        token=f"{exchange}|{one.token}",
        lot_size=1,
        tick_size=INDEX_TICK,
        freeze_quantity=None,
        multiplier=Decimal(1),
        name=name,
    )


def _columns(header: Sequence[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise LookupError(f"columns are missing: {', '.join(missing)}")
    return [names.index(name) for name in COLUMNS]


def _day(text: str) -> date:
    day, month, year = [*text.upper().split("-"), "", "", ""][:3]
    try:
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        raise ValueError(f"expiry {text!r} is not like 29-DEC-2026") from None
