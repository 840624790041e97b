"""The rough margin of an entry."""

from decimal import Decimal

import pytest

from domain.instruments import Kind
from domain.margin import MarginLeg, estimate
from domain.orders import Side


def leg(kind: Kind, side: Side, *, price: str, strike: str = "0", multiplier: str = "1") -> MarginLeg:
    return MarginLeg(kind, side, 65, Decimal(price), Decimal(strike), Decimal(multiplier))


@pytest.mark.parametrize(
    ("one", "rupees"),
    [
        (leg(Kind.OPTION, Side.BUY, price="100", strike="26000"), "6500"),
        (leg(Kind.OPTION, Side.SELL, price="100", strike="26000"), "209300"),  # 12 % of 16,90,000 and the premium
        (leg(Kind.FUTURE, Side.BUY, price="26000"), "202800"),
        (leg(Kind.FUTURE, Side.SELL, price="26000"), "202800"),
        (leg(Kind.EQUITY, Side.BUY, price="100"), "6500"),
        (leg(Kind.FUTURE, Side.BUY, price="26000", multiplier="0.1"), "20280"),
    ],
)
def test_each_kind_of_leg_blocks_its_own(one: MarginLeg, rupees: str) -> None:
    assert estimate([one]) == Decimal(rupees)


def test_legs_add_up_and_none_blocks_nothing() -> None:
    bought = leg(Kind.OPTION, Side.BUY, price="100", strike="26000")
    assert estimate([bought, bought]) == 2 * estimate([bought])
    assert estimate([]) == 0
