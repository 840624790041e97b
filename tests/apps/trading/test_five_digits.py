"""A five-digit pair from signal to closed trade: a real terminal's protocol, a hedging account, to the last digit."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import bridge_tokens
from apps.broker_accounts.services.credentials import open_session
from apps.markets.models import Instrument
from apps.markets.services.calendar import forget_calendar
from apps.markets.services.instrument_sync import sync_instruments
from apps.strategies.models import Strategy, StrategyLeg
from apps.trading.models import Fill, Order, Trade, TradeLeg
from apps.trading.services.exit import request_exit
from apps.trading.services.watching import rules_of
from brokers.catalog import simulated_endpoint
from brokers.connect import BridgeDesk, connect_login, connect_market_data, shared_connector
from domain.broker import BrokerError, Credentials, InstrumentRow, Quote
from domain.orders import ExitReason
from domain.prices import to_decimal, to_scaled
from tests.apps.test_coins import routed
from tests.apps.trading.test_coins_traded import CoinShard
from tests.cast import Cast, make_account, make_cast, make_strategy, publish_price
from tests.simulated import simulated_exchange
from workers.bridge_room import desk_of, own_thread
from workers.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN = "70001"
POINT = Decimal("0.00001")
PATIENCE = 120.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulated_exchange(Path(tmp_path_factory.mktemp("terminal")), clients=1) as found:
        yield found


@pytest.fixture
def pair_cast(transactional_db: None, now: datetime) -> Cast:
    return make_cast(now)


def strategy_on_the_pair(cast: Cast) -> Strategy:
    """Three hundredths of a lot, its stop 200 points away and its target 300."""
    strategy = make_strategy(
        cast.tenant,
        name="Pairs",
        slug="pairs",
        exchange="MT5",
        underlying="EURUSD",
        product="NRML",
        square_off_at=None,
        stop_kind="POINTS",
        stop_value=Decimal("0.00200"),
        target_kind="POINTS",
        target_value=Decimal("0.00300"),
    )
    StrategyLeg.objects.filter(strategy=strategy).update(symbol="EURUSD", side="BUY", lots=3)
    return strategy


def attached(url: str, bridge: str, token: str) -> None:
    """A hedging account's terminal, with our program on a chart."""
    client = {"client": LOGIN, "broker": "mt5", "api_key": f"key{LOGIN}", "api_secret": "password"}
    expert = {"login": LOGIN, "password": "password", "url": bridge, "token": token}
    hedging = {**client, "extra": {"margin_mode": "2"}}
    requests.post(f"{url}/control/clients", json={"clients": [hedging]}, timeout=10).raise_for_status()
    requests.post(f"{url}/mt5/expert", json=expert, timeout=10).raise_for_status()


async def signed_in(account: BrokerAccount, desk: BridgeDesk, url: str) -> tuple[list[InstrumentRow], Quote]:
    """Sign in once the terminal calls, and take its symbols and the pair's price."""
    endpoint = simulated_endpoint("mt5", url)
    login = connect_login("mt5", Credentials(LOGIN), endpoint, desk=desk)
    while True:
        with suppress(BrokerError):
            token = await login.sign_in(now=datetime.now(UTC))
            break
        await desk.room.changed(within=0.2)
    await own_thread(open_session, account=account, token=token, trading_date=datetime.now(UTC).date())
    market = connect_market_data("mt5", Credentials(LOGIN, access_token=token.access_token), endpoint, desk=desk)
    rows = list(await market.instruments())
    while True:
        quotes = await market.quotes([("MT5", "EURUSD")])
        if quotes:
            return rows, quotes[0]


def held(status: str) -> Callable[[], bool]:
    return lambda: Trade.objects.get().status == status


def stop_out(now: datetime) -> None:
    """Look at the levels, and do what the signals worker does with a tick at the stop."""
    trade = Trade.objects.get()
    held_leg = trade.legs.select_related("instrument").get()
    _check_levels(held_leg)
    rules = rules_of(trade, [held_leg])
    assert rules is not None
    (leg,) = rules.legs
    assert (leg.stop, leg.target) == (_scaled(held_leg.stop_price), _scaled(held_leg.target_price))
    request_exit(leg_ids=[leg.leg_id], reason=ExitReason.STOP_LOSS, now=now)


def _scaled(price: Decimal | None) -> int | None:
    return None if price is None else to_scaled(price)


def test_a_pair_of_five_digits_is_traded_to_its_last_one(
    pair_cast: Cast, live_server: LiveServer, url: str, settings: Any
) -> None:
    settings.SIMULATOR_URL = url
    forget_calendar()
    now = datetime.now(UTC)
    account = make_account(pair_cast.trader, "mt5", LOGIN, mode="LIVE")
    token = bridge_tokens.rotate(account, actor=None)
    desk = desk_of("mt5", account.pk, own_thread)
    assert desk is not None
    shard = CoinShard(now=now)

    async def day() -> None:
        rows, quote = await signed_in(account, desk, url)
        await shard._db(_taken_in, rows, quote)
        await shard._db(_routed, pair_cast, account, now)
        connector = shared_connector()
        shard.desk = Desk(shard._db, connector)
        await shard.rounds(held("OPEN"))
        await shard._db(stop_out, now)
        await shard.rounds(held("CLOSED"))
        for worker in engine.state.lanes.values():
            await worker.broker.aclose()
        await connector.close()

    with override_settings(ALLOWED_HOSTS=["*"]), closing(asyncio.new_event_loop()) as loop:
        attached(url, live_server.url, token)
        engine = shard.start()
        try:
            loop.run_until_complete(asyncio.wait_for(day(), PATIENCE))
        finally:
            requests.delete(f"{url}/mt5/expert", json={"login": LOGIN}, timeout=10).raise_for_status()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    _check_money(Trade.objects.get())
    terminal = {"login": LOGIN, "password": "password", "arguments": {}}
    assert requests.post(f"{url}/mt5/terminal/positions_get", json=terminal, timeout=10).json()["result"] == []


def _routed(cast: Cast, account: BrokerAccount, now: datetime) -> None:
    routed(strategy_on_the_pair(cast), account, now=now)


def _taken_in(rows: list[InstrumentRow], quote: Quote) -> None:
    sync_instruments(broker="mt5", rows=rows, now=datetime.now(UTC))
    pair = Instrument.objects.get(exchange="MT5", symbol="EURUSD")
    assert (pair.tick_size, pair.multiplier, pair.decimals) == (POINT, 1000, 5)
    publish_price(pair, str(quote.last_price))


def _check_levels(leg: TradeLeg) -> None:
    assert leg.entry_price is not None
    assert leg.stop_price is not None
    assert leg.target_price is not None
    for level, distance in ((leg.stop_price, Decimal("-0.002")), (leg.target_price, Decimal("0.003"))):
        assert level % POINT == 0
        assert abs(level - leg.entry_price - distance) < POINT


def _check_money(trade: Trade) -> None:
    bought, sold = (Fill.objects.filter(order__side=side) for side in ("BUY", "SELL"))
    assert [sum(fill.quantity for fill in fills) for fills in (bought, sold)] == [3, 3]
    assert all(fill.price % POINT == 0 for fill in (*bought, *sold))
    worth = [sum(fill.quantity * fill.price for fill in fills) for fills in (bought, sold)]
    leg = trade.legs.get()
    assert [leg.entry_value, leg.exit_value] == worth
    assert trade.gross_pnl == (worth[1] - worth[0]) * 1000
    for order in Order.objects.all():
        assert order.average_price == to_decimal(to_scaled(order.average_price))
    assert trade.close_reason == ExitReason.STOP_LOSS
