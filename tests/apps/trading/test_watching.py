"""What the risk engine is told of trades, and what becomes of what it finds."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.notifications.models import Notification
from apps.risk.models import DayStop
from apps.trading.models import Intent, Trade, TradeLeg
from apps.trading.services import watching
from domain.orders import ExitReason
from domain.prices import to_scaled
from domain.risk import RiskEngine
from domain.ticks import Tick
from tests.apps.trading.conftest import enter
from tests.cast import Cast, publish_price


@pytest.fixture
def trade(cast: Cast, now: datetime) -> Trade:
    """A long call, entered at 100 with a stop at 80 and a target at 140."""
    publish_price(cast.call, "100")
    (trade,) = enter(cast, now, accounts=[cast.account])
    TradeLeg.objects.update(entry_quantity=65, entry_value=Decimal(6500))
    Trade.objects.update(status="OPEN")
    return Trade.objects.get(pk=trade.pk)


def test_a_stop_fires_into_one_exit(cast: Cast, trade: Trade, now: datetime) -> None:
    engine = RiskEngine(now=now)
    for rules in watching.watch_list(on=now.date()).rules:
        engine.update(rules)
    ticks = [
        Tick(instrument_id=cast.call.pk, last_price=to_scaled(Decimal(price)), exchange_at=at)
        for at, price in enumerate(["81", "79.9", "79.8"], start=1)
    ]
    fired = engine.on_ticks(ticks)
    assert [one.reason for one in fired] == [ExitReason.STOP_LOSS]
    watching.act_on(fired, now=now, trading_date=now.date())
    watching.act_on(fired, now=now, trading_date=now.date())
    assert Intent.objects.get(kind="EXIT").reason == "STOP_LOSS"


def test_only_what_was_touched_is_read_again(trade: Trade, now: datetime) -> None:
    later = trade.touched_at + timedelta(seconds=1)
    assert watching.watch_list(on=now.date(), since=later).rules == ()
    assert len(watching.watch_list(on=now.date(), since=trade.touched_at).rules) == 1


def test_a_trade_that_is_over_is_disarmed(trade: Trade, now: datetime) -> None:
    Trade.objects.update(status="CLOSED")
    assert watching.watch_list(on=now.date(), trade_ids=[trade.pk]).over == {trade.pk}


def test_one_trade_with_meaningless_rules_leaves_the_others_watched(cast: Cast, trade: Trade, now: datetime) -> None:
    (broken,) = enter(cast, now, accounts=[cast.paper_account], key="s2")
    TradeLeg.objects.update(entry_quantity=65, entry_value=Decimal(6500))
    Trade.objects.filter(pk=broken.pk).update(status="OPEN", exit_plan={"confirm_ticks": -1})
    found = watching.watch_list(on=now.date())
    assert [rules.trade_id for rules in found.rules] == [trade.pk]
    assert Notification.objects.filter(code="TRADE_UNWATCHED", level="PAGE").exists()


def test_a_day_loss_leaves_every_trade_of_the_map_and_ends_its_day(cast: Cast, trade: Trade, now: datetime) -> None:
    Trade.objects.update(exit_plan={"day_loss": "1000", "confirm_ticks": 1})
    engine = RiskEngine(now=now)
    found = watching.watch_list(on=now.date())
    for rules in found.rules:
        engine.update(rules)
    for map_id, amount in found.realised.items():
        engine.realised(map_id, amount)
    fired = engine.on_ticks([Tick(cast.call.pk, to_scaled(Decimal(84)), exchange_at=1)])
    watching.act_on(fired, now=now, trading_date=now.date())
    assert Intent.objects.get(kind="EXIT").reason == "DAY_LOSS"
    stop = DayStop.objects.get()
    assert (stop.strategy_map_id, stop.reason) == (trade.strategy_map_id, "DAY_LOSS")


def test_what_a_map_realised_today_counts_net_of_charges(trade: Trade, now: datetime) -> None:
    Trade.objects.update(gross_pnl=Decimal("500"), charges=Decimal("60"))
    realised = watching.watch_list(on=now.date()).realised
    assert realised == {trade.strategy_map_id: to_scaled(Decimal(440))}
