"""The straight lines the page and the socket mark profit with."""

from decimal import ROUND_HALF_UP, Decimal

import hypothesis.strategies as st
from hypothesis import given

from apps.dashboard.marks import Line, add, leg_line, money_line, rupees
from domain.orders import Side
from domain.pnl import unrealized_pnl
from domain.prices import to_scaled

PRICES = st.decimals(min_value="0.05", max_value="90000", places=2)
MULTIPLIERS = st.sampled_from([Decimal(1), Decimal("0.1"), Decimal(100), Decimal("0.000001")])


def _line(side: Side, units: int, entry: Decimal, multiplier: Decimal, **more: object) -> Line:
    values: dict[str, object] = {"exit_quantity": 0, "exit_value": Decimal(0)} | more
    return leg_line(
        instrument_id=1,
        side=side,
        entry_quantity=units,
        entry_value=entry * units,
        multiplier=multiplier,
        **values,  # type: ignore[arg-type]
    )


@given(side=st.sampled_from(Side), units=st.integers(1, 20_000), entry=PRICES, last=PRICES, multiplier=MULTIPLIERS)
def test_a_line_is_the_domains_profit_to_the_paisa(
    side: Side, units: int, entry: Decimal, last: Decimal, multiplier: Decimal
) -> None:
    line = _line(side, units, entry, multiplier)
    expected = unrealized_pnl(
        quantity=side.sign * units, average_price=entry, last_price=last, multiplier=multiplier
    ).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert rupees(line.paise({1: to_scaled(last)})) == expected


@given(units=st.integers(2, 5000), out=st.integers(1, 5000), entry=PRICES, left=PRICES, last=PRICES)
def test_what_was_left_stays_and_the_rest_moves(
    units: int, out: int, entry: Decimal, left: Decimal, last: Decimal
) -> None:
    out = min(out, units)
    line = _line(Side.SELL, units, entry, Decimal(1), exit_quantity=out, exit_value=left * out)
    expected = (entry - left) * out + (entry - last) * (units - out)
    assert rupees(line.paise({1: to_scaled(last)})) == expected.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert bool(line.weights) == (out < units)


def test_the_replayed_straddle_comes_to_its_known_gross() -> None:
    call = _line(Side.SELL, 65, Decimal("42.10"), Decimal(1), exit_quantity=65, exit_value=Decimal("27.70") * 65)
    put = _line(Side.SELL, 65, Decimal("26.15"), Decimal(1), exit_quantity=65, exit_value=Decimal("13.00") * 65)
    assert rupees(add([call, put]).paise({})) == Decimal("1790.75")


def test_lines_add_up_and_charges_are_taken_off() -> None:
    held = _line(Side.BUY, 65, Decimal("10.00"), Decimal(1))
    total = add([held, held, money_line(Decimal("-23.45"))])
    assert total.weights == ((1, 2 * held.weights[0][1]),)
    assert rupees(total.paise({1: to_scaled(Decimal("11.00"))})) == Decimal("106.55")


def test_opposite_legs_of_one_contract_cancel_out() -> None:
    both = add([_line(Side.BUY, 65, Decimal(10), Decimal(1)), _line(Side.SELL, 65, Decimal(12), Decimal(1))])
    assert both.weights == ()
    assert rupees(both.paise({})) == Decimal("130.00")


def test_without_a_price_there_is_no_profit_to_show() -> None:
    assert _line(Side.BUY, 65, Decimal(10), Decimal(1)).paise({}) is None
