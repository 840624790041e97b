"""Whatever clients do and however the market moves, the books add up."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.clock import IST
from domain.orders import OrderType, Product, Side, Validity
from domain.prices import to_decimal
from simulator.exchange.core import Exchange
from simulator.exchange.types import (
    FINAL_STATES,
    RESTING_STATES,
    ClientOrder,
    NewOrder,
    OrderEdit,
    OrderState,
    Refusal,
    Settings,
)
from simulator.market.live import LiveMarket, MarketSettings

START = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
SYMBOLS = ("NIFTY26NOV24200CE", "NIFTY26NOV24200PE")
CLIENTS = ("C1", "C2")
TICK = Decimal("0.05")
_S = OrderState
MOVES = {
    _S.RECEIVED: {_S.VALIDATION_PENDING},
    _S.VALIDATION_PENDING: {_S.OPEN_PENDING, _S.REJECTED},
    _S.OPEN_PENDING: {_S.OPEN, _S.TRIGGER_PENDING},
    _S.TRIGGER_PENDING: {_S.OPEN, _S.CANCEL_PENDING, _S.MODIFY_VALIDATION_PENDING, _S.CANCELLED},
    _S.OPEN: {_S.OPEN, _S.COMPLETE, _S.CANCELLED, _S.CANCEL_PENDING, _S.MODIFY_VALIDATION_PENDING},
    _S.MODIFY_VALIDATION_PENDING: {_S.MODIFY_PENDING},
    _S.MODIFY_PENDING: {_S.MODIFIED},
    _S.MODIFIED: {_S.OPEN, _S.TRIGGER_PENDING},
    _S.CANCEL_PENDING: {_S.CANCELLED},
    _S.COMPLETE: set(),
    _S.CANCELLED: set(),
    _S.REJECTED: set(),
}
offsets = st.integers(min_value=-200, max_value=200)


class Day(RuleBasedStateMachine):
    """A day of two clients in two options."""

    @initialize(seed=st.integers(min_value=0, max_value=10**6), ratio=st.sampled_from([0.0, 0.6]))
    def open(self, seed: int, ratio: float) -> None:
        market = LiveMarket(seed=seed, start=START, settings=MarketSettings(volatility_scale=5))
        self.exchange = Exchange(market=market, seed=seed, settings=Settings(partial_fill_ratio=ratio))
        self.now = START
        self.pushed: list[ClientOrder] = []
        self.exchange.on_order(self.pushed.append)
        for client in CLIENTS:
            self.exchange.open_account(client, cash=Decimal(600_000))

    @rule(
        client=st.sampled_from(CLIENTS),
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(Side),
        order_type=st.sampled_from(OrderType),
        validity=st.sampled_from(Validity),
        lots=st.integers(min_value=1, max_value=27),
        limit=offsets,
        trigger=offsets,
    )
    def place(self, client, symbol, side, order_type, validity, lots, limit, trigger) -> None:
        listing = self.exchange.market.find("NFO", symbol)
        last = to_decimal(self.exchange.market.quote(listing.token).last_price)
        order = NewOrder(
            exchange="NFO",
            symbol=symbol,
            side=side,
            quantity=65 * lots,
            product=Product.NRML,
            order_type=order_type,
            validity=validity,
            price=max(last + limit * TICK, TICK),
            trigger_price=max(last + trigger * TICK, TICK),
            market_protection=Decimal(3),
        )
        before = len(self.exchange.orders(client))
        try:
            self.exchange.place(client, order, now=self.now)
        except Refusal:
            assert len(self.exchange.orders(client)) == before
        else:
            assert len(self.exchange.orders(client)) == before + 1

    def resting(self, client: str, pick: int) -> ClientOrder | None:
        orders = [order for order in self.exchange.orders(client) if order.state in RESTING_STATES]
        return orders[pick % len(orders)] if orders else None

    @rule(client=st.sampled_from(CLIENTS), pick=st.integers(min_value=0, max_value=50))
    def cancel(self, client: str, pick: int) -> None:
        order = self.resting(client, pick)
        if order is not None:
            self.exchange.cancel(client, order.order_id, now=self.now)

    @rule(
        client=st.sampled_from(CLIENTS),
        pick=st.integers(min_value=0, max_value=50),
        move=offsets,
        lots=st.integers(min_value=1, max_value=27),
    )
    def modify(self, client: str, pick: int, move: int, lots: int) -> None:
        order = self.resting(client, pick)
        if order is None:
            return
        edit = OrderEdit(price=order.price + move * TICK, quantity=65 * lots)
        try:
            self.exchange.modify(client, order.order_id, edit, now=self.now)
        except Refusal:
            assert self.exchange.order(client, order.order_id) == order

    @rule(seconds=st.floats(min_value=0.1, max_value=30))
    def step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.exchange.step(self.now)

    @rule(percent=st.decimals(min_value=-2, max_value=2, places=1))
    def shock(self, percent: Decimal) -> None:
        self.exchange.market.shock("NIFTY", percent)
        self.step(0.1)

    @invariant()
    def every_order_agrees_with_its_trades(self) -> None:
        for client in self.clients():
            for order in self.exchange.orders(client):
                trades = self.exchange.trades(client, order.order_id)
                assert sum(trade.quantity for trade in trades) == order.filled_quantity <= order.quantity
                for trade in trades:
                    assert (trade.side, trade.listing) == (order.side, order.listing)
                value = sum(trade.price * trade.quantity for trade in trades)
                assert abs(order.average_price * order.filled_quantity - value) < Decimal("1e-9")
                if order.state is _S.COMPLETE:
                    assert order.filled_quantity == order.quantity
                if order.state in FINAL_STATES - {_S.REJECTED}:
                    assert order.filled_quantity + order.cancelled_quantity == order.quantity

    @invariant()
    def every_history_moves_as_it_may(self) -> None:
        for client in self.clients():
            for order in self.exchange.orders(client):
                history = self.exchange.history(client, order.order_id)
                assert history[-1] == order
                assert history[0].state is _S.RECEIVED
                for before, after in itertools.pairwise(history):
                    assert after.state in MOVES[before.state]
                    assert after.filled_quantity >= before.filled_quantity
                    assert after.updated_at >= before.updated_at

    @invariant()
    def an_immediate_order_never_rests(self) -> None:
        for client in self.clients():
            for order in self.exchange.orders(client):
                assert order.validity is Validity.DAY or order.state in FINAL_STATES

    @invariant()
    def positions_are_the_sum_of_trades(self) -> None:
        for client in self.clients():
            net: dict[str, int] = {}
            cash = Decimal(0)
            for trade in self.exchange.trades(client):
                symbol = trade.listing.symbol
                net[symbol] = net.get(symbol, 0) + trade.side.sign * trade.quantity
                cash -= trade.side.sign * trade.quantity * trade.price
            positions = self.exchange.positions(client)
            assert {row.listing.symbol: row.quantity for row in positions} == net
            profit = sum(row.realised + row.unrealised for row in positions)
            worth = cash + sum(row.quantity * row.last_price for row in positions)
            assert abs(profit - worth) < Decimal("1e-6")

    @invariant()
    def money_is_never_spent_twice(self) -> None:
        for client in self.clients():
            margins = self.exchange.margins(client)
            assert margins.used >= 0
            premium = sum(
                row.quantity * row.average_price for row in self.exchange.positions(client) if row.quantity > 0
            )
            assert abs(margins.option_premium - premium) < Decimal("1e-6")

    @invariant()
    def ids_are_unique(self) -> None:
        orders = [order.order_id for client in self.clients() for order in self.exchange.orders(client)]
        trades = [trade.trade_id for client in self.clients() for trade in self.exchange.trades(client)]
        assert len(set(orders)) == len(orders)
        assert len(set(trades)) == len(trades)

    def clients(self) -> tuple[str, ...]:
        return CLIENTS if hasattr(self, "exchange") else ()


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=25, stateful_step_count=40)
