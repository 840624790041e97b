"""A position left here and in the broker's own app at once: brought back to nothing, and a person called."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from apps.broker_accounts.models import BrokerAccount
from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.trading.models import ExternalOrder, Fill, Order, Trade
from apps.trading.services.agreement import disagreements
from apps.trading.services.exit import request_exit_of_trade
from domain.broker import Outcome, Verdict
from domain.orders import LIVE_TRADES, ExitReason, OrderStatus, OrderType, Side
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import UNKNOWN, ScriptedBroker
from tests.cast import Cast, publish_price

pytestmark = pytest.mark.django_db


def held(cast: Cast, shard: Shard, now: datetime) -> tuple[Trade, ScriptedBroker]:
    """Hold 65 of the call, with an exit asked for whose fill is still to come."""
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.fill_price = None
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: statuses(trade)[-1] == "OPEN")
    return trade, broker


def sell_by_hand(broker: ScriptedBroker, quantity: int, price: str = "98") -> None:
    """Sell in the broker's own app."""
    like = broker.placed[0]
    order_id = broker.accept(
        replace(like, client_order_id="", side=Side.SELL, quantity=quantity, order_type=OrderType.MARKET)
    )
    if broker.fill_price is None:
        broker.fill(order_id, quantity, Decimal(price))


def fill_ours(broker: ScriptedBroker) -> None:
    ours = next(one for one in broker.book.values() if one.client_order_id == broker.placed[-1].client_order_id)
    broker.fill(ours.broker_order_id, ours.quantity, Decimal("99"))


def net(broker: ScriptedBroker) -> int:
    return sum(Side(fill.side).sign * fill.quantity for fill in broker.fills)


