"""Lots, units and slices."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sizing import (
    LotsRoundToZero,
    SizeError,
    TooManySlices,
    check_lot_multiple,
    largest_slice,
    lots_for,
    slices,
    units_of,
)

lots = st.integers(1, 500)
lot_sizes = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("base", "multiplier", "expected"), [(1, "1", 1), (3, "0.5", 1), (2, "1.5", 3), (10, "0.19", 1), (1, "1.99", 1)]
)  # fmt: skip
def test_lots_are_rounded_down(base: int, multiplier: str, expected: int) -> None:
    assert lots_for(base_lots=base, multiplier=Decimal(multiplier)) == expected


@pytest.mark.parametrize(("base", "multiplier"), [(1, "0.99"), (3, "0.33"), (1, "0")])
def test_less_than_a_lot_is_refused(base: int, multiplier: str) -> None:
    with pytest.raises(LotsRoundToZero):
        lots_for(base_lots=base, multiplier=Decimal(multiplier))


@pytest.mark.parametrize(("base", "multiplier"), [(0, "1"), (-1, "1"), (1, "-1"), (1, "NaN"), (1, "Infinity")])
def test_nonsense_is_no_size(base: int, multiplier: str) -> None:
    with pytest.raises(SizeError):
        lots_for(base_lots=base, multiplier=Decimal(multiplier))


@given(lots, st.decimals(0, 100, places=4))
def test_a_multiplier_never_gives_more_than_it_says(base: int, multiplier: Decimal) -> None:
    try:
        found = lots_for(base_lots=base, multiplier=multiplier)
    except LotsRoundToZero:
        assert base * multiplier < 1
    else:
        assert found <= base * multiplier < found + 1


@given(lots, lot_sizes, st.integers(1, 100_000), st.integers(1, 20))
def test_slices_are_whole_lots_within_the_freeze_and_sum_exactly(
    count: int, lot_size: int, freeze: int, maximum: int
) -> None:
    quantity = units_of(count, lot_size=lot_size)
    try:
        cut = slices(quantity, lot_size, freeze, maximum)
    except TooManySlices:
        assert quantity > maximum * (freeze // lot_size * lot_size)
    except SizeError:
        assert freeze < lot_size
    else:
        assert sum(cut) == quantity
        assert all(0 < part <= freeze // lot_size * lot_size and part % lot_size == 0 for part in cut)
        assert 1 <= len(cut) <= maximum


def test_nifty_is_cut_at_1755_although_1800_would_be_allowed() -> None:
    assert slices(65 * 60, 65, 1800) == (1755, 1755, 390)
    assert slices(1755, 65, 1800) == (1755,)
    assert slices(65, 65, None) == (65,)


def test_ten_slices_are_the_limit() -> None:
    assert len(slices(17550, 65, 1800)) == 10
    with pytest.raises(TooManySlices, match="11 orders"):
        slices(17550 + 65, 65, 1800)


@pytest.mark.parametrize("quantity", [0, -65, 1, 64, 66, 1800])
def test_a_quantity_that_is_no_lot_multiple_is_refused(quantity: int) -> None:
    with pytest.raises(SizeError):
        check_lot_multiple(quantity, lot_size=65)
    with pytest.raises(SizeError):
        slices(quantity, 65, 1800)


def test_a_freeze_below_one_lot_allows_nothing() -> None:
    with pytest.raises(SizeError, match="below one lot"):
        largest_slice(lot_size=65, freeze_quantity=64)


@pytest.mark.parametrize("lot_size", [0, -1])
def test_a_lot_has_at_least_one_unit(lot_size: int) -> None:
    with pytest.raises(SizeError):
        check_lot_multiple(65, lot_size=lot_size)
