"""A Binance account beside Indian ones: its own contracts, its own money, its own hours, its own feed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.services.history import closed_trades, day_totals
from apps.dashboard.services.prices import Prices
from apps.dashboard.services.summary import build_board
from apps.markets.models import Instrument
from apps.markets.services.calendar import forget_calendar
from apps.markets.services.instrument_sync import sync_instruments
from apps.strategies.models import Signal, Strategy, StrategyLeg, StrategyMap
from apps.strategies.services.routing import route
from apps.trading.models import SkipReason, Trade, Wave
from bus.connection import redis_client
from bus.ticks import LAST
from domain.broker import BrokerError
from domain.orders import TradeStatus
from tests.apps.dashboard.scene import make_trade
from tests.apps.markets.test_venues import BTC
from tests.cast import Cast, make_account, make_strategy, publish_price, sign_in
from workers import feed
from workers.desk import steps

pytestmark = pytest.mark.django_db

SUNDAY_NIGHT = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clean_market() -> Iterator[None]:
    forget_calendar()
    redis_client().delete(LAST)
    yield
    forget_calendar()
    redis_client().delete(LAST)


@pytest.fixture
def bitcoin() -> Instrument:
    sync_instruments(broker="binance", rows=[BTC], now=SUNDAY_NIGHT)
    found = Instrument.objects.get(exchange="BINANCE", symbol="BTCUSDT")
    publish_price(found, "91000.01")
    return found


@pytest.fixture
def coins(cast: Cast, bitcoin: Instrument) -> BrokerAccount:
    account = make_account(cast.trader, "binance", "354937868", mode="LIVE")
    sign_in(account)
    return account


def strategy_on_coins(
    cast: Cast, *, side: str = "BUY", lots: int = 250, exchange: str = "BINANCE", product: str = "CNC"
) -> Strategy:
    strategy = make_strategy(
        cast.tenant,
        name="Coins",
        slug="coins",
        exchange=exchange,
        underlying="BTCUSDT",
        product=product,
        square_off_at=None,
    )
    StrategyLeg.objects.filter(strategy=strategy).update(symbol="BTCUSDT", side=side, lots=lots)
    return strategy


def routed(strategy: Strategy, *accounts: BrokerAccount, now: datetime = SUNDAY_NIGHT) -> Wave:
    for account in accounts:
        StrategyMap.objects.get_or_create(strategy=strategy, account=account)
    signal = Signal.objects.create(
        tenant=strategy.tenant, strategy=strategy, kind="ENTRY", dedupe_key=f"s{strategy.pk}", received_at=now
    )
    wave = route(signal.pk, now=now)
    assert wave is not None
    return wave


def test_coins_are_bought_on_a_sunday_night_and_by_accounts_of_their_money_alone(cast: Cast, coins: BrokerAccount):
    wave = routed(strategy_on_coins(cast), coins, cast.account)
    verdict = wave.verdicts.get(account=coins)
    assert verdict.taken, verdict.detail
    leg = Trade.objects.get(account=coins).legs.get()
    assert (leg.instrument.symbol, leg.quantity) == ("BTCUSDT", 250)
    refused = wave.verdicts.get(account=cast.account)
    assert (refused.taken, refused.reason) == (False, SkipReason.NO_INSTRUMENT)
    assert "INR" in refused.detail


def test_a_binance_account_takes_no_part_in_an_indian_strategy(cast: Cast, coins: BrokerAccount, now: datetime):
    publish_price(cast.call, "100")
    refused = routed(cast.strategy, coins, now=now).verdicts.get(account=coins)
    assert (refused.taken, refused.reason) == (False, SkipReason.NO_INSTRUMENT)
    assert "USDT" in refused.detail


def test_a_strategy_that_sells_what_nobody_holds_is_refused(cast: Cast, coins: BrokerAccount):
    verdict = routed(strategy_on_coins(cast, side="SELL"), coins).verdicts.get(account=coins)
    assert (verdict.taken, verdict.reason) == (False, SkipReason.NO_INSTRUMENT)


def test_usdt_is_never_added_to_rupees(cast: Cast, coins: BrokerAccount, bitcoin: Instrument, now: datetime):
    indian = make_trade(cast.account, [cast.call], strategy=cast.strategy, now=now)
    foreign = make_trade(coins, [bitcoin], strategy=strategy_on_coins(cast), now=now, side="BUY", key="coins")
    Trade.objects.filter(pk=indian.pk).update(status=TradeStatus.CLOSED, gross_pnl=Decimal(1000))
    Trade.objects.filter(pk=foreign.pk).update(status=TradeStatus.CLOSED, gross_pnl=Decimal("7.5"))
    found = closed_trades(cast.trader, since=None, until=None, mode="")
    totals = {(one.mode, one.currency): one.gross for one in day_totals(found)}
    assert totals == {("LIVE", "INR"): Decimal(1000), ("LIVE", "USDT"): Decimal("7.5")}


def test_the_board_moves_each_purse_by_its_own_instruments(
    cast: Cast, coins: BrokerAccount, bitcoin: Instrument, now: datetime
):
    make_trade(cast.account, [cast.call], strategy=cast.strategy, now=now)
    make_trade(coins, [bitcoin], strategy=strategy_on_coins(cast), now=now, side="BUY", key="coins", lots=250)
    board = build_board(cast.trader, now=now, read_prices=lambda ids: Prices({}, {}), is_feed_stale=False)
    counts = {(total.mode, total.currency): total.trades for total in board.totals if total.trades}
    assert counts == {("LIVE", "INR"): 1, ("LIVE", "USDT"): 1}
    watched = {name: [key for key, _ in board.lines[name].weights] for name in ("day:LIVE", "day:LIVE-USDT")}
    assert watched == {"day:LIVE": [cast.call.pk], "day:LIVE-USDT": [bitcoin.pk]}


def test_a_lane_waits_for_the_first_master(cast: Cast):
    with pytest.raises(BrokerError, match="NO_MASTER"):
        steps("binance")
    with pytest.raises(LookupError):
        steps("zerodha")("NFO", "NIFTY")


def test_a_unit_is_what_the_master_says_and_of_a_stranger_nobody_knows(bitcoin: Instrument):
    step_of = steps("binance")
    assert step_of("BINANCE", "BTCUSDT") == Decimal("0.00001")
    with pytest.raises(LookupError):
        step_of("BINANCE", "SOLUSDT")


def test_each_source_is_fed_by_its_own_broker_s_accounts(cast: Cast, coins: BrokerAccount):
    BrokerAccount.objects.update(is_feed=True)
    assert feed._has_account("BINANCE")
    assert feed._brokers_of("BINANCE") == ["binance"]
    assert "binance" not in feed._brokers_of("INDIA")
