"""Positions and margins after fills."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments import Exchange, Kind, Right
from domain.orders import OrderType, Product, Side
from simulator.exchange.margin import margin_of
from simulator.exchange.positions import Holding
from simulator.exchange.types import OrderState, Reason, Refusal
from simulator.market.contracts import FAMILIES, option_listing
from simulator.market.types import Listing, MarketQuote

D = Decimal
PUT = "NIFTY26NOV24200PE"
fills = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(min_value=1, max_value=5).map(lambda lots: lots * 65),
        st.integers(min_value=1, max_value=4000).map(lambda steps: steps * D("0.05")),
    ),
    max_size=12,
)


def option(strike: int = 24200, right: Right = Right.CALL) -> Listing:
    return option_listing(FAMILIES["NIFTY"], date(2026, 11, 23), D(strike), right)


@given(fills, st.integers(min_value=1, max_value=4000).map(lambda steps: steps * D("0.05")))
def test_profit_is_what_came_in_less_what_went_out_plus_what_is_left(trades, last) -> None:
    holding = Holding(listing=option(), product=Product.NRML)
    cash, net = D(0), 0
    for side, quantity, price in trades:
        holding.fill(side, quantity, price)
        cash -= side.sign * quantity * price
        net += side.sign * quantity
    assert holding.quantity == net
    profit = holding.realised + holding.unrealised(last)
    assert profit == pytest.approx(cash + net * last, abs=D("1e-12"))
    assert (holding.average_price == 0) == (net == 0)


@given(fills)
def test_a_flat_position_has_only_realised_profit(trades) -> None:
    holding = Holding(listing=option(), product=Product.NRML)
    for side, quantity, price in [*trades, *((side.opposite, size, price) for side, size, price in trades)]:
        holding.fill(side, quantity, price)
    assert holding.quantity == 0
    assert holding.unrealised(D(100)) == 0


def test_a_position_that_flips_starts_anew_at_the_flipping_price() -> None:
    holding = Holding(listing=option(), product=Product.NRML)
    holding.fill(Side.BUY, 65, D(100))
    holding.fill(Side.SELL, 130, D(110))
    assert (holding.quantity, holding.average_price, holding.realised) == (-65, D(110), D(650))


def test_a_position_is_remembered_as_it_was_before_each_execution() -> None:
    began, holding = datetime(2026, 11, 23, 10, tzinfo=UTC), Holding(listing=option(), product=Product.NRML)
    for minute, side in enumerate((Side.BUY, Side.BUY, Side.SELL), start=1):
        holding.remember(began + timedelta(minutes=minute))
        holding.fill(side, 65, D(100 + minute))
    was = [holding.as_of(began + timedelta(minutes=minute)) for minute in range(4)]
    assert [(one.quantity, one.bought.quantity, one.sold.quantity) for one in was] == [
        (0, 0, 0),
        (65, 65, 0),
        (130, 130, 0),
        (65, 130, 65),
    ]
    assert [one.is_untouched for one in was] == [True, False, False, False]
    assert was[1].average_price == D(101)


def test_the_multiplier_counts_in_values_and_profit() -> None:
    holding = Holding(listing=replace(option(), multiplier=D("0.1")), product=Product.NRML)
    holding.fill(Side.BUY, 1000, D(100))
    shown = holding.shown(MarketQuote(token=1, last_price=11_000_000_000))
    assert (shown.buy_value, shown.unrealised) == (D(10_000), D(1000))


def test_a_bought_option_costs_its_premium_and_gives_it_back(desk) -> None:
    order = desk.place(price=D(105))
    margins = desk.exchange.margins("C1")
    assert margins.option_premium == order.average_price * 65 == margins.used
    assert margins.available == margins.cash - margins.used
    sold = desk.place(side=Side.SELL, price=D(95))
    after = desk.exchange.margins("C1")
    assert after.used == 0
    assert after.available == margins.cash + (sold.average_price - order.average_price) * 65


def test_a_resting_order_blocks_money_until_cancelled(desk) -> None:
    order = desk.place(price=D(90))
    assert desk.exchange.margins("C1").blocked == 90 * 65
    desk.cancel(order)
    assert desk.exchange.margins("C1").used == 0


def test_an_exit_needs_no_money(desk) -> None:
    desk.exchange.open_account("C1", cash=D(200_000))
    assert desk.place(side=Side.SELL, price=D(95)).state is OrderState.COMPLETE
    desk.exchange.open_account("C1", cash=D(0))
    assert desk.place(price=D(90)).state is OrderState.OPEN
    second = desk.place(price=D(90))
    assert (second.state, second.reason) == (OrderState.REJECTED, Reason.MARGIN)


def test_two_resting_exits_of_one_position_are_not_both_free(desk) -> None:
    desk.place(side=Side.SELL, price=D(95))
    first = desk.place(price=D(90))
    assert desk.exchange.margins("C1").blocked == 0
    desk.place(price=D(80))
    assert desk.exchange.margins("C1").blocked == 80 * 65
    desk.cancel(first)
    assert desk.exchange.margins("C1").blocked == 0


def test_a_modify_needs_money_for_what_it_adds(desk) -> None:
    order = desk.place(price=D(90))
    desk.exchange.open_account("C1", cash=D(90 * 65 + 100))
    with pytest.raises(Refusal) as refused:
        desk.modify(order, quantity=130)
    assert refused.value.reason is Reason.MARGIN
    assert desk.modify(order, price=D("91.50")).price == D("91.50")


def test_a_short_option_ties_up_a_share_of_the_index(desk) -> None:
    desk.place(side=Side.SELL, price=D(95))
    margins = desk.exchange.margins("C1")
    assert 100_000 < margins.span + margins.exposure < 250_000
    assert margins.option_premium == 0


@given(st.integers(min_value=22000, max_value=26000), st.sampled_from([Right.CALL, Right.PUT]))
def test_short_margin_falls_with_distance_but_not_below_its_floor(strike: int, right: Right) -> None:
    level = D(24200)
    near = margin_of(
        option(24200, right), side=Side.SELL, product=Product.NRML, quantity=65, price=D(100), underlying=level
    )
    far = margin_of(
        option(strike, right), side=Side.SELL, product=Product.NRML, quantity=65, price=D(10), underlying=level
    )
    assert far.total <= near.total
    assert far.total >= (D("0.03") + D("0.02")) * level * 65


def test_required_margin_is_the_same_as_what_an_order_then_uses(desk, order_of) -> None:
    future = {"symbol": "NIFTY26NOVFUT", "side": Side.SELL, "order_type": OrderType.MARKET}
    wanted = order_of(**future, market_protection=D(-1))
    required = desk.exchange.required_margin(wanted)
    desk.place(**future, market_protection=D(-1))
    margins = desk.exchange.margins("C1")
    assert margins.span + margins.exposure == pytest.approx(required.total, rel=D("0.02"))
    with pytest.raises(Refusal):
        desk.exchange.required_margin(order_of(quantity=1))


def test_a_position_can_be_converted_and_not_more_than_is_held(desk) -> None:
    desk.place(price=D(105), quantity=130)
    average = desk.exchange.positions("C1")[0].average_price
    convert = {"exchange": "NFO", "symbol": "NIFTY26NOV24200CE", "side": Side.BUY}
    desk.exchange.convert("C1", **convert, quantity=65, old=Product.NRML, new=Product.MIS)
    held = {position.product: position for position in desk.exchange.positions("C1")}
    assert (held[Product.NRML].quantity, held[Product.MIS].quantity) == (65, 65)
    assert held[Product.MIS].average_price == average
    assert sum(position.realised for position in held.values()) == 0
    with pytest.raises(Refusal) as refused:
        desk.exchange.convert("C1", **convert, quantity=130, old=Product.NRML, new=Product.MIS)
    assert refused.value.reason is Reason.POSITION


def test_profit_becomes_cash_on_the_next_day(desk) -> None:
    desk.place(price=D(105))
    desk.place(side=Side.SELL, price=D(95))
    realised = desk.exchange.margins("C1").realised
    assert realised < 0
    desk.tick(20 * 3600)
    margins = desk.exchange.margins("C1")
    assert (margins.cash, margins.realised) == (D(10_000_000) + realised, 0)
    assert desk.exchange.positions("C1") == []


def test_crude_uses_commodity_rates() -> None:
    crude = replace(option(), exchange=Exchange.MCX, kind=Kind.FUTURE, underlying="CRUDEOIL", strike=None)
    margin = margin_of(crude, side=Side.BUY, product=Product.NRML, quantity=100, price=D(5000), underlying=D(5000))
    assert margin.total == D(80_000)
