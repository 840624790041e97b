"""Upstox's instrument master: the JSON list of ``complete.json.gz``. https://upstox.com/developer/api-documentation/instruments/

A row is one contract, named by its ``instrument_key``. Price steps are paise. On MCX the contract size comes from our
own table, as everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import msgspec

from brokers.masters import MalformedLine, Master, unambiguous
from brokers.payloads import decoded, malformed
from brokers.upstox.names import SEGMENTS, checked_key
from brokers.upstox.spec import SPEC
from domain.broker import InstrumentRow
from domain.clock import IST
from domain.contracts import commodity_contract
from domain.instruments import Kind, Right

_WHAT = "instrument master"
_INDICES = frozenset({"NSE_INDEX", "BSE_INDEX"})
_DERIVATIVES = frozenset({"NSE_FO", "BSE_FO", "MCX_FO"})
_EQUITIES = "NSE_EQ"
_KINDS = {
    "FUT": (Kind.FUTURE, Right.NONE),
    "CE": (Kind.OPTION, Right.CALL),
    "PE": (Kind.OPTION, Right.PUT),
}
_TEST_SYMBOL = "NSETEST"
_INDEX_TICK = Decimal("0.05")
_PAISE = Decimal(100)


class _Row(msgspec.Struct):
    segment: str
    instrument_key: str
    trading_symbol: str
    instrument_type: str
    lot_size: Decimal | None = None
    tick_size: Decimal | None = None
    freeze_quantity: Decimal | None = None
    expiry: int | None = None
    strike_price: Decimal | None = None
    underlying_symbol: str = ""


@dataclass(frozen=True, slots=True)
class _Size:
    """Units per lot, and the rupees one unit gains when the quoted price rises by 1."""

    lot_size: int
    multiplier: Decimal = Decimal(1)


_ROWS = msgspec.json.Decoder(_Row)


def parse_master(body: bytes, *, equities: frozenset[str] = frozenset()) -> Master:
    """Return indices, the derivatives of NFO, BFO and MCX, and the named equities of NSE.

    Raises ``BrokerUnavailable`` when the file is no instrument master; a bad row is left out and named.
    """
    rows = decoded(_checked(body), list[msgspec.Raw], broker=SPEC.slug, what=_WHAT)
    malformed_rows: list[MalformedLine] = []
    master = Master(list(_listed(rows, equities, malformed_rows)), malformed_rows)
    if not master.rows and not master.malformed:
        raise malformed(SPEC.slug, _WHAT, "it holds no instruments")
    return unambiguous(master)


def _checked(body: bytes) -> bytes:
    """A file that is not text is damaged, wherever it is: rows are decoded one by one, and would hide it."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise malformed(SPEC.slug, _WHAT, f"it is not UTF-8: {error}") from error
    return body


def _listed(
    rows: Sequence[msgspec.Raw], equities: frozenset[str], malformed_rows: list[MalformedLine]
) -> Iterator[InstrumentRow]:
    for number, raw in enumerate(rows, start=1):
        symbol = ""
        try:
            row = _ROWS.decode(raw)
            symbol = row.trading_symbol
            instrument = _instrument(row, equities)
        except (ValueError, LookupError) as error:
            malformed_rows.append(MalformedLine(number, symbol, str(error) or repr(error)))
            continue
        if instrument is not None:
            yield instrument


def _instrument(row: _Row, equities: frozenset[str]) -> InstrumentRow | None:
    """Return the instrument of a row we trade or watch; ``None`` for the rest."""
    if row.segment in _INDICES:
        return _index(row)
    if row.segment in _DERIVATIVES and row.instrument_type in _KINDS:
        return None if _TEST_SYMBOL in row.trading_symbol else _derivative(row)
    if row.segment == _EQUITIES and row.instrument_type == "EQ" and row.trading_symbol in equities:
        return _equity(row)
    return None


def _index(row: _Row) -> InstrumentRow:
    underlying = row.trading_symbol.replace(" ", "").upper()
    return _built(row, underlying=underlying, kind=Kind.INDEX, size=_Size(1), tick=_INDEX_TICK)


def _equity(row: _Row) -> InstrumentRow:
    size = _Size(_whole(row.lot_size, "lot_size"))
    return _built(row, underlying=row.trading_symbol, kind=Kind.EQUITY, size=size, tick=_tick(row))


def _derivative(row: _Row) -> InstrumentRow:
    if not row.underlying_symbol:
        raise ValueError("no underlying_symbol")
    kind, right = _KINDS[row.instrument_type]
    expiry, underlying = _day(row.expiry), row.underlying_symbol.upper()
    return _built(
        row,
        underlying=underlying,
        kind=kind,
        size=_size(row, underlying, expiry),
        tick=_tick(row),
        right=right,
        expiry=expiry,
        strike=_positive(row.strike_price, "strike_price") if kind is Kind.OPTION else None,
    )


def _size(row: _Row, underlying: str, expiry: date) -> _Size:
    if row.segment != "MCX_FO":
        return _Size(_whole(row.lot_size, "lot_size"))
    contract = commodity_contract(underlying, expiry=expiry)
    return _Size(contract.lot_size, contract.multiplier)


def _built(
    row: _Row,
    *,
    underlying: str,
    kind: Kind,
    size: _Size,
    tick: Decimal,
    right: Right = Right.NONE,
    expiry: date | None = None,
    strike: Decimal | None = None,
) -> InstrumentRow:
    exchange = SEGMENTS[row.segment]
    key = checked_key(row.instrument_key, exchange)
    return InstrumentRow(
        exchange=exchange,
        underlying=underlying,
        kind=kind.value,
        expiry=expiry,
        strike=strike,
        right=right.value,
        symbol=key,
        token=key,
        lot_size=size.lot_size,
        tick_size=tick,
        freeze_quantity=_freeze(row),
        multiplier=size.multiplier,
        name=row.trading_symbol,
    )


def _freeze(row: _Row) -> int | None:
    """Units, where orders count units and a limit is shown."""
    shown = row.freeze_quantity
    return int(shown) if shown and shown > 0 and row.segment in ("NSE_FO", "BSE_FO") else None


def _tick(row: _Row) -> Decimal:
    return _plain(_positive(row.tick_size, "tick_size") / _PAISE)


def _whole(value: Decimal | None, name: str) -> int:
    number = _positive(value, name)
    if number != number.to_integral_value():
        raise ValueError(f"{name} {value} is not whole")
    return int(number)


def _positive(value: Decimal | None, name: str) -> Decimal:
    if value is None or not value.is_finite() or value <= 0:
        raise ValueError(f"{name} {value} is not positive")
    return _plain(value)


def _plain(value: Decimal) -> Decimal:
    return value.to_integral_value() if value == value.to_integral_value() else value.normalize()


def _day(milliseconds: int | None) -> date:
    """Expiries are the last second of their day in India."""
    if milliseconds is None or not 0 < milliseconds < 1 << 43:
        raise ValueError(f"expiry {milliseconds} is not a day")
    return datetime.fromtimestamp(milliseconds / 1000, tz=IST).date()
