"""Fractions on the wire, whole units everywhere else."""

from decimal import Decimal

import pytest

from brokers.steps import amount_text, checked_step, units_in, unknown_steps, whole_units

STEP = Decimal("0.00001")


@pytest.mark.parametrize(("units", "text"), [(1, "0.00001"), (250, "0.00250"), (100_000, "1.00000")])
def test_units_are_written_to_the_last_digit_and_read_back(units, text):
    assert amount_text(units, STEP) == text
    assert units_in(Decimal(text), STEP) == units


@pytest.mark.parametrize("units", [0, -1])
def test_nothing_is_no_amount(units):
    with pytest.raises(ValueError):
        amount_text(units, STEP)


@pytest.mark.parametrize("amount", ["0.000015", "NaN", "Infinity"])
def test_part_of_a_unit_is_no_quantity(amount):
    with pytest.raises(ValueError):
        units_in(Decimal(amount), STEP)


def test_a_balance_holds_so_many_whole_units():
    assert whole_units(Decimal("0.00249999"), STEP) == 249


@pytest.mark.parametrize("step", ["0", "-1", "NaN"])
def test_a_step_that_is_none_is_not_known(step):
    with pytest.raises(LookupError):
        checked_step(lambda exchange, symbol: Decimal(step), "BINANCE", "BTCUSDT")
    with pytest.raises(LookupError):
        unknown_steps("BINANCE", "BTCUSDT")
