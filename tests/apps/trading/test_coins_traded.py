"""A coin, and a future of it, from signal to closed trade through the real adapter, to the last step and cent."""

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
from apps.strategies.models import Strategy
from apps.trading.execution.work import LaneWork
from apps.trading.models import Fill, Trade
from apps.trading.services.exit import request_exit_of_trade
from brokers.catalog import simulated_endpoint
from brokers.connect import connect_market_data, shared_connector
from domain.broker import Broker, BrokerToken, Credentials, InstrumentRow, MarketData, Quote
from domain.orders import ExitReason
from tests.apps.test_coins import routed, strategy_on_coins
from tests.apps.trading.conftest import Shard
from tests.cast import Cast, make_account, publish_price
from tests.simulated import simulated_exchange
from workers.desk import Desk

pytestmark = pytest.mark.django_db

CLIENT, SHORT = "354937868", "354937869"
STEP, FUTURES_STEP = Decimal("0.00001"), Decimal("0.001")
PATIENCE = 120.0


def keys(name: str) -> dict[str, str]:
    return {"api_key": f"key{name}", "api_secret": f"secret{name}"}


class CoinShard(Shard):
    """A shard whose lanes go out to the simulated Binance; all on one loop, as their connections are."""

    desk: Desk
    market_data: MarketData | None = None

    async def _connect(self, work: LaneWork) -> Broker:
        return await self.desk.connect(work)

    async def rounds(self, until: Callable[[], bool]) -> None:
        """Run rounds until something is so, priced as the market goes; the test's time limit ends a vain wait."""
        engine = self.engine
        assert engine is not None
        while not await self._db(until):
            if self.market_data is not None:
                await self._db(publish, await quotes_of(self.market_data))
            for worker in engine.state.lanes.values():
                worker.next_read = 0.0
            await engine.work()
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
    for name in (CLIENT, SHORT):
        client = {"client": name, "broker": "binance", "cash": 10_000, **keys(name)}
        requests.post(f"{url}/control/clients", json={"clients": [client]}, timeout=10).raise_for_status()
    rows, quotes = asyncio.run(_read(url))
    sync_instruments(broker="binance", rows=rows, now=datetime.now(UTC))
    publish(quotes)
    return quotes[0]


async def _read(url: str) -> tuple[list[InstrumentRow], list[Quote]]:
    data = market_data(url)
    try:
        return list(await data.instruments()), await quotes_of(data)
    finally:
        await data.aclose()


def market_data(url: str) -> MarketData:
    endpoint = simulated_endpoint("binance", url)
    return connect_market_data("binance", Credentials(CLIENT), endpoint, step_of=lambda exchange, symbol: STEP)


async def quotes_of(data: MarketData) -> list[Quote]:
    return list(await data.quotes([("BINANCE", "BTCUSDT"), ("BINANCE_UM", "BTCUSDT")]))


def publish(quotes: list[Quote]) -> None:
    """Show what the market shows, as the feed would."""
    for quote in quotes:
        publish_price(Instrument.objects.get(exchange=quote.exchange, symbol="BTCUSDT"), str(quote.last_price))


@pytest.fixture
def account(cast: Cast) -> BrokerAccount:
    return signed_in(cast, CLIENT)


def signed_in(cast: Cast, name: str, **more: str) -> BrokerAccount:
    account = make_account(cast.trader, "binance", name, mode="LIVE")
    set_credentials(account=account, fields=keys(name) | more, actor=cast.trader)
    token = BrokerToken(keys(name)["api_key"], name, datetime.now(UTC) + timedelta(days=1))
    open_session(account=account, token=token, trading_date=datetime.now(UTC).date())
    return account


def test_a_coin_is_bought_and_sold_to_the_step_and_the_cent(
    cast: Cast, market: Quote, account: BrokerAccount, url: str
) -> None:
    trade = traded(strategy_on_coins(cast, lots=250), account, url)
    bought, sold = worth_of(trade, 250, STEP)
    assert abs(trade.gross_pnl - (sold - bought)) <= Decimal("0.0001")  # the ledger keeps four decimals
    assert abs(trade.charges - (bought + sold) / 1000) <= Decimal("0.01")
    assert asked(url, CLIENT) == [("BINANCE", "BUY", 250), ("BINANCE", "SELL", 250)]


def test_a_future_is_sold_short_and_bought_back_by_an_exit_that_may_only_reduce(
    cast: Cast, market: Quote, url: str
) -> None:
    short = signed_in(cast, SHORT, contracts="BTCUSDT")
    trade = traded(strategy_on_coins(cast, side="SELL", lots=25, exchange="BINANCE_UM", product="NRML"), short, url)
    bought, sold = worth_of(trade, 25, FUTURES_STEP)
    assert abs(trade.gross_pnl - (sold - bought)) <= Decimal("0.0001")
    assert abs(trade.charges - (bought + sold) * Decimal("0.0005")) <= Decimal("0.01")
    assert asked(url, SHORT) == [("BINANCE_UM", "SELL", 25), ("BINANCE_UM", "BUY", 25)]


def traded(strategy: Strategy, account: BrokerAccount, url: str) -> Trade:
    """Enter and leave at once."""
    now = datetime.now(UTC)
    shard = CoinShard(now=now)
    engine = shard.start()
    routed(strategy, account, now=now)

    async def day() -> None:
        connector = shared_connector()
        shard.desk = Desk(shard._db, connector)
        shard.market_data = market_data(url)
        await shard.rounds(lambda: Trade.objects.get(account=account).status == "OPEN")
        await shard._db(_leave, now)
        await shard.rounds(lambda: Trade.objects.get(account=account).status == "CLOSED")
        for worker in engine.state.lanes.values():
            await worker.broker.aclose()
        await shard.market_data.aclose()
        await connector.close()

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(asyncio.wait_for(day(), PATIENCE))
    return Trade.objects.get(account=account)


def worth_of(trade: Trade, quantity: int, step: Decimal) -> list[Decimal]:
    """What was bought and what was sold came to, as much of each."""
    sides = [list(Fill.objects.filter(account=trade.account, order__side=side)) for side in ("BUY", "SELL")]
    assert [sum(fill.quantity for fill in fills) for fills in sides] == [quantity, quantity]
    return [sum((fill.quantity * fill.price * step for fill in fills), Decimal(0)) for fills in sides]


def asked(url: str, client: str) -> list[tuple[str, str, int]]:
    """What the exchange was asked for, in turn."""
    lines = requests.get(f"{url}/control/ledger?client={client}&event=REQUEST", timeout=10).json()["entries"]
    return [(line["exchange"], line["side"], line["quantity"]) for line in lines]


def _leave(now: datetime) -> None:
    request_exit_of_trade(trade=Trade.objects.get(), reason=ExitReason.MANUAL, actor=None, now=now)
