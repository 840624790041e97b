"""An exchange on the live market with one option pinned at 100, and shorthand to trade it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.clock import IST
from domain.orders import OrderType, Product, Side
from simulator.exchange.core import Exchange
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Settings
from simulator.market.live import LiveMarket

START = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
CALL, PUT, FUTURE, CRUDE = "NIFTY26NOV24200CE", "NIFTY26NOV24200PE", "NIFTY26NOVFUT", "CRUDEOIL26DECFUT"


@dataclass
class Desk:
    """One client's view of an exchange whose time is moved by hand."""

    exchange: Exchange
    market: LiveMarket
    client: str = "C1"
    now: datetime = START
    seen: list[ClientOrder] = field(default_factory=list)

    def tick(self, seconds: float = 1.0) -> list[int]:
        self.now += timedelta(seconds=seconds)
        return list(self.exchange.step(self.now))

    def token(self, symbol: str = CALL, exchange: str = "NFO") -> int:
        listing = self.market.find(exchange, symbol)
        assert listing is not None
        return listing.token

    def price(self, rupees: str | int, symbol: str = CALL) -> None:
        self.market.set_price(self.token(symbol), Decimal(rupees))
        self.tick()

    def place(self, **fields: Any) -> ClientOrder:
        order_id = self.exchange.place(self.client, new(**fields), now=self.now)
        return self.order(order_id)

    def order(self, order_id: str) -> ClientOrder:
        return self.exchange.order(self.client, order_id)

    def modify(self, order: ClientOrder, **fields: Any) -> ClientOrder:
        self.exchange.modify(self.client, order.order_id, OrderEdit(**fields), now=self.now)
        return self.order(order.order_id)

    def cancel(self, order: ClientOrder) -> ClientOrder:
        self.exchange.cancel(self.client, order.order_id, now=self.now)
        return self.order(order.order_id)

    def states(self, order: ClientOrder) -> list[str]:
        return [state.state.value for state in self.exchange.history(self.client, order.order_id)]


def new(**fields: Any) -> NewOrder:
    """A day limit to buy a lot of the call at 90, unless said otherwise."""
    usual: dict[str, Any] = {
        "exchange": "NFO",
        "symbol": CALL,
        "side": Side.BUY,
        "quantity": 65,
        "product": Product.NRML,
        "order_type": OrderType.LIMIT,
    }
    given = usual | fields
    if given["order_type"] is OrderType.LIMIT:
        given.setdefault("price", Decimal(90))
    return NewOrder(**given)


def make_desk(*, seed: int = 5, settings: Settings = Settings(), cash: int = 10_000_000) -> Desk:
    market = LiveMarket(seed=seed, start=START)
    exchange = Exchange(market=market, seed=seed, settings=settings)
    exchange.open_account("C1", cash=Decimal(cash))
    desk = Desk(exchange=exchange, market=market)
    exchange.on_order(desk.seen.append)
    desk.price(100)
    return desk


@pytest.fixture
def desk() -> Desk:
    return make_desk()


@pytest.fixture
def make() -> Callable[..., Desk]:
    return make_desk


@pytest.fixture
def order_of() -> Callable[..., NewOrder]:
    return new
