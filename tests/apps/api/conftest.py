"""A traded day: two clients with trades in their own accounts, an outsider's tenant with one, a key for everybody."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from apps.broker_accounts.models import BrokerAccount
from apps.markets.services.calendar import forget_calendar
from apps.strategies.models import Signal, Strategy, StrategyMap
from apps.strategies.services.routing import route
from apps.trading.models import (
    AccountState,
    ChangeRequest,
    ExternalOrder,
    Fill,
    Holding,
    Order,
    Position,
    Trade,
    TradeLeg,
)
from apps.users.models import User
from apps.users.services.api_keys import create_key
from bus.connection import redis_client
from bus.ticks import LAST, STATE
from tests.cast import Cast, make_account, make_strategy, publish_price


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No counts, answers and prices of an earlier test."""
    forget_calendar()
    cache.clear()
    redis_client().delete(LAST, STATE)
    yield
    forget_calendar()
    redis_client().delete(LAST, STATE)


@dataclass
class Api:
    """One person's program."""

    client: Client
    key: str

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", query, headers=self._headers)

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.content
        rows: list[dict[str, Any]] = response.json()["results"]
        return rows

    def ids(self, path: str, **query: Any) -> list[int]:
        return [row["id"] for row in self.rows(path, **query)]

    def post(self, path: str, body: object, **headers: str) -> HttpResponse:
        raw = body if isinstance(body, str) else json.dumps(body)
        return self.client.post(
            f"/api/v1/{path}", raw, content_type="application/json", headers=self._headers | headers
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def api_of(user: User, *, can_trade: bool = True) -> Api:
    """Give a person a key."""
    return Api(Client(), create_key(user=user, name="test", can_trade=can_trade)[1])


@dataclass
class Scene:
    """The cast after a morning of trading. ``theirs`` is the other trader's account, ``foreign`` the outsider's."""

    cast: Cast
    theirs: BrokerAccount
    foreign: BrokerAccount
    foreign_strategy: Strategy

    def trade(self, account: BrokerAccount) -> Trade:
        return Trade.objects.get(account=account)


@pytest.fixture
def scene(cast: Cast, now: datetime) -> Scene:
    """Everybody bought the call at 100; it stands at 110."""
    theirs = make_account(cast.other_trader, "paper", "PAPER2", mode="PAPER")
    StrategyMap.objects.create(strategy=cast.strategy, account=theirs)
    foreign = make_account(cast.outsider, "paper", "PAPER3", mode="PAPER")
    foreign_strategy = make_strategy(cast.outsider.tenant)
    StrategyMap.objects.create(strategy=foreign_strategy, account=foreign)
    publish_price(cast.call, "100")
    publish_price(cast.index, "26000")
    for strategy in (cast.strategy, foreign_strategy):
        signal = Signal.objects.create(
            tenant=strategy.tenant,
            strategy=strategy,
            kind="ENTRY",
            dedupe_key="morning",
            received_at=now,
            payload={"action": "buy"},
        )
        assert route(signal.pk, now=now) is not None
    for order in Order.objects.all():
        buy(order, now)
    publish_price(cast.call, "110")
    for account in (cast.account, theirs, foreign):
        make_external(account)
        make_holding(account)
        make_request(account)
    return Scene(cast, theirs, foreign, foreign_strategy)


def make_external(account: BrokerAccount, **fields: Any) -> ExternalOrder:
    """Let somebody have sold a lot of the call in the broker's own app."""
    values = {"symbol": "ZNIFTY23NOV2626000CE", "side": "SELL", "quantity": 65, "filled_quantity": 65}
    rest = {"average_price": Decimal("105.5"), "status": "FILLED", "broker_order_id": f"APP{account.pk}"}
    return ExternalOrder.objects.create(account=account, **(values | rest | fields))


def make_holding(account: BrokerAccount) -> Holding:
    """Let an account hold ten of something."""
    return Holding.objects.create(
        account=account, exchange="NSE", symbol="INFY", quantity=10, pledged=4, average_price=1500, last_price=1620
    )


def make_request(account: BrokerAccount) -> ChangeRequest:
    """Let its owner have asked for a change once, which the broker refused."""
    order = Order.objects.filter(account=account).latest("pk")
    return ChangeRequest.objects.create(
        tenant=account.tenant, account=account, order=order, kind="CHANGE", price=99, status="REFUSED", code="TICK",
        key=uuid4(), asked_by=account.user,
    )  # fmt: skip


def buy(order: Order, now: datetime, price: int = 100) -> None:
    """Let an entry be filled as a broker would report it."""
    Fill.objects.create(
        account=order.account,
        order=order,
        exchange_trade_id=f"X{order.pk}",
        quantity=order.quantity,
        price=price,
        filled_at=now + timedelta(seconds=1),
    )
    Order.objects.filter(pk=order.pk).update(
        status="FILLED", filled_quantity=order.quantity, average_price=price, broker_order_id=f"B{order.pk}"
    )
    value = Decimal(order.quantity * price)
    TradeLeg.objects.filter(pk=order.intent.leg_id).update(entry_quantity=order.quantity, entry_value=value)
    Trade.objects.filter(pk=order.intent.trade_id).update(status="OPEN", opened_at=now, charges=Decimal("21.1234"))
    Position.objects.create(
        account=order.account,
        mode=order.intent.mode,
        instrument=order.instrument,
        product=order.product,
        quantity=order.quantity,
        average_price=price,
        read_at=now,
    )
    AccountState.objects.create(account=order.account, mode=order.intent.mode, available_funds=Decimal("50000.5"))


@pytest.fixture
def trader(scene: Scene) -> Api:
    return api_of(scene.cast.trader)
