"""A simulated terminal over real HTTP at the real web application, its adapter at Postgres: one order through all."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from apps.broker_accounts.models import BridgeCommand, BrokerAccount, BrokerSession
from apps.broker_accounts.services import bridge_tokens
from apps.tenants.models import Tenant
from apps.users.models import User
from brokers.catalog import simulated_endpoint
from brokers.connect import BridgeDesk, connect, connect_login, connect_market_data
from domain.broker import Broker, BrokerError, Credentials, SessionLost, Verdict
from domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side
from tests.cast import make_account
from tests.simulated import simulated_exchange
from workers.bridge_room import desk_of, own_thread

LOGIN = "5001"
WISH = OrderRequest(
    client_order_id="LIVE1",
    exchange="MT5",
    symbol="XAUUSD",
    token="XAUUSD",
    side=Side.BUY,
    quantity=3,
    lot_size=1,
    product=Product.NRML,
    order_type=OrderType.LIMIT,
    price=Decimal("1000.00"),
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulated_exchange(Path(tmp_path_factory.mktemp("exchange")), clients=1) as url:
        yield url


@pytest.fixture
def account(db: None) -> BrokerAccount:
    tenant = Tenant.objects.create(slug="house", name="House")
    trader = User.objects.create_user("trader@house.test", "correct horse battery", tenant=tenant)
    return make_account(trader, "mt5", LOGIN, mode="LIVE")


async def attached(exchange: str, bridge: str, token: str) -> None:
    """The person's part: a terminal that is signed in, and our program on a chart of it."""
    client = {"client": LOGIN, "broker": "mt5", "api_key": f"key{LOGIN}", "api_secret": "password"}
    expert = {"login": LOGIN, "password": "password", "url": bridge, "token": token}
    async with aiohttp.ClientSession() as http:
        for path, body in (("control/clients", {"clients": [client]}), ("mt5/expert", expert)):
            async with http.post(f"{exchange}/{path}", json=body) as answer:
                assert answer.status == 200, await answer.text()


async def detached(exchange: str) -> None:
    async with aiohttp.ClientSession() as http, http.delete(f"{exchange}/mt5/expert", json={"login": LOGIN}) as answer:
        assert answer.status == 200


async def signed_in(exchange: str, desk: BridgeDesk) -> tuple[Credentials, Any]:
    """Sign in as the sessions worker would, once the terminal calls."""
    endpoint = simulated_endpoint("mt5", exchange)
    login = connect_login("mt5", Credentials(LOGIN), endpoint, desk=desk)
    async with asyncio.timeout(30):
        while True:
            with suppress(BrokerError):
                token = await login.sign_in(now=datetime.now(UTC))
                return Credentials(LOGIN, access_token=token.access_token), endpoint
            await desk.room.changed(within=0.2)


async def reached(broker: Broker, tag: str, status: OrderStatus) -> Any:
    async with asyncio.timeout(30):
        while True:
            for order in await broker.order_book():
                if (order.client_order_id, order.status) == (tag, status):
                    return order


def desk(account: BrokerAccount) -> BridgeDesk:
    found = desk_of("mt5", account.pk, own_thread)
    assert found is not None
    return found


def test_an_order_travels_from_the_adapter_to_the_terminal_and_back(
    exchange: str, live_server: LiveServer, account: BrokerAccount
) -> None:
    token = bridge_tokens.rotate(account, actor=None)

    async def day() -> None:
        room = desk(account)
        await attached(exchange, live_server.url, token)
        credentials, endpoint = await signed_in(exchange, room)
        broker = connect("mt5", credentials, endpoint, desk=room)
        (gold,) = [
            row
            for row in await connect_market_data("mt5", credentials, endpoint, desk=room).instruments()
            if row.symbol == "XAUUSD"
        ]
        assert (gold.lot_size, gold.multiplier) == (1, 1)
        placed = await broker.place(WISH)
        assert placed.verdict is Verdict.ACKNOWLEDGED, placed
        shown = await reached(broker, "LIVE1", OrderStatus.OPEN)
        assert (shown.broker_order_id, shown.quantity) == (placed.broker_order_id, 3)
        again = await broker.place(WISH)
        assert (again.verdict, again.code) == (Verdict.UNKNOWN, "POSTED")
        bought = await broker.place(replace(WISH, client_order_id="LIVE2", price=Decimal("9000.00")))
        assert bought.verdict is Verdict.ACKNOWLEDGED
        await reached(broker, "LIVE2", OrderStatus.FILLED)
        (position,) = await broker.positions()
        assert (position.symbol, position.quantity) == ("XAUUSD", 3)
        assert (await broker.cancel(placed.broker_order_id)).verdict is Verdict.ACKNOWLEDGED
        await reached(broker, "LIVE1", OrderStatus.CANCELLED)
        await detached(exchange)
        with pytest.raises(BrokerError, match="STALE"):
            await connect("mt5", credentials, endpoint, desk=room, timeout=1.0).order_book()
        lost = await connect("mt5", credentials, endpoint, desk=room, timeout=1.0).place(
            replace(WISH, client_order_id="LIVE3")
        )
        assert (lost.verdict, lost.code) == (Verdict.REJECTED, "NOT_FETCHED")

    with override_settings(ALLOWED_HOSTS=["*"]):
        asyncio.run(day())
    assert BridgeCommand.objects.get(cmd_id="LIVE3").handed_to == ""


def test_a_token_that_was_replaced_ends_orders_and_reads_as_a_lost_session(
    exchange: str, live_server: LiveServer, account: BrokerAccount
) -> None:
    token = bridge_tokens.rotate(account, actor=None)

    async def day() -> None:
        room = desk(account)
        await attached(exchange, live_server.url, token)
        credentials, endpoint = await signed_in(exchange, room)
        broker = connect("mt5", credentials, endpoint, desk=room)
        assert (await broker.funds()).total > 0
        await own_thread(bridge_tokens.rotate, account, actor=None)
        assert (await broker.place(WISH)).verdict is Verdict.SESSION_LOST
        for read in (broker.order_book, broker.trade_book, broker.positions, broker.funds):
            with pytest.raises(SessionLost):
                await read()
        await detached(exchange)

    asyncio.run(day())
    assert not BridgeCommand.objects.exists()
    assert not BrokerSession.objects.usable().exists()
