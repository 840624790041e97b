"""Rows of books: what is none is refused by name."""

from decimal import Decimal

import pytest

from brokers.rows import MalformedRow, mapped, units_of
from brokers.zerodha.spec import SPEC
from domain.broker import BrokerUnavailable


@pytest.mark.parametrize("lot", ["NaN", "sNaN", "Infinity", "-Infinity", "0.5", "0", "-50", "30"])
def test_a_lot_that_is_none_is_refused_by_name(lot):
    with pytest.raises(MalformedRow, match="fits neither"):
        units_of(SPEC, "MCX", "CRUDEOIL26DECFUT", Decimal(lot), 100, lot_size_of=lambda exchange, symbol: 100)


def test_a_row_whose_own_lot_is_more_than_one_counts_parts_of_a_lot():
    crude = "CRUDEOIL26DECFUT"
    assert units_of(SPEC, "MCX", crude, Decimal(100), 200, lot_size_of=lambda exchange, symbol: 100) == 1
    assert units_of(SPEC, "MCX", crude, Decimal(1), 2, lot_size_of=lambda exchange, symbol: 100) == 100


def test_numbers_that_cannot_be_reckoned_with_make_a_row_malformed():
    with pytest.raises(BrokerUnavailable, match="zerodha positions: row 0"):
        mapped([Decimal(0)], lambda row: 1 / row, broker="zerodha", what="positions")
