"""Markets that never close: at the end of their day the books must agree, while what trades there goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.markets.models import Instrument, TradingSession
from apps.markets.services.calendar import forget_calendar
from apps.markets.services.instrument_sync import sync_instruments
from apps.notifications.models import Notification
from apps.trading.models import AccountState, Order, Position, Trade
from apps.trading.services import day_end, day_start
from domain.orders import OrderStatus
from tests.apps.dashboard.scene import make_trade
from tests.apps.markets.test_venues import BTC
from tests.apps.test_coins import strategy_on_coins
from tests.cast import Cast, make_account, sign_in

pytestmark = pytest.mark.django_db

SUNDAY = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
"""When Binance's Saturday is over."""

AFTER = SUNDAY + timedelta(minutes=15)


@pytest.fixture
def coins(cast: Cast) -> BrokerAccount:
    forget_calendar()
    account = make_account(cast.trader, "binance", "354937868", mode="LIVE")
    sign_in(account)
    return account


@pytest.fixture
def bitcoin(coins: BrokerAccount) -> Instrument:
    sync_instruments(broker="binance", rows=[BTC], now=SUNDAY)
    return Instrument.objects.get(exchange="BINANCE", symbol="BTCUSDT")


@pytest.fixture
def held(cast: Cast, coins: BrokerAccount, bitcoin: Instrument) -> Trade:
    """A live trade that holds 250 steps of bitcoin, its entry filled."""
    strategy = strategy_on_coins(cast)
    trade = make_trade(
        coins, [bitcoin], strategy=strategy, now=SUNDAY - timedelta(hours=3), side="BUY", key="coins", lots=250
    )
    Order.objects.filter(intent__trade=trade).update(status=OrderStatus.FILLED)
    return trade


def shown(account: BrokerAccount, instrument: Instrument, quantity: int) -> None:
    """The broker's book as it was read after the day's last fill."""
    read_at = datetime.now(UTC)
    Position.objects.filter(account=account).delete()
    Position.objects.create(
        account=account, mode="LIVE", instrument=instrument, product="CNC", quantity=quantity, read_at=read_at
    )
    AccountState.objects.update_or_create(account=account, mode="LIVE", defaults={"positions_read_at": read_at})


def looked(now: datetime = AFTER) -> list[day_end.DayEnd]:
    return [one for one in day_end.end_of_day(now=now, wall=now) if one.closed.exchange == "BINANCE"]


def test_a_day_is_looked_at_once_it_is_over_and_until_it_was_clean(held: Trade, coins: BrokerAccount, bitcoin) -> None:
    shown(coins, bitcoin, held.legs.get().unsold_quantity)
    assert looked(SUNDAY + timedelta(minutes=9)) == []
    assert looked(SUNDAY + timedelta(hours=13)) == []
    (found,) = looked()
    assert (found.closed.trading_date, found.closed.closed_at) == (SUNDAY.date() - timedelta(days=1), SUNDAY)
    assert found.is_clean
    assert looked() == []
    assert AuditEvent.objects.filter(kind="day_ended", data__exchange="BINANCE").count() == 1
    assert not Notification.objects.exists()
    assert len(looked(AFTER + timedelta(days=1))) == 1


@pytest.mark.parametrize("off", [-250, -1, 1])
def test_books_that_differ_page_once_a_day(held: Trade, coins: BrokerAccount, bitcoin: Instrument, off: int) -> None:
    shown(coins, bitcoin, held.legs.get().unsold_quantity + off)
    for _ in range(2):
        (found,) = looked()
        assert found.differences == 1
    page = Notification.objects.get(code="POSITION_DIFFERS")
    assert page.level == "PAGE"
    assert not AuditEvent.objects.filter(kind="day_ended", data__exchange="BINANCE").exists()


def test_what_trades_on_is_neither_ended_nor_compared(held: Trade, coins: BrokerAccount, bitcoin: Instrument) -> None:
    shown(coins, bitcoin, 1)
    Order.objects.filter(intent__trade=held).update(status=OrderStatus.OPEN)
    (found,) = looked()
    assert (found.differences, found.unresolved, found.left) == (0, 0, 0)
    assert Order.objects.get(intent__trade=held).cancel_requested_at is None
    assert not Notification.objects.exists()


def test_an_account_without_a_session_goes_to_paper_on_a_sunday_too(cast: Cast, coins: BrokerAccount) -> None:
    BrokerSession.objects.update(lost_at=SUNDAY)
    TradingSession.objects.all().delete()
    for _ in range(2):
        day_start.force_paper(now=AFTER, wall=AFTER)
    coins.refresh_from_db()
    cast.account.refresh_from_db()
    assert (coins.mode, coins.mode_reason) == ("PAPER", "NO_SESSION")
    assert cast.account.mode == "LIVE"  # no market of its broker opens today
    assert Notification.objects.get(code="NO_SESSION").user == cast.trader


def test_a_market_nobody_has_an_account_for_has_no_day(cast: Cast) -> None:
    assert looked() == []
