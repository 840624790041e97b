"""The feed worker: what it needs, whose login it uses, and a whole run against the simulated exchange."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.broker_accounts.services.credentials import open_session, set_credentials
from apps.markets.models import Instrument, InstrumentSync, WatchlistItem
from apps.markets.services import calendar
from apps.markets.services.calendar import ensure_demo_sessions
from apps.markets.services.feed_host import Outage, Source
from apps.markets.services.instruments import sync_instruments
from apps.notifications.models import Notification
from apps.strategies.models import Strategy, StrategyLeg
from apps.tenants.models import Tenant
from brokers.catalog import simulated_endpoint
from brokers.connect import connect_login, connect_market_data
from bus import ticks
from bus.connection import redis_client
from bus.models import Heartbeat
from domain.broker import BrokerToken, BrokerUnavailable, Credentials, Endpoint
from domain.feed.subscriptions import Want
from domain.ticks import Tick
from tests.cast import Cast, make_account, make_cast, make_option, publish_price, sign_in
from tests.shared import ROOT
from workers import feed as worker
from workers.feed import FeedLoop
from workers.needs import Needs

WAIT = 60.0
HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    redis_client().delete(ticks.LAST, ticks.STATE)
    calendar.forget_calendar()
    yield
    redis_client().delete(ticks.LAST, ticks.STATE)


@pytest.fixture
def _market_day(settings: Any, now: datetime) -> None:
    wall = timezone.now().timestamp()
    settings.MARKET_CLOCK = f"{now.isoformat()}@{wall}x1"


def read() -> dict[Want, list[int]]:
    return {want: list(ids) for want, ids in Needs().read()}


@pytest.mark.usefixtures("_market_day")
def test_what_is_watched_and_what_strategies_stand_on_is_needed(cast: Cast) -> None:
    WatchlistItem.objects.create(user=cast.trader, instrument=cast.put)
    WatchlistItem.objects.create(user=cast.other_trader, instrument=cast.put)
    found = read()
    assert found[Want.WATCHLIST] == [cast.put.pk, cast.put.pk]
    assert found[Want.UNDERLYING] == [cast.index.pk]
    assert found[Want.LEG] == [cast.call.pk]  # its exact symbol
    assert (found[Want.TRADE], found[Want.ORDER]) == ([], [])


@pytest.mark.usefixtures("_market_day")
def test_the_strikes_around_the_money_are_needed_before_anybody_trades_them(cast: Cast) -> None:
    strikes = [Decimal(25000 + 50 * step) for step in range(41)]
    chain = {(strike, right): make_option(strike, right).pk for strike in strikes for right in ("CE", "PE")}
    StrategyLeg.objects.update(symbol="", right="PE", strike_rule="OTM6")
    assert read()[Want.LEG] == []  # no price, so nobody knows where the money is
    publish_price(cast.index, "26010")
    near = [Decimal(26000 + 50 * step) for step in range(-8, 9)]
    assert sorted(read()[Want.LEG]) == sorted(chain[strike, right] for strike in near for right in ("CE", "PE"))


@pytest.mark.usefixtures("_market_day")
def test_a_switched_off_strategy_needs_nothing(cast: Cast) -> None:
    Strategy.objects.update(is_active=False)
    assert read()[Want.UNDERLYING] == read()[Want.LEG] == []


@pytest.mark.usefixtures("_market_day")
def test_a_leg_nobody_lists_does_not_hide_the_others(cast: Cast) -> None:
    StrategyLeg.objects.create(strategy=cast.strategy, position=2, side="BUY", symbol="NIFTY01JAN2726000CE")
    StrategyLeg.objects.create(strategy=cast.strategy, position=3, side="BUY", expiry_rule="NEVER", right="CE")
    assert read()[Want.LEG] == [cast.call.pk]


def picked(failed: int | None = None) -> Source | None:
    async def pick() -> Source | None:
        async with worker.shared_connector() as connector:
            return await asyncio.to_thread(_pick_here, failed, connector)

    return asyncio.run(pick())


def _pick_here(failed: int | None, connector: Any) -> Source | None:
    try:
        return worker._pick(failed, connector)
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_the_first_signed_in_feed_account_is_used_and_after_a_failure_the_next(now: datetime) -> None:
    cast = make_cast(now)
    assert picked() is None  # signed in, but it lends its login to nobody
    spare = make_account(cast.trader, "zerodha", "AB9999", mode="LIVE")
    sign_in(spare)
    BrokerAccount.objects.filter(broker="zerodha").update(is_feed=True)
    first, second = picked(), picked(cast.account.pk)
    assert first is not None
    assert second is not None
    assert (first.account_id, second.account_id) == (cast.account.pk, spare.pk)
    BrokerSession.objects.filter(account=spare).update(lost_at=timezone.now())
    again = picked(cast.account.pk)
    assert again is not None
    assert again.account_id == cast.account.pk
    assert again.key == f"zerodha:{BrokerSession.objects.get(account=cast.account).pk}"


@pytest.mark.django_db(transaction=True)
def test_an_account_that_cannot_feed_is_left_out(now: datetime) -> None:
    cast = make_cast(now)
    sign_in(cast.paper_account)
    BrokerAccount.objects.filter(broker="paper").update(is_feed=True)
    assert picked() is None
    BrokerAccount.objects.update(is_feed=True, sealed_credentials=b"spoilt")
    assert picked() is None


@pytest.mark.django_db
def test_each_tenants_operators_are_paged_once_per_outage() -> None:
    Tenant.objects.create(slug="one", name="One")
    Tenant.objects.create(slug="two", name="Two")
    Tenant.objects.create(slug="gone", name="Gone", is_active=False)
    outage = Outage(datetime(2026, 11, 18, 5, 0, tzinfo=UTC), is_over=False, reason="the broker's stream is silent")
    worker._tell_outage(outage)
    worker._tell_outage(outage)
    worker._tell_outage(Outage(outage.began_at, is_over=True))
    rows = Notification.objects.filter(code="FEED_SILENT")
    assert sorted(row.tenant.slug for row in rows if row.tenant) == ["one", "two"]
    assert {(row.level, row.user_id) for row in rows} == {("PAGE", None)}


def test_a_wake_up_without_a_running_feed_does_nothing() -> None:
    worker.refresh_subscriptions()


# The simulated exchange


@dataclass
class Simulator:
    """A running simulated exchange."""

    url: str
    process: "subprocess.Popen[bytes]"

    @property
    def endpoint(self) -> Endpoint:
        return simulated_endpoint("zerodha", self.url)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
        "STATE_DIR": str(tmp_path),
        "SIMULATOR_PORT": str(port),
        "SIMULATOR_RATE_LIMITS": "off",
        "SIMULATOR_CLIENTS": "2",
        "SIMULATOR_MARKET": "live",
        "MARKET_CLOCK": "",
    }
    process = subprocess.Popen([sys.executable, "-m", "simulator"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield Simulator(f"http://{HOST}:{port}", process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=WAIT)


async def _turns(every: float) -> AsyncIterator[None]:
    while True:
        await asyncio.sleep(every)
        yield


async def signed_in(simulator: Simulator, credentials: Credentials) -> BrokerToken:
    """Sign in as soon as the simulator answers."""
    login = connect_login("zerodha", credentials, simulator.endpoint)
    try:
        async for _ in _turns(0.1):
            assert simulator.process.poll() is None, "the simulator died"
            try:
                return await login.sign_in(now=timezone.now())
            except BrokerUnavailable:
                continue
    finally:
        await login.aclose()
    raise AssertionError("unreachable")


def feed_account(cast: Cast, simulator: Simulator) -> BrokerAccount:
    """Make a signed-in feed account at the simulator and take its instrument master in."""
    account = make_account(cast.trader, "zerodha", "DEMO01", mode="PAPER")
    BrokerAccount.objects.filter(pk=account.pk).update(is_feed=True)
    fields = {"api_key": "demo01key", "api_secret": "demo01secret"}
    set_credentials(account=account, fields=fields, actor=None)

    async def visit() -> tuple[BrokerToken, Any]:
        token = await signed_in(simulator, Credentials("DEMO01", fields))
        granted = Credentials("DEMO01", fields, token.access_token)
        data = connect_market_data("zerodha", granted, simulator.endpoint)
        try:
            return token, await data.instruments()
        finally:
            await data.aclose()

    token, rows = asyncio.run(asyncio.wait_for(visit(), WAIT))
    open_session(account=account, token=token, trading_date=timezone.now().date())
    sync: InstrumentSync = sync_instruments(broker="zerodha", rows=rows, now=timezone.now())
    assert sync.error == ""
    return account


@pytest.fixture
def leading() -> Iterator[FeedLoop]:
    loop = FeedLoop()
    loop.start()
    yield loop
    loop.stop()


@pytest.mark.django_db(transaction=True)
def test_the_simulated_exchange_ticks_through_to_everybody(
    simulator: Simulator, settings: Any, now: datetime, request: pytest.FixtureRequest
) -> None:
    """Underlyings first, then the strikes around their price, what a person watches, and at last the outage."""
    settings.DEMO, settings.SIMULATOR_URL, settings.FEED_STALE_SECONDS = True, simulator.url, 1.0
    cast = make_cast(now)
    StrategyLeg.objects.all().delete()
    account = feed_account(cast, simulator)
    ensure_demo_sessions(timezone.now())
    StrategyLeg.objects.create(strategy=cast.strategy, side="SELL", right="CE", strike_rule="ATM")
    crude = Instrument.objects.filter(exchange="MCX", kind="FUT", is_active=True).order_by("expiry").first()
    assert crude is not None

    async def act() -> None:
        stream = ticks.listen()
        await stream.ready()
        loop = request.getfixturevalue("leading")
        near: dict[int, Tick] = {}
        async for batch in stream:
            near.update({tick.instrument_id: tick for tick in batch})
            if len(near) >= 2 + 2 * 11:  # the index, a future, and five strikes each side of the money
                break
        await asyncio.to_thread(_watch, cast, crude.pk)
        loop.refresh()
        async for batch in stream:
            if any(tick.instrument_id == crude.pk for tick in batch):
                break
        await stream.aclose()

    asyncio.run(asyncio.wait_for(act(), WAIT))
    connections.close_all()
    names = Instrument.objects.in_bulk(list(ticks.last_ticks(Instrument.objects.values_list("pk", flat=True))))
    assert {("NSE_INDEX", "NIFTY", "INDEX"), ("NFO", "NIFTY", "FUT"), ("NFO", "NIFTY", "OPT")} <= {
        (one.exchange, one.underlying, one.kind) for one in names.values()
    }
    asyncio.run(asyncio.wait_for(until_shown("live", account.pk), WAIT))
    simulator.process.kill()
    asyncio.run(asyncio.wait_for(until_shown("offline", account.pk), WAIT))
    asyncio.run(asyncio.wait_for(until_paged(), WAIT))
    connections.close_all()


async def until_shown(state: str, account_id: int) -> None:
    """Wait until the heartbeat shows the feed in a state."""

    def is_shown() -> bool:
        beat = Heartbeat.objects.filter(process="feed").first()
        return beat is not None and (beat.detail.get("account"), beat.detail.get("state")) == (account_id, state)

    async for _ in _turns(0.1):
        if await asyncio.to_thread(_closing, is_shown):
            return


async def until_paged() -> None:
    """Wait until the operators were told of an outage."""
    async for _ in _turns(0.1):
        if await asyncio.to_thread(_closing, Notification.objects.filter(code="FEED_SILENT").exists):
            return


def _closing(question: Callable[[], bool]) -> bool:
    try:
        return question()
    finally:
        connections.close_all()


def _watch(cast: Cast, instrument_id: int) -> None:
    WatchlistItem.objects.create(user=cast.trader, instrument_id=instrument_id)
    connections.close_all()
