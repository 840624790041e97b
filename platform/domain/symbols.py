"""Canonical symbols: views of an ``InstrumentKey``, compatible with OpenAlgo's.

``BASE+DDMMMYY+FUT`` and ``BASE+DDMMMYY+STRIKE+CE|PE``, upper-case, the strike without trailing zeros; the
exchange stands beside the symbol. What never expires is called by its underlying alone. The parser is for what people
type, never for brokers' strings.
"""

import re
from datetime import date
from decimal import Decimal

from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.venues import venue_of

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DERIVATIVE_EXCHANGES = frozenset({Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.BCD, Exchange.MCX})
INDEX_EXCHANGES = frozenset({Exchange.NSE_INDEX, Exchange.BSE_INDEX})
_BARE_KINDS = frozenset({Kind.INDEX, Kind.EQUITY, Kind.SPOT, Kind.PERPETUAL})
_BASE = re.compile(r"[A-Z0-9][A-Z0-9&_-]{0,29}")
_DERIVATIVE = re.compile(
    rf"(?P<base>[A-Z0-9][A-Z0-9&_-]*?)(?P<day>[0-9]{{2}})(?P<month>{'|'.join(MONTHS)})(?P<year>[0-9]{{2}})"
    r"(?:FUT|(?P<strike>[0-9]{1,8}(?:\.[0-9]{1,4})?)(?P<right>CE|PE))"
)


class SymbolError(ValueError):
    """The text is not a symbol of that exchange, or the key has no symbol."""


def symbol_of(key: InstrumentKey) -> str:
    """Return the canonical symbol; raises ``SymbolError`` for a key that lacks what its kind needs."""
    if key.kind in _BARE_KINDS:
        return key.underlying
    if key.expiry is None:
        raise SymbolError(f"{key.underlying} {key.kind} has no expiry")
    stem = f"{key.underlying}{_expiry_text(key.expiry)}"
    if key.kind is Kind.FUTURE:
        return f"{stem}FUT"
    if key.strike is None or key.right is Right.NONE:
        raise SymbolError(f"the option {stem} needs a strike and a right")
    return f"{stem}{strike_text(key.strike)}{key.right}"


def strike_text(strike: Decimal) -> str:
    """Return the strike without exponent or trailing zeros: ``26000``, ``24292.5``."""
    return f"{strike.normalize():f}"


def parse_symbol(text: str, *, exchange: Exchange) -> InstrumentKey:
    """Read a symbol typed by a person; raises ``SymbolError`` saying what was expected."""
    symbol = text.strip()
    if not symbol.isascii():  # a look-alike letter would fold into another name
        raise SymbolError(f"{text!r} has characters that no symbol has")
    symbol = symbol.upper()
    if exchange in DERIVATIVE_EXCHANGES:
        return _parse_derivative(symbol, exchange)
    if not _BASE.fullmatch(symbol):
        raise SymbolError(f"{text!r} is not a symbol")
    return InstrumentKey(exchange=exchange, underlying=symbol, kind=_bare_kind(exchange))


def _bare_kind(exchange: Exchange) -> Kind:
    """Return what a symbol without expiry names on an exchange."""
    return venue_of(exchange).kind or (Kind.INDEX if exchange in INDEX_EXCHANGES else Kind.EQUITY)


def _parse_derivative(symbol: str, exchange: Exchange) -> InstrumentKey:
    match = _DERIVATIVE.fullmatch(symbol)
    if match is None or not _BASE.fullmatch(match["base"]):
        raise SymbolError(f"{symbol!r} is not like NIFTY25NOV25FUT or NIFTY25NOV2526000CE")
    expiry = _expiry(match)
    if match["right"] is None:
        return InstrumentKey(exchange=exchange, underlying=match["base"], kind=Kind.FUTURE, expiry=expiry)
    strike = Decimal(strike_text(Decimal(match["strike"])))
    if strike <= 0:
        raise SymbolError(f"{symbol!r} has a strike of zero")
    right = Right(match["right"])
    return InstrumentKey(exchange, match["base"], Kind.OPTION, expiry, strike, right)


def _expiry(match: re.Match[str]) -> date:
    try:
        return date(2000 + int(match["year"]), MONTHS.index(match["month"]) + 1, int(match["day"]))
    except ValueError as error:
        raise SymbolError(f"{match[0]!r} names a day that does not exist") from error


def _expiry_text(expiry: date) -> str:
    return f"{expiry.day:02}{MONTHS[expiry.month - 1]}{expiry.year % 100:02}"
