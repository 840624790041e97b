"""Numbers as Indian traders read them."""

from decimal import Decimal

import pytest

from apps.dashboard import figures
from apps.dashboard.wire import exact, money, paise_text

M = figures.MINUS


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("7.5", "7.50"),
        ("999.995", "1,000.00"),
        ("1000", "1,000.00"),
        ("99999.99", "99,999.99"),
        ("100000", "1,00,000.00"),
        ("342118.50", "3,42,118.50"),
        ("12345678.9", "1,23,45,678.90"),
        ("-342118.505", f"{M}3,42,118.51"),
        ("-0.004", "0.00"),
    ],
)
def test_rupees_are_grouped_the_indian_way_and_rounded_half_up(amount: str, text: str) -> None:
    assert figures.rupees(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text", "direction"),
    [
        ("1790.75", "+1,790.75", "up"),
        ("-108.2", f"{M}108.20", "down"),
        ("0", "0.00", "flat"),
        ("0.004", "0.00", "flat"),
        ("-0.004", "0.00", "flat"),
        ("0.005", "+0.01", "up"),
    ],
)
def test_profit_has_a_sign_and_a_direction_that_agree(amount: str, text: str, direction: str) -> None:
    assert figures.signed_rupees(Decimal(amount)) == text
    assert figures.direction(Decimal(amount)) == direction


@pytest.mark.parametrize(
    ("price", "text"),
    [("42.1", "42.10"), ("24166.35", "24,166.35"), ("83.2125", "83.2125"), ("27.0", "27.00"), ("0.00012345", "0.0001")],
)
def test_prices_have_two_to_four_decimals(price: str, text: str) -> None:
    assert figures.price_text(Decimal(price)) == text


def test_what_is_not_known_is_a_dash() -> None:
    shown = {figures.rupees(None), figures.signed_rupees(None), figures.price_text(None), figures.units_text(None)}
    assert shown == {figures.NOTHING}


@pytest.mark.parametrize(("units", "text"), [(65, "65"), (-1800, f"{M}1,800"), (100000, "1,00,000")])
def test_units_are_grouped_and_negative_when_short(units: int, text: str) -> None:
    assert figures.units_text(units) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (61, "1 min"), (3 * 3600 + 5 * 60, "3 h 05 min"), (200_000, "2 d")],
)
def test_spans_are_words(seconds: float, text: str) -> None:
    assert figures.span_text(seconds) == text


@pytest.mark.parametrize(
    ("paise", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-12345, "-123.45"), (179075, "1790.75")]
)
def test_paise_travel_as_plain_decimals(paise: int, text: str) -> None:
    assert paise_text(paise) == text


def test_the_wire_says_money_in_paise_and_prices_exactly() -> None:
    assert money(Decimal("1082.2500")) == "1082.25"
    assert exact(Decimal("83.2125")) == "83.2125"
    assert exact(Decimal("100.0000")) == "100.00"
    assert (money(None), exact(None), paise_text(None)) == (None, None, None)
