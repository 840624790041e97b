"""Prices between integers, decimals and text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.prices import FINEST_PRICE, decimals_of, round_to_tick, to_decimal, to_scaled, trimmed

SCALED = st.integers(0, 10**18)
TICKS = st.sampled_from([Decimal(tick) for tick in ("0.05", "0.01", "1", "0.0025", "0.00001", "0.00000001")])


@given(SCALED)
def test_every_integer_is_a_price_and_comes_back(scaled: int) -> None:
    assert to_scaled(to_decimal(scaled)) == scaled
    assert to_decimal(scaled) % FINEST_PRICE == 0


@given(st.decimals(0, 10**9, places=8))
def test_trimming_changes_no_price(price: Decimal) -> None:
    short = trimmed(price)
    assert short == price
    fraction = f"{short:f}".partition(".")[2]
    assert len(fraction) == 2 or not fraction.endswith("0")


@pytest.mark.parametrize(
    ("price", "text"),
    [("100.00000000", "100.00"), ("0", "0.00"), ("1.16020000", "1.1602"), ("0.00000001", "0.00000001")],
)
def test_a_trimmed_price_has_two_decimals_at_least(price: str, text: str) -> None:
    assert f"{trimmed(Decimal(price)):f}" == text


@pytest.mark.parametrize(
    ("tick", "decimals"),
    [("1", 2), ("100", 2), ("0.05", 2), ("0.0500", 2), ("0.0025", 4), ("0.00001", 5), ("1E-8", 8)],
)
def test_a_tick_says_how_its_prices_are_written(tick: str, decimals: int) -> None:
    assert decimals_of(Decimal(tick)) == decimals


@given(st.decimals("0.0001", 10**6, places=8), TICKS, st.booleans())
def test_a_price_on_the_tick_needs_no_more_decimals_than_the_tick(price: Decimal, tick: Decimal, up: bool) -> None:
    found = round_to_tick(price, tick, up=up)
    assert found % tick == 0
    assert abs(found - price) < tick
    assert found.quantize(Decimal(1).scaleb(-decimals_of(tick))) == found