def test_a_flip_is_brought_back_the_account_halted_and_its_owner_told(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    sell_by_hand(broker, 65)
    fill_ours(broker)
    assert net(broker) == -65
    broker.fill_price = Decimal("97")
    shard.run(lambda: Trade.objects.filter(flip_of__trade=trade, status="CLOSED").exists())
    assert net(broker) == 0
    back = Trade.objects.get(flip_of__trade=trade)
    assert (back.close_reason, back.gross_pnl) == ("EXTERNAL", Decimal(65))  # sold by hand at 98, bought back at 97
    order = Order.objects.get(intent__trade=back)
    assert (order.side, order.quantity, order.intent.kind) == ("BUY", 65, "EXIT")
    assert Trade.objects.get(pk=trade.pk).status == "CLOSED"
    assert Halt.objects.active().get(account=cast.account).reason_code == "FLIP"
    assert Notification.objects.filter(code="FLIP", level="PAGE", user=cast.trader).count() == 1
    shard.settle(6)
    assert Order.objects.filter(intent__kind="EXIT").count() == 2
    assert disagreements(exchange="NFO", since=now - timedelta(hours=1)) == []


def test_only_what_our_exit_added_is_brought_back(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    sell_by_hand(broker, 195)  # more than we ever held: the rest is a short somebody wants
    fill_ours(broker)
    broker.fill_price = Decimal("97")
    shard.run(lambda: Trade.objects.filter(flip_of__trade=trade, status="CLOSED").exists())
    shard.settle(6)
    assert net(broker) == -130
    assert Trade.objects.filter(flip_of__isnull=False).count() == 1


def test_a_short_of_another_trade_is_no_long_that_turned(cast: Cast, shard: Shard, now: datetime) -> None:
    (long,) = enter(cast, now, accounts=[cast.account], lots=2)
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    sell_by_hand(broker, 65)
    shard.run(lambda: ExternalOrder.objects.exists())
    request_exit_of_trade(trade=long, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    for _ in range(4):
        shard.clock.ahead += timedelta(seconds=5)
        shard.settle()
    assert Trade.objects.get(pk=long.pk).status not in LIVE_TRADES
    assert net(broker) == 0
    (short,) = enter(cast, now, accounts=[cast.account], key="s2", side="SELL")
    shard.run(lambda: Trade.objects.get(pk=short.pk).status == "OPEN")
    shard.settle(8)
    assert not Trade.objects.filter(flip_of__isnull=False).exists()
    assert net(broker) == -65
    assert not Halt.objects.exists()


def test_an_account_that_does_not_allow_it_is_halted_and_told_only(cast: Cast, shard: Shard, now: datetime) -> None:
    BrokerAccount.objects.filter(pk=cast.account.pk).update(flatten_flips=False)
    _, broker = held(cast, shard, now)
    sell_by_hand(broker, 65)
    fill_ours(broker)
    shard.run(lambda: Halt.objects.active().filter(account=cast.account, reason_code="FLIP").exists())
    shard.settle(6)
    assert net(broker) == -65
    assert "Close it at the broker." in Notification.objects.get(code="FLIP").text


def test_a_short_somebody_opens_later_is_none_of_ours(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    fill_ours(broker)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
    sell_by_hand(broker, 65)
    shard.run(lambda: ExternalOrder.objects.exists())
    ExternalOrder.objects.update(seen_at=shard.clock() + timedelta(seconds=30))
    shard.settle(8)
    assert not Trade.objects.filter(flip_of__isnull=False).exists()
    assert not Halt.objects.exists()


def test_nothing_is_brought_back_while_an_order_of_ours_may_still_fill(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    sell_by_hand(broker, 65)
    fill_ours(broker)
    stray = Order.objects.filter(intent__trade=trade).latest("pk")
    stray.pk, stray.client_order_id, stray.broker_order_id = None, "STRAY", ""
    stray.attempt, stray.status, stray.filled_quantity, stray.claimed_at = 9, OrderStatus.PARKED, 0, shard.clock()
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
    stray.save(force_insert=True)
    shard.settle(6)
    assert not Trade.objects.filter(flip_of__isnull=False).exists()


def test_a_refused_buy_back_is_tried_again(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = held(cast, shard, now)
    sell_by_hand(broker, 65)
    fill_ours(broker)
    broker.fill_price = Decimal("97")
    broker.answers = [Outcome(Verdict.REJECTED, code="MarginException", message="Insufficient funds")]
    shard.run(lambda: Order.objects.filter(intent__trade__flip_of__trade=trade, status="REJECTED").exists())
    for _ in range(3):
        shard.clock.ahead += timedelta(seconds=2)
        shard.settle()
    assert net(broker) == 0


def test_an_exit_that_arrives_after_its_successor_is_brought_back_and_ends_filled(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [UNKNOWN]
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    for _ in range(13):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()
    shard.run(lambda: statuses(trade) == ["FILLED", "ABSENT", "FILLED"])
    broker.accept(broker.placed[1])  # a hundred and thirty seconds late
    shard.run(lambda: Trade.objects.filter(flip_of__trade=trade, status="CLOSED").exists())
    assert statuses(trade) == ["FILLED", "FILLED", "FILLED"]
    assert net(broker) == 0
    assert trade.legs.get().exit_quantity == 65
    assert Fill.objects.count() == len(broker.fills)
    assert Notification.objects.filter(code="OVERFILL").count() == 1


def test_an_order_somebody_enlarged_in_the_brokers_app_does_not_stay_open_for_ever(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    shard.run(lambda: statuses(trade) == ["OPEN"])
    (order_id,) = broker.book
    broker.book[order_id] = replace(broker.book[order_id], quantity=130)
    broker.fill(order_id, 130, Decimal("100"))
    shard.run(lambda: statuses(trade) == ["FILLED"])
    assert trade.legs.get().entry_quantity == 65
    assert Notification.objects.filter(code="OVERFILL").count() == 1


@pytest.fixture(autouse=True)
def _prices(cast: Cast) -> None:
    publish_price(cast.call, "100")
