"""Lots, freeze quantities and commodity units."""

import csv
from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.contracts import (
    FREEZES,
    INDEX_LOTS,
    MCX_CONTRACTS,
    commodity_contract,
    freeze_quantity,
    index_lot_size,
)
from domain.expiries import Cycle
from domain.instruments import Exchange
from domain.sizing import largest_slice
from tests.shared import shared_path

UNITS = {"t": ("kg", 1000), "kg": ("kg", 1)}


def _facts(name: str) -> list[dict[str, str]]:
    with shared_path(name).open() as lines:
        return list(csv.DictReader(lines))


def test_every_proven_nifty_lot_since_august_2021_is_known() -> None:
    checked = 0
    for row in _facts("market_data/NIFTY_actual_expiry_and_lot_2021_2026.csv"):
        expiry = date.fromisoformat(row["actual_expiry_date"])
        if expiry < date(2021, 8, 1):
            continue
        cycle = Cycle(row["expiry_type"].upper())
        assert index_lot_size(Exchange.NFO, "NIFTY", cycle=cycle, expiry=expiry) == int(row["market_lot"]), row
        checked += 1
    assert checked > 250


def test_the_lot_table_is_the_collected_one() -> None:
    ours = {
        (span.exchange, span.underlying, span.cycle.lower(), span.first.isoformat(),
         span.last.isoformat() if span.last else "", str(span.lot_size))
        for span in INDEX_LOTS
    }  # fmt: skip
    facts = _facts("market_facts/index_lot_by_expiry.csv")
    keys = ("exchange", "underlying", "cycle", "expiry_from", "expiry_to", "lot")
    assert ours == {tuple(fact[key] for key in keys) for fact in facts}


@pytest.mark.parametrize(
    ("exchange", "underlying", "cycle", "expiry", "lot"),
    [
        (Exchange.NFO, "NIFTY", Cycle.WEEKLY, "2026-08-18", 65),
        (Exchange.NFO, "NIFTY", Cycle.WEEKLY, "2025-01-23", 75),
        (Exchange.NFO, "NIFTY", Cycle.MONTHLY, "2025-01-30", 25),  # a smaller lot that expires later
        (Exchange.NFO, "BANKNIFTY", Cycle.MONTHLY, "2026-11-23", 30),
        (Exchange.BFO, "SENSEX", Cycle.WEEKLY, "2026-11-26", 20),
    ],
)
def test_the_lot_belongs_to_the_contract(
    exchange: Exchange, underlying: str, cycle: Cycle, expiry: str, lot: int
) -> None:
    assert index_lot_size(exchange, underlying, cycle=cycle, expiry=date.fromisoformat(expiry)) == lot


@pytest.mark.parametrize(
    ("underlying", "expiry"), [("RELIANCE", "2026-11-23"), ("NIFTY", "2020-01-30"), ("BANKNIFTY", "2026-11-17")]
)  # fmt: skip
def test_an_unknown_lot_is_never_guessed(underlying: str, expiry: str) -> None:
    with pytest.raises(LookupError, match=underlying):
        index_lot_size(Exchange.NFO, underlying, cycle=Cycle.WEEKLY, expiry=date.fromisoformat(expiry))


def test_the_freeze_table_is_the_collected_one() -> None:
    facts = _facts("market_facts/freeze_qty.csv")
    assert len(FREEZES) == len(facts)
    for fact in facts:
        first = date.fromisoformat(fact["date_from"])
        last = date.fromisoformat(fact["date_to"]) if fact["date_to"] else date(2030, 1, 1)
        for day in (first, last):
            assert freeze_quantity(fact["underlying"], on=day) == int(fact["qty_units"]), fact


def test_an_unknown_freeze_is_never_guessed() -> None:
    for underlying, on in (("RELIANCE", date(2026, 11, 20)), ("NIFTY", date(2024, 7, 31))):
        with pytest.raises(LookupError, match=underlying):
            freeze_quantity(underlying, on=on)


def test_a_nifty_slice_is_27_lots() -> None:
    today = date(2026, 11, 20)
    lot = index_lot_size(Exchange.NFO, "NIFTY", cycle=Cycle.WEEKLY, expiry=today)
    assert largest_slice(lot_size=lot, freeze_quantity=freeze_quantity("NIFTY", on=today)) == 1755


def test_the_commodity_table_is_the_collected_one() -> None:
    facts = _facts("market_facts/mcx_contracts.csv")
    assert {fact["symbol"] for fact in facts} == set(MCX_CONTRACTS)
    for fact in facts:
        contract = MCX_CONTRACTS[fact["symbol"]]
        amount, unit = fact["trading_unit"].split()
        if fact["quote_unit"].endswith(" g"):
            unit, factor = "g", {"kg": 1000, "g": 1}[unit]
        else:
            unit, factor = UNITS.get(unit, (unit, 1))
        rupees = Decimal(fact["rupees_per_1_price_per_lot"])
        assert (contract.lot_size, contract.unit) == (int(amount) * factor, unit), fact
        assert contract.multiplier * contract.lot_size == rupees, fact
        assert contract.multiplier * contract.quote_units == 1, fact
        assert contract.tick_size * rupees == Decimal(fact["rupees_per_tick_per_lot"]), fact
        assert contract.has_options == (fact["options"] == "Y"), fact


@pytest.mark.parametrize(
    ("symbol", "lot", "multiplier"),
    [
        ("CRUDEOIL", 100, "1"),
        ("GOLD", 1000, "0.1"),
        ("GOLDGUINEA", 8, "0.125"),
        ("GOLDTEN", 10, "0.1"),
        ("NATURALGAS", 1250, "1"),
        ("ZINC", 5000, "1"),
    ],
)
def test_commodity_units(symbol: str, lot: int, multiplier: str) -> None:
    contract = commodity_contract(symbol, expiry=date(2026, 12, 18))
    assert (contract.lot_size, contract.multiplier) == (lot, Decimal(multiplier))


def test_nickel_shrank_in_september_2025() -> None:
    change = date(2025, 9, 1)
    assert commodity_contract("NICKEL", expiry=change - timedelta(days=1)).lot_size == 1500
    assert commodity_contract("NICKEL", expiry=change).lot_size == 250


def test_an_unknown_commodity_is_an_error() -> None:
    with pytest.raises(LookupError, match="COTTON"):
        commodity_contract("COTTON", expiry=date(2026, 12, 18))
