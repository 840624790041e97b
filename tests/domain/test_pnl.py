"""Profit and loss: two ways of matching that agree, signs, units."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.contracts import commodity_contract
from domain.orders import Side
from domain.pnl import (
    Book,
    Execution,
    average_fill_price,
    cash_flow,
    day_pnl,
    net_quantity,
    net_shown,
    points,
    realised_average,
    realised_fifo,
    unrealized_pnl,
)

ONE = Decimal(1)
prices = st.decimals(Decimal("0.05"), Decimal(100_000), places=2)
executions = st.lists(st.builds(Execution, st.sampled_from(Side), st.integers(1, 5000), prices), max_size=30)


def _flattened(fills: list[Execution], price: Decimal) -> list[Execution]:
    """Add the one fill that closes whatever is open."""
    left = net_quantity(fills)
    side = Side.SELL if left > 0 else Side.BUY
    return [*fills, Execution(side, abs(left), price)] if left else fills


@given(executions, prices)
def test_both_ways_of_matching_agree_to_the_last_digit_on_a_flat_book(fills: list[Execution], price: Decimal) -> None:
    flat = _flattened(fills, price)
    fifo, average = realised_fifo(flat, multiplier=ONE), realised_average(flat, multiplier=ONE)
    assert fifo.quantity == average.quantity == 0
    assert fifo.realised == average.realised == cash_flow(flat, multiplier=ONE)
    assert fifo.average_price == average.average_price == 0


@given(executions, prices)
def test_realised_and_open_profit_add_up_to_the_same_whole(fills: list[Execution], mark: Decimal) -> None:
    whole = Fraction(cash_flow(fills, multiplier=ONE)) + net_quantity(fills) * Fraction(mark)
    for book in (realised_fifo(fills, multiplier=ONE), realised_average(fills, multiplier=ONE)):
        unrealized = unrealized_pnl(
            quantity=book.quantity, average_price=book.average_price, last_price=mark, multiplier=ONE
        )
        assert book.quantity == net_quantity(fills)
        assert abs(Fraction(book.realised) + Fraction(unrealized) - whole) < Fraction(1, 10**9)


@given(executions)
def test_the_average_of_what_is_open_lies_between_the_fills(fills: list[Execution]) -> None:
    for book in (realised_fifo(fills, multiplier=ONE), realised_average(fills, multiplier=ONE)):
        if book.quantity:
            side = Side.BUY if book.quantity > 0 else Side.SELL
            own = [fill.price for fill in fills if fill.side is side]
            assert min(own) <= book.average_price <= max(own)


def test_first_in_first_out_and_average_differ_while_open() -> None:
    fills = [
        Execution(Side.BUY, 65, Decimal(100)),
        Execution(Side.BUY, 65, Decimal(110)),
        Execution(Side.SELL, 65, Decimal(120)),
    ]
    assert realised_fifo(fills, multiplier=ONE) == Book(65, Decimal(110), Decimal(1300))
    assert realised_average(fills, multiplier=ONE) == Book(65, Decimal(105), Decimal(975))


def test_what_is_left_of_the_oldest_fill_goes_first() -> None:
    fills = [
        Execution(Side.BUY, 65, Decimal(100)),
        Execution(Side.BUY, 65, Decimal(110)),
        Execution(Side.SELL, 30, Decimal(120)),
        Execution(Side.SELL, 70, Decimal(120)),
    ]
    assert realised_fifo(fills, multiplier=ONE) == Book(30, Decimal(110), Decimal(600 + 700 + 350))


@pytest.mark.parametrize("match", [realised_fifo, realised_average])
def test_a_fill_through_zero_closes_and_turns(match) -> None:  # type: ignore[no-untyped-def]
    fills = [Execution(Side.SELL, 50, Decimal(20)), Execution(Side.BUY, 80, Decimal(15))]
    assert match(fills, multiplier=ONE) == Book(30, Decimal(15), Decimal(250))


@pytest.mark.parametrize("match", [realised_fifo, realised_average])
def test_an_empty_book_is_flat(match) -> None:  # type: ignore[no-untyped-def]
    assert match([], multiplier=ONE) == Book(0, Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("symbol", "entry", "leave", "rupees"),
    [
        ("CRUDEOIL", "5800", "5850", "5000"),
        ("GOLD", "125000", "125100", "10000"),
        ("NATURALGAS", "300.0", "300.5", "625"),
        ("GOLDGUINEA", "70000", "70001", "1"),
    ],
)
def test_one_lot_of_a_commodity(symbol: str, entry: str, leave: str, rupees: str) -> None:
    contract = commodity_contract(symbol, expiry=date(2026, 12, 18))
    fills = [
        Execution(Side.BUY, contract.lot_size, Decimal(entry)),
        Execution(Side.SELL, contract.lot_size, Decimal(leave)),
    ]
    assert realised_fifo(fills, multiplier=contract.multiplier).realised == Decimal(rupees)
    assert realised_average(fills, multiplier=contract.multiplier).realised == Decimal(rupees)
    open_profit = unrealized_pnl(
        quantity=contract.lot_size,
        average_price=Decimal(entry),
        last_price=Decimal(leave),
        multiplier=contract.multiplier,
    )
    assert open_profit == Decimal(rupees)


@pytest.mark.parametrize(("quantity", "expected"), [(65, "650"), (-65, "-650"), (0, "0")])
def test_ten_points_of_nifty(quantity: int, expected: str) -> None:
    found = unrealized_pnl(quantity=quantity, average_price=Decimal(24000), last_price=Decimal(24010), multiplier=ONE)
    assert found == Decimal(expected)


@pytest.mark.parametrize(
    ("gross", "charges", "net"),
    [("234", "67.375", "166.62"), ("-234", "67.375", "-301.38"), ("0.005", "0.005", "0.00"), ("10.004", "0", "10.00")],
)
def test_what_is_shown_after_charges_adds_up(gross: str, charges: str, net: str) -> None:
    assert net_shown(gross=Decimal(gross), charges=Decimal(charges)) == Decimal(net)


def test_points_sum_the_signed_moves_of_the_legs() -> None:
    legs = [
        (Side.SELL, Decimal("42.10"), Decimal("27.70")),
        (Side.SELL, Decimal("26.15"), Decimal("13.00")),
        (Side.BUY, Decimal("5.00"), Decimal("1.00")),
    ]
    assert points(legs) == Decimal("23.55")


def test_the_average_of_partial_fills_is_weighted() -> None:
    fills = [Execution(Side.BUY, 65, Decimal("10.00")), Execution(Side.BUY, 130, Decimal("10.15"))]
    assert average_fill_price(fills) == Decimal("10.10")
    with pytest.raises(ValueError, match="no fills"):
        average_fill_price([])


def test_the_day_counts_only_what_the_day_changed() -> None:
    """Carried 65 from 100, closed yesterday at 110; sold today at 104: the day lost 6 points."""
    found = day_pnl(realised_today=Decimal(260), unrealized_now=Decimal(0), unrealized_at_previous_close=Decimal(650))
    assert found == Decimal(-390)
