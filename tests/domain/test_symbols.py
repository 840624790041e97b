"""Canonical symbols and the parser of typed ones."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments import Exchange, InstrumentKey, Kind, Right
from domain.symbols import DERIVATIVE_EXCHANGES, SymbolError, parse_symbol, symbol_of

bases = st.from_regex(r"[A-Z][A-Z0-9&-]{0,14}", fullmatch=True)
expiries = st.dates(date(2020, 1, 1), date(2099, 12, 31))
strikes = st.decimals(Decimal("0.05"), Decimal(999999), places=4)
exchanges = st.sampled_from(sorted(DERIVATIVE_EXCHANGES))


@pytest.mark.parametrize(
    ("key", "symbol"),
    [
        (
            InstrumentKey(Exchange.NFO, "NIFTY", Kind.OPTION, date(2025, 11, 25), Decimal("26000.00"), Right.CALL),
            "NIFTY25NOV2526000CE",
        ),
        (
            InstrumentKey(Exchange.NFO, "VEDL", Kind.OPTION, date(2024, 4, 25), Decimal("292.50"), Right.CALL),
            "VEDL25APR24292.5CE",
        ),
        (
            InstrumentKey(Exchange.NFO, "NIFTYNXT50", Kind.OPTION, date(2026, 11, 23), Decimal(70000), Right.PUT),
            "NIFTYNXT5023NOV2670000PE",
        ),
        (
            InstrumentKey(Exchange.MCX, "CRUDEOIL", Kind.FUTURE, date(2026, 12, 18)),
            "CRUDEOIL18DEC26FUT",
        ),
        (InstrumentKey(Exchange.NFO, "M&M", Kind.FUTURE, date(2026, 1, 27)), "M&M27JAN26FUT"),
        (InstrumentKey(Exchange.NSE_INDEX, "NIFTY", Kind.INDEX), "NIFTY"),
        (InstrumentKey(Exchange.NSE, "BAJAJ-AUTO", Kind.EQUITY), "BAJAJ-AUTO"),
    ],
)
def test_a_contract_has_one_symbol_and_the_symbol_names_it(key: InstrumentKey, symbol: str) -> None:
    assert symbol_of(key) == symbol
    assert parse_symbol(f" {symbol.lower()} ", exchange=key.exchange) == key


@given(exchanges, bases, expiries, strikes, st.sampled_from([Right.CALL, Right.PUT]))
def test_options_round_trip(exchange: Exchange, base: str, expiry: date, strike: Decimal, right: Right) -> None:
    key = InstrumentKey(exchange, base, Kind.OPTION, expiry, strike, right)
    assert parse_symbol(symbol_of(key), exchange=exchange) == key


@given(exchanges, bases, expiries)
def test_futures_round_trip(exchange: Exchange, base: str, expiry: date) -> None:
    key = InstrumentKey(exchange, base, Kind.FUTURE, expiry)
    assert parse_symbol(symbol_of(key), exchange=exchange) == key


@given(strikes)
def test_a_symbol_never_shows_an_exponent_or_trailing_zeros(strike: Decimal) -> None:
    key = InstrumentKey(Exchange.NFO, "X", Kind.OPTION, date(2026, 1, 6), strike, Right.PUT)
    shown = symbol_of(key).removeprefix("X06JAN26").removesuffix("PE")
    assert Decimal(shown) == strike
    assert "E" not in shown
    assert "." not in shown or not shown.endswith("0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NIFTY",
        "NIFTY25NOV25",
        "NIFTY31FEB26FUT",
        "NIFTY00NOV25FUT",
        "NIFTY25NOV250CE",
        "NIFTY25NOV2526000XE",
        "NIFTY25NOV2526000.CE",
        "NIFTY25NOV25-26000CE",
        "25NOV2526000CE",
        "NIFTY 25NOV2526000CE",
        "NIFTY25NOV2526000CE;DROP",
        "NΙFTY25NOV2526000CE",  # a Greek capital iota
        "nıfty25nov2526000ce",  # a dotless i folds to I
        "NIFTY٢٥NOV2526000CE",  # Arabic digits
    ],
)
def test_what_is_not_a_derivative_is_refused(text: str) -> None:
    with pytest.raises(SymbolError):
        parse_symbol(text, exchange=Exchange.NFO)


@pytest.mark.parametrize(
    "key",
    [
        InstrumentKey(Exchange.NFO, "NIFTY", Kind.FUTURE),
        InstrumentKey(Exchange.NFO, "NIFTY", Kind.OPTION, date(2026, 1, 6)),
        InstrumentKey(Exchange.NFO, "NIFTY", Kind.OPTION, date(2026, 1, 6), Decimal(100)),
    ],
)
def test_an_incomplete_key_has_no_symbol(key: InstrumentKey) -> None:
    with pytest.raises(SymbolError):
        symbol_of(key)
