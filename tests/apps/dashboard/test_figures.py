"""Numbers as Indian traders read them."""

from decimal import Decimal

import pytest

from apps.dashboard import figures
from apps.dashboard.wire import money, paise_text, priced
from domain.prices import decimals_of

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
    [
        ("42.1", "42.10"),
        ("24166.35000000", "24,166.35"),
        ("83.2125", "83.2125"),
        ("27.0", "27.00"),
        ("1.16023", "1.16023"),
        ("0.00001234", "0.00001234"),
    ],
)
def test_prices_of_contracts_nobody_knows_have_two_to_eight_decimals(price: str, text: str) -> None:
    assert figures.price_text(Decimal(price)) == text


@pytest.mark.parametrize(
    ("price", "tick", "text"),
    [
        ("24166.35", "0.05", "24,166.35"),
        ("100.33333333", "0.05", "100.33"),
        ("5400", "1", "5,400.00"),
        ("83.21", "0.0025", "83.2100"),
        ("1.16", "0.00001", "1.16000"),
        ("1.160026", "0.00001", "1.16003"),
        ("0.00000008", "0.00000001", "0.00000008"),
    ],
)
def test_prices_have_the_decimals_of_their_contracts_tick(price: str, tick: str, text: str) -> None:
    assert figures.price_text(Decimal(price), decimals_of(Decimal(tick))) == text
    assert str(priced(Decimal(price), decimals_of(Decimal(tick)))) == text.replace(",", "")


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
    assert priced(Decimal("83.2125"), 4) == "83.2125"
    assert priced(Decimal("100.0000"), 2) == "100.00"
    assert (money(None), priced(None, 2), paise_text(None)) == (None, None, None)
