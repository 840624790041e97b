"""Lots and units."""

import pytest

from brokers.lots import units_per_count, unknown_lots, wire_quantity
from brokers.zerodha.spec import SPEC


def test_mcx_goes_out_in_lots_and_nfo_in_units():
    assert wire_quantity(SPEC, exchange="MCX", quantity=300, lot_size=100) == 3
    assert wire_quantity(SPEC, exchange="NFO", quantity=150, lot_size=75) == 150


@pytest.mark.parametrize(("quantity", "lot_size"), [(0, 75), (-75, 75), (74, 75), (100, 75), (75, 0)])
def test_a_quantity_that_is_not_whole_lots_is_refused(quantity, lot_size):
    with pytest.raises(ValueError, match="multiple of the lot size"):
        wire_quantity(SPEC, exchange="NFO", quantity=quantity, lot_size=lot_size)


def test_lots_come_back_as_units_of_the_contract():
    assert units_per_count(SPEC, "MCX", "CRUDEOIL26DECFUT", lambda exchange, symbol: 100) == 100
    assert units_per_count(SPEC, "NFO", "NIFTY26DECFUT", unknown_lots) == 1


def test_a_contract_nobody_knows_is_never_guessed():
    with pytest.raises(LookupError, match="MCX:KAPAS"):
        units_per_count(SPEC, "MCX", "KAPAS27APRFUT", unknown_lots)
    with pytest.raises(LookupError, match="is 0"):
        units_per_count(SPEC, "MCX", "GOLD", lambda exchange, symbol: 0)
