"""Black-76, against published values, against finite differences, and by properties."""

import csv
from datetime import UTC, datetime, timedelta
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments import Right
from domain.options import MIN_YEARS, greeks, implied_volatility, price, price_pair, years_between
from tests.shared import shared_path

forwards = st.floats(min_value=10, max_value=80_000)
ratios = st.floats(min_value=0.7, max_value=1.4)
terms = st.floats(min_value=1 / 365, max_value=2)
volatilities = st.floats(min_value=0.04, max_value=1.2)
rights = st.sampled_from([Right.CALL, Right.PUT])


def test_published_values_are_reproduced() -> None:
    with shared_path("options_reference.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["quantity"] == "price" and row["type"] in "CP"]
    used = 0
    for row in rows:
        years, rate, carry = float(row["T_years"]), float(row["r"]), float(row["q"] or 0)
        level = float(row["spot_or_forward"])
        if row["model"] == "BSM":
            forward = level * exp((rate - carry) * years)
        elif row["model"].upper().startswith("BLACK"):
            forward = level
        else:
            continue
        value = price(
            right=Right.CALL if row["type"] == "C" else Right.PUT,
            forward=forward,
            strike=float(row["strike"]),
            years=years,
            volatility=float(row["vol"]),
            rate=rate,
        )
        assert value == pytest.approx(float(row["published_value"]), abs=float(row["tolerance"])), row
        used += 1
    assert used >= 10


@given(forwards, ratios, terms, volatilities)
def test_put_call_parity_holds(forward: float, ratio: float, years: float, volatility: float) -> None:
    strike = forward * ratio
    call, put = price_pair(forward=forward, strike=strike, years=years, volatility=volatility)
    assert call - put == pytest.approx(exp(-0.065 * years) * (forward - strike), abs=1e-9 * forward)


@given(forwards, ratios, terms, volatilities, rights)
def test_a_price_lies_between_intrinsic_and_its_ceiling(
    forward: float, ratio: float, years: float, volatility: float, right: Right
) -> None:
    strike, discount = forward * ratio, exp(-0.065 * years)
    value = price(right=right, forward=forward, strike=strike, years=years, volatility=volatility)
    intrinsic = max(forward - strike if right is Right.CALL else strike - forward, 0.0)
    assert discount * intrinsic - 1e-9 * forward <= value
    assert value <= discount * (forward if right is Right.CALL else strike)


@given(forwards, st.floats(min_value=0.9, max_value=1.1), terms, st.floats(min_value=0.08, max_value=0.8), rights)
def test_greeks_agree_with_central_differences(
    forward: float, ratio: float, years: float, volatility: float, right: Right
) -> None:
    def at(*, f: float = forward, t: float = years, v: float = volatility, r: float = 0.065) -> float:
        return price(right=right, forward=f, strike=forward * ratio, years=t, volatility=v, rate=r)

    result = greeks(right=right, forward=forward, strike=forward * ratio, years=years, volatility=volatility)
    df, dv, dt = forward * 1e-5, 1e-5, years * 1e-5
    close = {"rel": 1e-4, "abs": 1e-7 * forward}
    assert result.delta == pytest.approx((at(f=forward + df) - at(f=forward - df)) / (2 * df), abs=1e-5)
    assert result.vega * 100 == pytest.approx((at(v=volatility + dv) - at(v=volatility - dv)) / (2 * dv), **close)
    assert result.theta * 365 == pytest.approx(-(at(t=years + dt) - at(t=years - dt)) / (2 * dt), **close)
    assert result.rho * 100 == pytest.approx((at(r=0.0651) - at(r=0.0649)) / 0.0002, **close)


@given(forwards, st.floats(min_value=0.95, max_value=1.05), terms, st.floats(min_value=0.1, max_value=0.8))
def test_gamma_is_the_slope_of_delta(forward: float, ratio: float, years: float, volatility: float) -> None:
    def delta(f: float) -> float:
        return greeks(right=Right.CALL, forward=f, strike=forward * ratio, years=years, volatility=volatility).delta

    step = forward * 1e-5
    gamma = greeks(right=Right.CALL, forward=forward, strike=forward * ratio, years=years, volatility=volatility).gamma
    assert gamma == pytest.approx((delta(forward + step) - delta(forward - step)) / (2 * step), rel=1e-3, abs=1e-9)


@given(
    st.floats(min_value=0.92, max_value=1.08),
    st.floats(min_value=5 / 365, max_value=0.5),
    st.floats(min_value=0.12, max_value=0.8),
    rights,
)
def test_implied_volatility_undoes_the_price(ratio: float, years: float, volatility: float, right: Right) -> None:
    value = price(right=right, forward=24_000, strike=24_000 * ratio, years=years, volatility=volatility)
    found = implied_volatility(right=right, price=value, forward=24_000, strike=24_000 * ratio, years=years)
    assert found is not None
    again = price(right=right, forward=24_000, strike=24_000 * ratio, years=years, volatility=found)
    assert again == pytest.approx(value, abs=1e-6)


def test_no_volatility_explains_a_price_below_intrinsic_or_above_the_forward() -> None:
    for impossible in (99.0, 30_000.0):
        found = implied_volatility(
            right=Right.CALL, price=impossible, forward=24_200, strike=24_000, years=0.1, rate=0.0
        )
        assert found is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        price(right=Right.CALL, forward=0, strike=1, years=1, volatility=0.1)
    with pytest.raises(ValueError, match="right"):
        price(right=Right.NONE, forward=1, strike=1, years=1, volatility=0.1)


def test_time_never_falls_below_a_minute() -> None:
    now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert years_between(now, now - timedelta(hours=1)) == MIN_YEARS
    assert years_between(now, now + timedelta(days=365)) == pytest.approx(1.0)
