"""Coins on the exchange: paid whole, sold only when held, perpetuals on margin, and no day that ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.orders import OrderType, Product, Side
from domain.prices import to_decimal
from simulator.exchange.core import Exchange
from simulator.exchange.types import NewOrder, OrderState, Reason, Refusal
from simulator.market.world import WorldMarket

START = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
CASH = Decimal(10_000)


@pytest.fixture
def exchange() -> Exchange:
    exchange = Exchange(market=WorldMarket(seed=1, start=START), seed=1)
    exchange.open_account("COIN01", cash=CASH)
    return exchange


def order(exchange: Exchange, side: Side, quantity: int, *, where: str = "BINANCE", factor: str = "") -> NewOrder:
    listing = exchange.market.find(where, "BTCUSDT")
    last = to_decimal(exchange.market.quote(listing.token).last_price)
    by = Decimal(factor or ("1.01" if side is Side.BUY else "0.99"))
    return NewOrder(
        exchange=where,
        symbol="BTCUSDT",
        side=side,
        quantity=quantity,
        product=Product.CNC if where == "BINANCE" else Product.NRML,
        order_type=OrderType.LIMIT,
        price=last * by // listing.tick_size * listing.tick_size,
        tag="a-tag.of_36:characters/is-Binances-own",
    )


def test_a_coin_is_paid_for_whole(exchange: Exchange):
    exchange.place("COIN01", order(exchange, Side.BUY, 2_500), now=START)
    (trade,) = exchange.trades("COIN01")
    paid = trade.price * 2_500 * Decimal("0.00001")
    assert exchange.margins("COIN01").available == CASH - paid
    (position,) = exchange.positions("COIN01")
    assert (position.quantity, position.average_price) == (2_500, trade.price)


def test_what_is_not_held_cannot_be_sold(exchange: Exchange):
    order_id = exchange.place("COIN01", order(exchange, Side.SELL, 1), now=START)
    shown = exchange.order("COIN01", order_id)
    assert (shown.state, shown.reason) == (OrderState.REJECTED, Reason.POSITION)


def test_more_than_the_account_has_is_refused(exchange: Exchange):
    order_id = exchange.place("COIN01", order(exchange, Side.BUY, 100_000), now=START)
    assert exchange.order("COIN01", order_id).reason is Reason.MARGIN


def test_a_perpetual_is_sold_short_on_a_twentieth(exchange: Exchange):
    exchange.place("COIN01", order(exchange, Side.SELL, 100, where="BINANCE_UM"), now=START)
    (position,) = exchange.positions("COIN01")
    assert position.quantity == -100
    used = exchange.margins("COIN01").used
    assert used == position.last_price * 100 * Decimal("0.001") / 20


def test_an_order_rests_over_what_would_be_a_days_end(exchange: Exchange):
    resting = exchange.place("COIN01", order(exchange, Side.BUY, 10, factor="0.8"), now=START)
    filled = exchange.place("COIN01", order(exchange, Side.BUY, 10), now=START)
    exchange.step(START + timedelta(days=2))
    states = {one.order_id: one.state for one in exchange.orders("COIN01")}
    assert states == {resting: OrderState.OPEN, filled: OrderState.COMPLETE}
    assert len(exchange.trades("COIN01")) == 1
    exchange.cancel("COIN01", resting, now=START + timedelta(days=2))
    assert exchange.order("COIN01", resting).state is OrderState.CANCELLED


@pytest.mark.parametrize(("where", "product"), [("BINANCE", Product.MIS), ("BINANCE_UM", Product.CNC)])
def test_other_products_are_not_taken(exchange: Exchange, where: str, product: Product):
    wish = order(exchange, Side.BUY, 10, where=where)
    with pytest.raises(Refusal) as refused:
        exchange.place("COIN01", replace(wish, product=product), now=START)
    assert refused.value.reason is Reason.PRODUCT
