"""What a seeded deployment holds, and that seeding again changes nothing."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.services import demo_brokers, replay
from apps.dashboard.services.demo import UnknownBrokers, seed_demo, simulator_clients
from apps.dashboard.services.replay import seed_replay
from apps.markets.services.calendar import session_at
from apps.strategies.models import Strategy, StrategyMap
from brokers.catalog import ENDPOINTS, spec_of
from domain.clock import IST
from domain.instruments import Exchange
from domain.symbols import parse_symbol, symbol_of
from simulator.clients import Client

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 8, 18, 10, 28, tzinfo=IST)


def counts() -> list[int]:
    return [model.objects.count() for model in (BrokerAccount, Strategy, StrategyMap)]


@pytest.mark.parametrize("seed", [seed_demo, seed_replay])
def test_seeding_again_adds_nothing_and_tells_the_same_secrets(seed: Any, settings: Any) -> None:
    settings.DEMO = True
    first, made = seed(now=MORNING), counts()
    assert seed(now=MORNING) == first
    assert counts() == made


def test_the_demo_has_twenty_accounts_half_of_them_live() -> None:
    shown = [account for trader in seed_demo(now=MORNING)["traders"] for account in trader["accounts"]]
    assert len(shown) == 20
    assert sum(account["mode"] == "LIVE" for account in shown) == 10


def test_the_demos_live_accounts_are_at_the_chosen_brokers_in_turn(settings: Any, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path
    shown = [account for trader in seed_demo(now=MORNING, brokers=["all"])["traders"] for account in trader["accounts"]]
    live = [account["broker"] for account in shown if account["mode"] == "LIVE"]
    assert sorted(live) == sorted(set(ENDPOINTS) - {"paper"})
    assert counts() == [23, 4, 58]
    assert all(account.maps.exists() for account in BrokerAccount.objects.filter(wanted_mode="LIVE"))


def test_every_customer_signs_in_with_what_its_broker_knows(settings: Any, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path
    seed_demo(now=MORNING, brokers=["all"])
    known = {row.client: row for row in msgspec.convert(simulator_clients(), list[Client])}
    for account in BrokerAccount.objects.exclude(broker="paper"):
        needed = {one.name for one in spec_of(account.broker).sign_in.fields if one.required}
        assert known[account.client_id].broker == account.broker
        assert needed <= set(demo_brokers.customer(account.broker, account.client_id).fields)
        assert account.credentials_set_at or account.bridge.token_hash


def test_the_keys_made_once_are_read_again_and_by_nobody_else(settings: Any, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path
    first = demo_brokers.customer("ibkr", "IBKR01").known
    demo_brokers.read_key.cache_clear()
    assert demo_brokers.customer("ibkr", "IBKR01").known == first
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("names", [["nobroker"], ["paper"], ["zerodha", "all"], [""]])
def test_brokers_there_are_none_of_are_named(names: list[str]) -> None:
    with pytest.raises(UnknownBrokers, match="BROKERS must be all or some of"):
        seed_demo(now=MORNING, brokers=names)
    assert not BrokerAccount.objects.exists()


def test_the_replay_has_five_paper_accounts_for_each_way_to_leave() -> None:
    seed_replay(now=MORNING)
    for slug in (replay.HELD, replay.STOPPED):
        strategy = Strategy.objects.get(slug=slug)
        accounts = [row.account for row in strategy.maps.select_related("account")]
        assert {account.broker for account in accounts} == {"paper"}
        assert len(accounts) == 5
        assert all(row.lot_multiplier == Decimal(1) for row in strategy.maps.all())
        assert [(leg.side, leg.symbol) for leg in strategy.legs.all()] == [("SELL", replay.CALL), ("SELL", replay.PUT)]
    assert Strategy.objects.get(slug=replay.HELD).stop_value is None
    assert Strategy.objects.get(slug=replay.STOPPED).stop_value == 30


def test_the_replays_day_is_a_trading_day_and_its_symbols_are_canonical() -> None:
    seed_replay(now=MORNING)
    session = session_at(Exchange.NFO, MORNING)
    assert session is not None
    assert session.trading_date == replay.DAY
    for symbol in (replay.CALL, replay.PUT):
        key = parse_symbol(symbol, exchange=Exchange.NFO)
        assert (key.expiry, symbol_of(key)) == (replay.DAY, symbol)
