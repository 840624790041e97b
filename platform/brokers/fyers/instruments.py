"""Fyers' symbol masters: one JSON file per exchange and segment. https://myapi.fyers.in/docsv3 (Symbol Master Json)

A file is an object of rows by symbol. Numbers come as numbers or as text, "" and -1 mean none. A commodity's lot is 1
(orders count lots), so the contract's size comes from our own table; an index has lot 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

import msgspec

from brokers.fyers.answers import BROKER
from brokers.fyers.topics import is_index, topic_of
from brokers.fyers.words import VENUES
from brokers.masters import MalformedLine, Master
from brokers.payloads import decoded, malformed
from domain.broker import InstrumentRow
from domain.clock import IST
from domain.contracts import commodity_contract
from domain.instruments import Exchange, Kind, Right

_RIGHTS = {"CE": Right.CALL, "PE": Right.PUT}
_FUTURE = frozenset({"XX", ""})
_INDEX_EXCHANGES = {"NSE": Exchange.NSE_INDEX, "BSE": Exchange.BSE_INDEX}
_EQUITY = 0
_ACTIVE = 1
_INDEX_TICK = Decimal("0.05")

Text = str | int | float


class _Row(msgspec.Struct, rename="camel"):
    fy_token: Text
    sym_ticker: str
    segment: Text
    ex_inst_type: Text
    min_lot_size: Text
    tick_size: Text
    under_sym: str
    ex_symbol: str = ""
    opt_type: str | None = None
    expiry_date: Text | None = None
    strike_price: Text | None = None
    qty_freeze: Text | None = None
    trade_status: Text | None = None
    sym_details: str | None = None


@dataclass(frozen=True, slots=True)
class _Size:
    """Units per lot, the rupees one unit gains when the price rises by 1, and the largest order in units."""

    lot_size: int
    multiplier: Decimal = Decimal(1)
    freeze_quantity: int | None = None


_ROWS = msgspec.json.Decoder(_Row)


def parse_file(body: bytes, *, name: str, equities: frozenset[str], into: Master) -> None:
    """Add a file's indices, derivatives and the named equities to a master; a bad row is left out and named.

    Raises ``BrokerUnavailable`` when the file is no symbol master.
    """
    what = f"symbol master {name}"
    try:
        body.decode()  # rows are decoded one by one, and one that is no text must not pass for a single bad row
    except UnicodeDecodeError as error:
        raise malformed(BROKER, what, error) from error
    rows = decoded(body, dict[str, msgspec.Raw], broker=BROKER, what=what)
    bad: list[MalformedLine] = []
    for number, (symbol, raw) in enumerate(rows.items(), start=1):
        try:
            into.rows.extend(_read(_ROWS.decode(raw), equities))
        except (msgspec.MsgspecError, ValueError, LookupError, InvalidOperation) as error:
            bad.append(MalformedLine(number, symbol, str(error) or repr(error)))
    if len(bad) == len(rows):
        raise malformed(BROKER, what, "it holds no symbols")
    into.malformed.extend(bad)


def _read(row: _Row, equities: frozenset[str]) -> Iterable[InstrumentRow]:
    """Return the row of what we trade or watch, nothing for the rest."""
    prefix = row.sym_ticker.partition(":")[0]
    exchange = VENUES.get((prefix, _whole(row.segment, "segment")))
    if row.trade_status is not None and _whole(row.trade_status, "tradeStatus") != _ACTIVE:
        return ()
    if is_index(row.sym_ticker):
        return (_index(row, prefix),) if prefix in _INDEX_EXCHANGES else ()
    if exchange in ("NFO", "BFO", "MCX"):
        return (_derivative(row, exchange),)
    if exchange in ("NSE", "BSE") and row.ex_symbol in equities and _whole(row.ex_inst_type, "exInstType") == _EQUITY:
        return (_equity(row, exchange),)
    return ()


def _index(row: _Row, prefix: str) -> InstrumentRow:
    underlying = row.under_sym.replace(" ", "").upper()
    exchange = _INDEX_EXCHANGES[prefix]
    return _built(row, exchange=exchange, underlying=underlying, kind=Kind.INDEX, size=_Size(1), tick=_INDEX_TICK)


def _equity(row: _Row, exchange: str) -> InstrumentRow:
    size = _Size(_lot(row))
    return _built(row, exchange=exchange, underlying=row.ex_symbol, kind=Kind.EQUITY, size=size, tick=_tick(row))


def _derivative(row: _Row, exchange: str) -> InstrumentRow:
    if not row.under_sym:
        raise ValueError("no underSym")
    right_text = row.opt_type or ""
    right = _RIGHTS.get(right_text, Right.NONE)
    if right is Right.NONE and right_text not in _FUTURE:
        raise ValueError(f"optType {right_text!r} is not known")
    underlying, expiry = row.under_sym.upper(), _day(row.expiry_date)
    return _built(
        row,
        exchange=exchange,
        underlying=underlying,
        kind=Kind.FUTURE if right is Right.NONE else Kind.OPTION,
        size=_commodity(underlying, expiry) if exchange == "MCX" else _Size(_lot(row), freeze_quantity=_freeze(row)),
        tick=_tick(row),
        right=right,
        expiry=expiry,
        strike=None if right is Right.NONE else _positive(row.strike_price, "strikePrice"),
    )


def _commodity(underlying: str, expiry: date) -> _Size:
    contract = commodity_contract(underlying, expiry=expiry)
    return _Size(contract.lot_size, contract.multiplier)


def _built(
    row: _Row,
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
        symbol=row.sym_ticker,
        token=topic_of(row.sym_ticker, str(row.fy_token)),
        lot_size=size.lot_size,
        tick_size=tick,
        freeze_quantity=size.freeze_quantity,
        multiplier=size.multiplier,
        name=row.sym_details or row.sym_ticker,
    )


def _lot(row: _Row) -> int:
    return _whole(_positive(row.min_lot_size, "minLotSize"), "minLotSize")


def _tick(row: _Row) -> Decimal:
    return _positive(row.tick_size, "tickSize")


def _freeze(row: _Row) -> int | None:
    """An empty one, and 0, mean that there is no limit to show."""
    return _whole(row.qty_freeze, "qtyFreeze") or None if row.qty_freeze else None


def _day(stamp: Text | None) -> date:
    """An expiry is the epoch second of its last trade, so its day is India's."""
    seconds = _whole(_positive(stamp, "expiryDate"), "expiryDate")
    try:
        return datetime.fromtimestamp(seconds, tz=IST).date()
    except (OverflowError, OSError):
        raise ValueError(f"expiryDate {stamp!r} is not a time") from None


def _positive(value: Text | Decimal | None, name: str) -> Decimal:
    number = _number(value, name)
    if number <= 0:
        raise ValueError(f"{name} {value!r} is not positive")
    return number.normalize() if number != number.to_integral_value() else number.to_integral_value()


def _whole(value: Text | Decimal | None, name: str) -> int:
    number = _number(value, name)
    if number != number.to_integral_value():
        raise ValueError(f"{name} {value!r} is not whole")
    return int(number)


def _number(value: Text | Decimal | None, name: str) -> Decimal:
    """A float's shortest form is the number that was written."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name} {value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{name} {value!r} is not a number")
    return number
