"""What a seeded deployment holds, and that seeding again changes nothing."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.services import replay
from apps.dashboard.services.demo import seed_demo
from apps.dashboard.services.replay import seed_replay
from apps.markets.services.calendar import session_at
from apps.strategies.models import Strategy, StrategyMap
from domain.clock import IST
from domain.instruments import Exchange
from domain.symbols import parse_symbol, symbol_of

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
