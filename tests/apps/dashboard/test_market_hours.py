"""The hours a person is shown are those of the markets the person's accounts trade, each by its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.dashboard.services.market import market_hours
from apps.markets.models import TradingSession
from apps.markets.services.calendar import forget_calendar, seed_calendar
from apps.strategies.models import StrategyMap
from tests.cast import Cast, make_account, make_strategy

pytestmark = pytest.mark.django_db

TUESDAY = datetime(2026, 11, 17, 10, 5, tzinfo=UTC)
"""15:35 in India: shares have closed, derivatives close in five minutes, commodities go on."""


@pytest.fixture(autouse=True)
def _calendar(cast: Cast) -> Iterator[None]:
    TradingSession.objects.all().delete()
    seed_calendar(date_from=TUESDAY.date(), date_to=TUESDAY.date() + timedelta(days=7))
    yield
    forget_calendar()


def trades(cast: Cast, exchange: str, *, broker: str = "paper", client: str = "") -> None:
    """Map a strategy of an exchange to an account of the trader's."""
    strategy = make_strategy(cast.tenant, name=exchange, slug=exchange.lower(), exchange=exchange)
    account = make_account(cast.trader, broker, client, mode="PAPER") if client else cast.paper_account
    StrategyMap.objects.create(strategy=strategy, account=account)


def told(cast: Cast) -> dict[str, str]:
    return {one.name: one.text for one in market_hours(TUESDAY, cast.trader)}


def test_each_market_has_its_own_hours(cast: Cast) -> None:
    for exchange in ("NSE", "MCX"):
        trades(cast, exchange)
    trades(cast, "BINANCE", broker="binance", client="354937868")
    trades(cast, "MT5", broker="mt5", client="7001")
    assert told(cast) == {
        "NSE": "closed, opens Wed 18 Nov 09:15",
        "NSE F&O": "open, closes in 6 min",
        "MCX": "open until 23:55",
        "Binance": "never closes",
        "MetaTrader 5": "hours by symbol",
    }


def test_markets_of_the_same_hours_are_told_once(cast: Cast) -> None:
    trades(cast, "BFO")
    assert list(told(cast)) == ["NSE F&O, BSE F&O"]


def test_only_what_ones_own_accounts_trade_is_told(cast: Cast) -> None:
    trades(cast, "MCX")
    assert [one.name for one in market_hours(TUESDAY, cast.other_trader)] == ["NSE F&O"]
    StrategyMap.objects.filter(strategy__exchange="MCX").update(is_active=False)
    assert list(told(cast)) == ["NSE F&O"]


def test_a_market_without_a_session_is_closed(cast: Cast) -> None:
    TradingSession.objects.all().delete()
    assert told(cast) == {"NSE F&O": "closed, no session known"}


def test_every_page_shows_them(cast: Cast) -> None:
    trades(cast, "BINANCE", broker="binance", client="354937868")
    client = Client()
    client.force_login(cast.trader)
    page = client.get("/settings/").content.decode()
    assert "Binance" in page
    assert "never closes" in page
