"""The matching engine, by examples and by properties."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.matching import MarketView, MatchFill, MatchState, WorkingOrder, is_triggered, match
from domain.orders import OrderType, Side, Validity

TICK = Decimal("0.05")
prices = st.integers(min_value=1, max_value=4000).map(lambda steps: steps * TICK)
lots = st.integers(min_value=1, max_value=40).map(lambda count: count * 65)


@st.composite
def orders(draw: st.DrawFn) -> WorkingOrder:
    quantity = draw(lots)
    return WorkingOrder(
        side=draw(st.sampled_from(Side)),
        order_type=draw(st.sampled_from(OrderType)),
        validity=draw(st.sampled_from(Validity)),
        quantity=quantity,
        filled=draw(st.integers(min_value=0, max_value=quantity)),
        price=draw(prices),
        trigger_price=draw(prices),
        triggered=draw(st.booleans()),
    )


@st.composite
def views(draw: st.DrawFn) -> MarketView:
    last = draw(prices)
    sided = st.one_of(st.just(Decimal(0)), prices)
    return MarketView(
        last_price=last,
        tick_size=TICK,
        bid=draw(sided),
        ask=draw(sided),
        bid_quantity=draw(st.integers(min_value=0, max_value=3000)),
        ask_quantity=draw(st.integers(min_value=0, max_value=3000)),
        slippage_ticks=draw(st.integers(min_value=0, max_value=5)),
        max_quantity=draw(st.one_of(st.none(), st.integers(min_value=0, max_value=3000))),
    )


def view(last: str, bid: str = "0", ask: str = "0", **more: int) -> MarketView:
    return MarketView(last_price=Decimal(last), tick_size=TICK, bid=Decimal(bid), ask=Decimal(ask), **more)


def order(side: Side, order_type: OrderType, **more: object) -> WorkingOrder:
    return replace(WorkingOrder(side=side, order_type=OrderType.MARKET, quantity=65), order_type=order_type, **more)


@given(orders(), views())
def test_fills_never_exceed_what_is_left_or_offered(working: WorkingOrder, market: MarketView) -> None:
    result = match(working, market)
    total = sum(fill.quantity for fill in result.fills)
    assert total <= working.remaining
    assert result.order.filled == working.filled + total
    assert all(fill.quantity > 0 and fill.price > 0 for fill in result.fills)
    if market.max_quantity is not None:
        assert total <= market.max_quantity


@given(orders(), views())
def test_a_limit_is_never_filled_worse_than_its_price(working: WorkingOrder, market: MarketView) -> None:
    assume(working.order_type in (OrderType.LIMIT, OrderType.SL))  # half of what is drawn
    for fill in match(working, market).fills:
        assert (working.price - fill.price) * working.side.sign >= 0


@given(orders(), views())
def test_an_ioc_never_rests(working: WorkingOrder, market: MarketView) -> None:
    result = match(replace(working, validity=Validity.IOC), market)
    assert result.state in (MatchState.FILLED, MatchState.CANCELLED)


@given(orders(), st.lists(views(), max_size=8))
def test_a_trigger_once_touched_stays_touched_and_filled_never_falls(
    working: WorkingOrder, markets: list[MarketView]
) -> None:
    for market in markets:
        result = match(working, market)
        assert result.order.triggered >= working.triggered
        assert result.order.filled >= working.filled
        working = result.order


@given(
    orders(),
    views(),
    st.sampled_from([OrderType.SL, OrderType.SL_M]),
    st.integers(min_value=1, max_value=100),
)
def test_an_untouched_stop_neither_fills_nor_rests_as_open(
    working: WorkingOrder, market: MarketView, stop: OrderType, away: int
) -> None:
    trigger = max(market.last_price + working.side.sign * away * TICK, TICK)
    untouched = replace(
        working, order_type=stop, validity=Validity.DAY, filled=0, triggered=False, trigger_price=trigger
    )
    assume(not is_triggered(untouched, market.last_price))
    result = match(untouched, market)
    assert result.fills == ()
    assert result.state is MatchState.TRIGGER_PENDING


@given(orders(), prices)
def test_without_book_and_slippage_every_fill_is_at_the_last_price(working: WorkingOrder, last: Decimal) -> None:
    result = match(working, MarketView(last_price=last, tick_size=TICK))
    assert all(fill.price == last for fill in result.fills)
    marketable = working.order_type is OrderType.MARKET and working.remaining
    assert not marketable or result.fills == (MatchFill(working.remaining, last),)


@given(orders(), views(), views())
def test_a_filled_order_stays_as_it_is(working: WorkingOrder, first: MarketView, second: MarketView) -> None:
    done = replace(working, filled=working.quantity)
    for market in (first, second):
        result = match(done, market)
        assert result.fills == ()
        assert result.state is MatchState.FILLED


@given(orders(), views(), st.integers(min_value=0, max_value=4))
def test_more_slippage_is_never_better(working: WorkingOrder, market: MarketView, extra: int) -> None:
    market = replace(market, bid=Decimal(0), ask=Decimal(0))
    mild = match(working, market).fills
    harsh = match(working, replace(market, slippage_ticks=market.slippage_ticks + extra)).fills
    assert len(mild) == len(harsh)
    for better, worse in zip(mild, harsh, strict=True):
        assert (worse.price - better.price) * working.side.sign >= 0


def test_a_market_buy_takes_the_ask_and_a_sell_hits_the_bid() -> None:
    market = view("100", "99.95", "100.10", bid_quantity=650, ask_quantity=650)
    assert match(order(Side.BUY, OrderType.MARKET), market).fills == (MatchFill(65, Decimal("100.10")),)
    assert match(order(Side.SELL, OrderType.MARKET), market).fills == (MatchFill(65, Decimal("99.95")),)


def test_a_marketable_limit_fills_at_the_better_touch() -> None:
    market = view("100", "99.95", "100.10")
    result = match(order(Side.BUY, OrderType.LIMIT, price=Decimal(105)), market)
    assert result.fills == (MatchFill(65, Decimal("100.10")),)
    assert result.state is MatchState.FILLED


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.10"), (Side.SELL, "99.95")])
def test_a_limit_exactly_at_the_touch_fills(side: Side, price: str) -> None:
    result = match(order(side, OrderType.LIMIT, price=Decimal(price)), view("100", "99.95", "100.10"))
    assert result.fills == (MatchFill(65, Decimal(price)),)


def test_a_limit_away_from_the_touch_rests() -> None:
    result = match(order(Side.SELL, OrderType.LIMIT, price=Decimal(101)), view("102", "100.90", "102"))
    assert result.fills == ()
    assert result.state is MatchState.RESTING


def test_slippage_is_paid_without_a_book_but_never_beyond_the_limit() -> None:
    market = view("42.10", slippage_ticks=2)
    assert match(order(Side.BUY, OrderType.MARKET), market).fills[0].price == Decimal("42.20")
    assert match(order(Side.SELL, OrderType.MARKET), market).fills[0].price == Decimal("42.00")
    limited = order(Side.BUY, OrderType.LIMIT, price=Decimal("42.15"))
    assert match(limited, market).fills[0].price == Decimal("42.15")


def test_a_sell_at_the_bottom_never_slips_to_zero() -> None:
    assert match(order(Side.SELL, OrderType.MARKET), view("0.05", slippage_ticks=3)).fills[0].price == TICK


def test_a_stop_waits_for_its_level_and_then_acts_as_a_limit() -> None:
    stop = order(Side.SELL, OrderType.SL, price=Decimal(95), trigger_price=Decimal(96))
    waiting = match(stop, view("96.05"))
    assert (waiting.state, waiting.fills) == (MatchState.TRIGGER_PENDING, ())
    gapped = match(waiting.order, view("94"))
    assert (gapped.state, gapped.fills, gapped.order.triggered) == (MatchState.RESTING, (), True)
    back = match(gapped.order, view("97"))
    assert back.fills == (MatchFill(65, Decimal(97)),)


def test_a_stop_market_fills_at_the_touch_once_triggered() -> None:
    stop = order(Side.BUY, OrderType.SL_M, trigger_price=Decimal(110))
    result = match(stop, view("110", "109.90", "110.20"))
    assert result.fills == (MatchFill(65, Decimal("110.20")),)


def test_the_book_quantity_and_the_cap_make_partial_fills() -> None:
    big = WorkingOrder(side=Side.BUY, order_type=OrderType.MARKET, quantity=650)
    first = match(big, view("100", "99", "101", ask_quantity=130))
    assert (first.fills[0].quantity, first.state) == (130, MatchState.RESTING)
    second = match(first.order, view("100", "99", "101", ask_quantity=1300, max_quantity=65))
    assert (second.fills[0].quantity, second.order.filled) == (65, 195)


def test_the_remainder_of_a_partly_filled_ioc_is_cancelled() -> None:
    ioc = WorkingOrder(side=Side.BUY, order_type=OrderType.MARKET, validity=Validity.IOC, quantity=650)
    result = match(ioc, view("100", "99", "101", ask_quantity=130))
    assert (result.order.filled, result.state) == (130, MatchState.CANCELLED)


def test_an_empty_side_of_a_book_fills_nothing() -> None:
    result = match(order(Side.BUY, OrderType.MARKET), view("100", bid="99"))
    assert (result.fills, result.state) == ((), MatchState.RESTING)


def test_no_price_at_all_fills_nothing_and_triggers_nothing() -> None:
    assert match(order(Side.BUY, OrderType.MARKET), view("0")).fills == ()
    stop = order(Side.SELL, OrderType.SL_M, trigger_price=Decimal(10))
    assert match(stop, view("0")).state is MatchState.TRIGGER_PENDING


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_type": OrderType.MARKET, "quantity": 0},
        {"order_type": OrderType.MARKET, "quantity": 65, "filled": 66},
        {"order_type": OrderType.LIMIT, "quantity": 65},
        {"order_type": OrderType.SL_M, "quantity": 65},
    ],
)
def test_an_impossible_order_cannot_be_made(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs|impossible"):
        WorkingOrder(side=Side.BUY, **wrong)  # type: ignore[arg-type]
