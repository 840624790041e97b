"""Charges by dated rates, down to the paisa of worked examples."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.charge_rates import Levy, rate_on
from domain.charges import Charges, charges, exercise_tax
from domain.instruments import Exchange, Kind
from domain.orders import Side
from domain.pnl import Execution, cash_flow
from domain.prices import to_paisa
from tests.shared import shared_path

EXPIRY_DAY = date(2026, 8, 18)
ONE = Decimal(1)
prices = st.decimals(Decimal("0.05"), Decimal(100_000), places=2)
quantities = st.integers(1, 100_000)


def _order(side: Side, price: str, *, quantity: int = 65, kind: Kind = Kind.OPTION) -> Charges:
    return charges(
        exchange=Exchange.NFO,
        kind=kind,
        side=side,
        quantity=quantity,
        price=Decimal(price),
        multiplier=ONE,
        on=EXPIRY_DAY,
    )


@pytest.mark.parametrize(("on", "total"), [(date(2026, 3, 31), "378.37"), (date(2026, 4, 1), "856.12")])
def test_selling_a_nifty_future_at_24500_across_the_rise_of_the_tax(on: date, total: str) -> None:
    found = charges(
        exchange=Exchange.NFO,
        kind=Kind.FUTURE,
        side=Side.SELL,
        quantity=65,
        price=Decimal(24500),
        multiplier=ONE,
        on=on,
    )
    assert found.total_rounded == Decimal(total)


def test_the_golden_straddle_of_18_august_2026() -> None:
    fills = [
        Execution(Side.SELL, 65, Decimal("42.10")),
        Execution(Side.SELL, 65, Decimal("26.15")),
        Execution(Side.BUY, 65, Decimal("27.70")),
        Execution(Side.BUY, 65, Decimal("13.00")),
    ]
    gross = cash_flow(fills, multiplier=ONE)
    total = sum((_order(fill.side, str(fill.price)) for fill in fills), Charges()).total
    assert gross == Decimal("1790.75")
    assert to_paisa(total) == Decimal("104.11")
    assert to_paisa(gross - total) == Decimal("1686.64")


def test_the_parts_of_an_option_sale() -> None:
    found = _order(Side.SELL, "42.10")
    assert found == Charges(
        brokerage=Decimal(20),
        stt=Decimal("4.10475"),
        exchange=Decimal("0.972278450"),
        sebi=Decimal("0.0027365"),
        stamp=Decimal(0),
        gst=Decimal("3.775502691"),
    )
    bought = _order(Side.BUY, "42.10")
    assert (bought.stt, bought.stamp) == (Decimal(0), Decimal("0.082095"))


def test_small_futures_pay_a_share_and_large_ones_the_flat_fee() -> None:
    assert _order(Side.BUY, "100", quantity=1, kind=Kind.FUTURE).brokerage == Decimal("0.03")
    assert _order(Side.BUY, "24500", kind=Kind.FUTURE).brokerage == Decimal(20)


def test_a_broker_may_have_its_own_fees() -> None:
    facts = {
        "exchange": Exchange.NFO,
        "side": Side.BUY,
        "quantity": 65,
        "price": Decimal(100),
        "multiplier": ONE,
        "on": EXPIRY_DAY,
        "brokerage_per_order": Decimal(15),
        "brokerage_rate_futures": Decimal("0.001"),
    }
    assert charges(kind=Kind.OPTION, **facts).brokerage == Decimal(15)
    assert charges(kind=Kind.FUTURE, **facts).brokerage == Decimal("6.5")


def test_commodities_are_charged_on_rupees_not_on_quoted_price() -> None:
    """One lot of gold at 100,000 per 10 g is worth a crore."""
    found = charges(
        exchange=Exchange.MCX,
        kind=Kind.FUTURE,
        side=Side.SELL,
        quantity=1000,
        price=Decimal(100_000),
        multiplier=Decimal("0.1"),
        on=EXPIRY_DAY,
    )
    assert (found.stt, found.exchange, found.sebi) == (Decimal(1000), Decimal(210), Decimal(10))


def test_currencies_bear_no_transaction_tax() -> None:
    for side in Side:
        found = charges(
            exchange=Exchange.CDS, kind=Kind.FUTURE, side=side, quantity=1000, price=Decimal(85),
            multiplier=ONE, on=EXPIRY_DAY,
        )  # fmt: skip
        assert found.stt == 0
        assert found.total > 0


def test_nothing_filled_costs_nothing() -> None:
    assert _order(Side.BUY, "42.10", quantity=0) == Charges()


def test_exercise_taxes_the_intrinsic_value() -> None:
    facts = {"exchange": Exchange.NFO, "quantity": 65, "multiplier": ONE}
    assert exercise_tax(intrinsic=Decimal(100), on=date(2026, 4, 1), **facts) == Decimal("9.75")
    assert exercise_tax(intrinsic=Decimal(100), on=date(2026, 3, 31), **facts) == Decimal("8.125")
    assert exercise_tax(intrinsic=Decimal(-3), on=date(2026, 4, 1), **facts) == 0


@pytest.mark.parametrize(
    ("exchange", "kind", "on"),
    [
        (Exchange.NFO, Kind.OPTION, date(2024, 9, 30)),  # the slab fees before October 2024 are not known
        (Exchange.BCD, Kind.FUTURE, EXPIRY_DAY),
        (Exchange.NSE, Kind.EQUITY, EXPIRY_DAY),
        (Exchange.NFO, Kind.FUTURE, date(2000, 1, 1)),
    ],
)
def test_an_unknown_rate_is_never_guessed(exchange: Exchange, kind: Kind, on: date) -> None:
    with pytest.raises(LookupError, match=exchange):
        charges(exchange=exchange, kind=kind, side=Side.BUY, quantity=1, price=ONE, multiplier=ONE, on=on)


@pytest.mark.parametrize(("quantity", "price"), [(-65, "10"), (65, "-10")])
def test_nonsense_is_refused(quantity: int, price: str) -> None:
    with pytest.raises(ValueError, match="below zero"):
        _order(Side.BUY, price, quantity=quantity)


@given(st.sampled_from(Side), prices, quantities, st.sampled_from([Kind.FUTURE, Kind.OPTION]))
def test_parts_are_exact_and_add_up(side: Side, price: Decimal, quantity: int, kind: Kind) -> None:
    found = _order(side, str(price), quantity=quantity, kind=kind)
    turnover = Fraction(price) * quantity
    rate = Fraction("0.0005") if kind is Kind.FUTURE else Fraction("0.0015")
    assert Fraction(found.stt) == (turnover * rate if side is Side.SELL else 0)
    base = found.brokerage + found.exchange + found.sebi
    assert Fraction(found.gst) == Fraction(base) * Fraction("0.18")
    parts = (found.brokerage, found.stt, found.exchange, found.sebi, found.stamp, found.gst)
    assert Fraction(found.total) == sum(map(Fraction, parts))
    assert min(parts) >= 0
    assert abs(found.total_rounded - found.total) <= Decimal("0.005")


PRODUCTS = {
    "FUT": (Kind.FUTURE,),
    "OPT": (Kind.OPTION,),
    "ALL": (Kind.FUTURE, Kind.OPTION),
    "CD": (Kind.FUTURE, Kind.OPTION),
}
LEVIES = {
    "STT": Levy.STT,
    "CTT": Levy.STT,
    "STT_EXERCISE": Levy.EXERCISE,
    "EXCH_TXN+IPFT": Levy.EXCHANGE,
    "EXCH_TXN": Levy.EXCHANGE,
    "SEBI": Levy.SEBI,
    "STAMP": Levy.STAMP,
    "GST": Levy.GST,
}


def _where(fact: dict[str, str]) -> list[tuple[Exchange, Kind]]:
    """Return the exchanges and kinds a collected rate is about."""
    words = fact["product"].split()
    kinds = next(PRODUCTS[word] for word in ("FUT", "OPT", "CD", "ALL") if word in words)
    named = {"NFO": Exchange.NFO, "BFO": Exchange.BFO, "MCX": Exchange.MCX, "CD": Exchange.CDS}
    exchanges = [named[word] for word in (*words, fact["exchange"]) if word in named][:1]
    if fact["exchange"] == "ALL" and "CD" not in words:
        exchanges = [Exchange.NFO, Exchange.BFO, Exchange.MCX]
    return [(exchange, kind) for exchange in exchanges for kind in kinds]


def test_every_collected_rate_is_charged_on_its_days_and_sides() -> None:
    with shared_path("market_facts/charges.csv").open() as lines:
        facts = list(csv.DictReader(lines))
    sides = {"SELL": [Side.SELL], "BUY": [Side.BUY], "BUYER": [Side.BUY], "BOTH": list(Side)}
    checked = 0
    for fact in facts:
        days = [date.fromisoformat(day) for day in (fact["date_from"], fact["date_to"]) if day]
        for exchange, kind in _where(fact):
            for side in Side:
                rate = Decimal(fact["rate"]) if side in sides[fact["side"]] else Decimal(0)
                for on in days:
                    levy = LEVIES[fact["charge"]]
                    assert rate_on(levy, exchange=exchange, kind=kind, side=side, on=on) == rate, fact
                    checked += 1
    assert checked > 2 * len(facts)
