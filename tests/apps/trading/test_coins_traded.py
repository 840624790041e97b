"""A coin from signal to closed trade through the real adapter, at the simulated exchange, to the last step and cent."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.credentials import open_session, set_credentials
from apps.markets.models import Instrument
from apps.markets.services.calendar import forget_calendar
from apps.markets.services.instrument_sync import sync_instruments
from apps.trading.execution.work import LaneWork
from apps.trading.models import Fill, Trade
from apps.trading.services.exit import request_exit_of_trade
from brokers.catalog import simulated_endpoint
from brokers.connect import connect_market_data, shared_connector
from domain.broker import Broker, BrokerToken, Credentials, InstrumentRow, Quote
from domain.orders import ExitReason
from tests.apps.test_coins import routed, strategy_on_coins
from tests.apps.trading.conftest import Shard
from tests.cast import Cast, make_account, publish_price
from tests.simulated import simulated_exchange
from workers.desk import Desk

pytestmark = pytest.mark.django_db

CLIENT = "354937868"
KEYS = {"api_key": f"key{CLIENT}", "api_secret": f"secret{CLIENT}"}
STEP = Decimal("0.00001")
PATIENCE = 120.0


class CoinShard(Shard):
    """A shard whose lanes go out to the simulated Binance; all on one loop, as their connections are."""

    loop: asyncio.AbstractEventLoop
    desk: Desk

    async def _connect(self, work: LaneWork) -> Broker:
        return await self.desk.connect(work)

    async def rounds(self, until: Callable[[], bool]) -> None:
        """Run rounds until something is so; the test's time limit ends a vain wait."""
        engine = self.engine
        assert engine is not None
        while not await self._db(until):
            for worker in engine.lanes.values():
                worker.next_read = 0.0
            await engine._pass()
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state: Path = tmp_path_factory.mktemp("binance")
    with simulated_exchange(state, clients=1) as found:
        yield found


@pytest.fixture
def market(url: str, settings: Any) -> Quote:
    """The exchange's pairs taken in, and the last price of one of them."""
    settings.SIMULATOR_URL = url
    forget_calendar()
    client = {"client": CLIENT, "broker": "binance", "cash": 10_000, **KEYS}
    requests.post(f"{url}/control/clients", json={"clients": [client]}, timeout=10).raise_for_status()
    rows, quote = asyncio.run(_read(url))
    sync_instruments(broker="binance", rows=rows, now=datetime.now(UTC))
    publish_price(Instrument.objects.get(exchange="BINANCE", symbol="BTCUSDT"), str(quote.last_price))
    return quote


async def _read(url: str) -> tuple[list[InstrumentRow], Quote]:
    data = connect_market_data(
        "binance", Credentials(CLIENT), simulated_endpoint("binance", url), step_of=lambda exchange, symbol: STEP
    )
    try:
        rows = list(await data.instruments())
        (quote,) = await data.quotes([("BINANCE", "BTCUSDT")])
    finally:
        await data.aclose()
    return rows, quote


@pytest.fixture
def account(cast: Cast) -> BrokerAccount:
    account = make_account(cast.trader, "binance", CLIENT, mode="LIVE")
    set_credentials(account=account, fields=KEYS, actor=cast.trader)
    token = BrokerToken(KEYS["api_key"], CLIENT, datetime.now(UTC) + timedelta(days=1))
    open_session(account=account, token=token, trading_date=datetime.now(UTC).date())
    return account


def test_a_coin_is_bought_and_sold_to_the_step_and_the_cent(
    cast: Cast, market: Quote, account: BrokerAccount, url: str
) -> None:
    now = datetime.now(UTC)
    shard = CoinShard(now=now)
    engine = shard.start()
    routed(strategy_on_coins(cast, lots=250), account, now=now)

    async def day() -> None:
        connector = shared_connector()
        shard.desk = Desk(shard._db, connector)
        await shard.rounds(lambda: Trade.objects.get(account=account).status == "OPEN")
        await shard._db(_leave, now)
        await shard.rounds(lambda: Trade.objects.get(account=account).status == "CLOSED")
        for worker in engine.lanes.values():
            await worker.broker.aclose()
        await connector.close()

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(asyncio.wait_for(day(), PATIENCE))
    trade = Trade.objects.get(account=account)
    bought, sold = (Fill.objects.filter(account=account, order__side=side) for side in ("BUY", "SELL"))
    worth = [sum(fill.quantity * fill.price * STEP for fill in fills) for fills in (bought, sold)]
    assert [sum(fill.quantity for fill in fills) for fills in (bought, sold)] == [250, 250]
    assert abs(trade.gross_pnl - (worth[1] - worth[0])) <= Decimal("0.0001")  # the ledger keeps four decimals
    assert abs(trade.charges - sum(worth) / 1000) <= Decimal("0.01")
    asked = requests.get(f"{url}/control/ledger?client={CLIENT}&event=REQUEST", timeout=10).json()["entries"]
    assert [(line["side"], line["quantity"]) for line in asked] == [("BUY", 250), ("SELL", 250)]


def _leave(now: datetime) -> None:
    request_exit_of_trade(trade=Trade.objects.get(), reason=ExitReason.MANUAL, actor=None, now=now)
