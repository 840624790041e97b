"""Holdings and funds: read by the account's lane, kept as read, asked for no oftener than brokers like."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.audit.models import AuditEvent
from apps.markets.models import TradingSession
from apps.markets.services.calendar import forget_calendar
from apps.trading.execution.work import lane_work
from apps.trading.models import AccountState, Holding, PortfolioRead
from apps.trading.services.portfolio import ASK_EVERY, Portfolio, ask_refresh, save_portfolio
from domain.broker import BrokerUnavailable
from domain.broker import Holding as BrokerHolding
from domain.orders import Funds
from tests.apps.trading.conftest import Shard
from tests.apps.trading.scripted import ScriptedBroker
from tests.cast import Cast

MONEY = Funds(available=Decimal(90_000), used=Decimal(10_000), total=Decimal(100_000))


def held(symbol: str = "INFY", quantity: int = 10, pledged: int = 0, average: int = 1500) -> BrokerHolding:
    return BrokerHolding("NSE", symbol, quantity, pledged, Decimal(average), Decimal(1600))


@dataclass
class Depot(ScriptedBroker):
    """A broker that keeps securities, too."""

    kept: list[BrokerHolding] = field(default_factory=lambda: [held()])
    is_shut: bool = False
    asked: int = 0

    async def holdings(self) -> Sequence[BrokerHolding]:
        self.asked += 1
        if self.is_shut:
            raise BrokerUnavailable("TIMEOUT", "Zerodha gave no answer")
        return self.kept


@pytest.fixture
def depot(shard: Shard, cast: Cast) -> Depot:
    """The live account's broker."""
    made = Depot()
    shard.brokers[(cast.account.pk, "LIVE")] = made
    return made


def due(shard: Shard, cast: Cast) -> None:
    """Make the next read of the live account due."""
    engine = shard.engine or shard.start()
    shard.settle(2)
    engine.state.lanes[(cast.account.pk, "LIVE")].next_portfolio = 0.0


def names() -> list[str]:
    return list(Holding.objects.order_by("symbol").values_list("symbol", flat=True))


def test_a_lane_that_opens_reads_holdings_and_funds(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    shard.run(lambda: Holding.objects.exists())
    row = Holding.objects.get()
    assert (row.account, row.symbol, row.quantity) == (cast.account, "INFY", 10)
    state = AccountState.objects.get(account=cast.account, mode="LIVE")
    assert (state.available_funds, state.used_funds, state.total_funds) == (1_000_000, 0, 1_000_000)
    assert PortfolioRead.objects.get().read_at is not None
    asked = depot.asked
    shard.settle()
    assert depot.asked == asked  # the next one is due in minutes


def test_what_is_sold_is_gone_at_the_next_read(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    shard.run(lambda: names() == ["INFY"])
    depot.kept = [held("TCS"), held("TCS", 10, pledged=4, average=1700), held("GONE", 0)]
    due(shard, cast)
    shard.run(lambda: names() == ["TCS"])
    row = Holding.objects.get()
    assert (row.quantity, row.pledged, row.average_price) == (20, 4, Decimal(1600))


def test_an_error_is_kept_beside_what_was_read_before(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    shard.run(lambda: names() == ["INFY"])
    depot.is_shut = True
    due(shard, cast)
    shard.run(lambda: PortfolioRead.objects.get().error_code == "TIMEOUT")
    row = PortfolioRead.objects.get()
    assert (row.error, names()) == ("Zerodha gave no answer", ["INFY"])
    assert row.read_at is not None
    assert row.tried_at is not None
    assert row.read_at < row.tried_at
    depot.is_shut = False
    due(shard, cast)
    shard.run(lambda: PortfolioRead.objects.get().error_code == "")


def test_a_closed_market_is_not_asked_again_and_again(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    shard.run(lambda: names() == ["INFY"])
    TradingSession.objects.all().delete()
    forget_calendar()
    asked = depot.asked
    due(shard, cast)
    shard.settle()
    assert depot.asked == asked
    ask_refresh(user=cast.trader, account_ids=[cast.account.pk], wall=shard.clock())
    shard.run(lambda: depot.asked == asked + 1)  # a person's wish counts at any hour
    forget_calendar()


def test_a_wish_is_found_without_its_message(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    shard.run(lambda: PortfolioRead.objects.exists())
    asked = depot.asked
    ask_refresh(user=cast.trader, account_ids=[cast.account.pk], wall=shard.clock())
    assert [one.lane for one in lane_work(shard=0) if one.portfolio_asked] == [(cast.account.pk, "LIVE")]
    shard.run(lambda: depot.asked == asked + 1)
    assert not any(one.portfolio_asked for one in lane_work(shard=0))


def test_people_ask_for_their_own_live_accounts_and_not_too_often(cast: Cast, now: datetime) -> None:
    ids = [cast.account.pk, cast.paper_account.pk]
    assert ask_refresh(user=cast.outsider, account_ids=ids, wall=now) == 0
    assert ask_refresh(user=cast.other_trader, account_ids=ids, wall=now) == 0
    assert not PortfolioRead.objects.exists()
    assert ask_refresh(user=cast.trader, account_ids=ids, wall=now) == 1
    assert ask_refresh(user=cast.trader, account_ids=ids, wall=now + ASK_EVERY / 2) == 0
    assert ask_refresh(user=cast.manager, account_ids=ids, wall=now + ASK_EVERY) == 1
    assert PortfolioRead.objects.get().asked_by == cast.manager
    actors = AuditEvent.objects.filter(kind="portfolio_refresh_asked").order_by("pk").values_list("actor", flat=True)
    assert list(actors) == [cast.trader.pk, cast.manager.pk]


def test_a_read_that_comes_late_changes_nothing(cast: Cast, now: datetime) -> None:
    lane = (cast.account.pk, "LIVE")
    save_portfolio(Portfolio(lane, now, MONEY, [held("NEW")]))
    save_portfolio(Portfolio(lane, now - timedelta(seconds=5), MONEY, [held("OLD")]))
    assert names() == ["NEW"]


def test_a_broker_without_holdings_shows_its_funds_alone(cast: Cast, now: datetime) -> None:
    save_portfolio(Portfolio((cast.account.pk, "LIVE"), now, MONEY, None))
    state = AccountState.objects.get()
    assert (state.available_funds, state.used_funds, state.total_funds) == (90_000, 10_000, 100_000)
    assert names() == []


def test_a_broker_that_hangs_there_holds_up_no_order_book(shard: Shard, cast: Cast, depot: Depot) -> None:
    due(shard, cast)
    engine = shard.engine
    assert engine is not None
    engine.state.lanes[(cast.account.pk, "LIVE")].reading_portfolio = True  # one that never comes back
    AccountState.objects.all().delete()
    asked = depot.asked
    shard.run(lambda: AccountState.objects.filter(account=cast.account, orders_read_at__isnull=False).exists())
    assert depot.asked == asked
