"""What was executed before a sign-in, at a broker whose order book forgets it: the tag joins it to its order."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.trading.models import ExternalOrder, Fill, Order, Trade
from apps.trading.services.reports import Report, apply_reports
from brokers.zerodha.spec import SPEC as ZERODHA
from domain.orders import BrokerFill, OrderStatus, Side
from tests.apps.trading.conftest import Shard, enter
from tests.apps.trading.scripted import UNKNOWN, ScriptedBroker
from tests.cast import Cast

FORGETFUL = replace(ZERODHA, book_of_session=True)


@pytest.fixture
def broker(cast: Cast, shard: Shard) -> ScriptedBroker:
    """The account's broker, whose book forgets."""
    return shard.brokers.setdefault((cast.account.pk, "LIVE"), ScriptedBroker(spec=FORGETFUL))


def forget(shard: Shard, cast: Cast, broker: ScriptedBroker) -> Order:
    """Sign in anew: the book shows nothing of the order, which was placed in the session before."""
    assert shard.engine is not None
    shard.engine.state.lanes.pop((cast.account.pk, "LIVE"))
    order = Order.objects.get()
    broker.hides.add(order.client_order_id)
    return order


def executed(broker: ScriptedBroker, order: Order, quantity: int, *, number: int = 1) -> BrokerFill:
    """An execution as such a broker shows it: with our tag, without the order's number."""
    fill = BrokerFill(
        broker_order_id="",
        exchange_trade_id=f"E{number}",
        exchange=order.instrument.exchange,
        symbol=f"Z{order.instrument.symbol}",
        side=Side(order.side),
        quantity=quantity,
        price=Decimal(100),
        filled_at=datetime.now(tz=UTC),
        client_order_id=order.client_order_id,
    )
    broker.fills.append(fill)
    return fill


def test_an_order_filled_between_two_sessions_is_filled(
    cast: Cast, shard: Shard, broker: ScriptedBroker, now: datetime
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Order.objects.get().status == "OPEN")
    order = forget(shard, cast, broker)
    executed(broker, order, 65)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "OPEN")
    order.refresh_from_db()
    assert (order.status, order.filled_quantity) == ("FILLED", 65)
    shard.settle()
    assert Fill.objects.count() == 1
    assert trade.legs.get().entry_quantity == 65
    assert not ExternalOrder.objects.exists()


def test_an_order_of_unknown_fate_is_not_sent_again(
    cast: Cast, shard: Shard, broker: ScriptedBroker, now: datetime
) -> None:
    broker.answers, broker.accept_silently = [UNKNOWN], True
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker.hides.add(Order.objects.get().client_order_id)
    shard.run(lambda: Order.objects.get().status == "UNKNOWN")
    executed(broker, forget(shard, cast, broker), 65)
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "OPEN")
    for _ in range(3):
        shard.settle()
    assert len(broker.placed) == 1
    assert Order.objects.get().status == "FILLED"


def test_a_part_filled_is_ours_and_the_rest_stays_open(
    cast: Cast, shard: Shard, broker: ScriptedBroker, now: datetime
) -> None:
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Order.objects.get().status == "OPEN")
    executed(broker, forget(shard, cast, broker), 30)
    shard.run(lambda: Order.objects.get().filled_quantity == 30)
    assert Order.objects.get().status == "PARTIALLY_FILLED"


def report_of(cast: Cast, fill: BrokerFill, *, mode: str = "LIVE", sending: frozenset[int] = frozenset()) -> Report:
    account = cast.account.pk
    return Report(lane=(account, mode), read_at=datetime.now(tz=UTC), orders=[], fills=[fill], sending=sending)


def test_only_our_own_tag_in_its_own_account_and_after_the_send_joins(
    cast: Cast, shard: Shard, broker: ScriptedBroker, now: datetime
) -> None:
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Order.objects.get().status == "OPEN")
    order = Order.objects.get()
    fill = executed(broker, order, 65)
    broker.fills.clear()
    elsewhere = replace(report_of(cast, fill), lane=(cast.paper_account.pk, "PAPER"))
    strangers = report_of(cast, replace(fill, client_order_id="SOMEBODYELSE"))
    untagged = report_of(cast, replace(fill, client_order_id=""))
    under_way = report_of(cast, fill, sending=frozenset({order.pk}))
    wall = datetime.now(tz=UTC)
    for report in (elsewhere, strangers, untagged, under_way, report_of(cast, fill, mode="PAPER")):
        apply_reports([report], epoch=1, now=now, wall=wall)
        assert Order.objects.get().status == OrderStatus.OPEN
    assert not Fill.objects.exists()


def test_a_book_that_forgets_nothing_is_read_as_ever(cast: Cast, shard: Shard, now: datetime) -> None:
    broker = shard.broker(cast.account)
    enter(cast, now, accounts=[cast.account])
    shard.run(lambda: Order.objects.get().status == "OPEN")
    read = []
    original = broker.trade_book

    async def counted() -> list[BrokerFill]:
        read.append(1)
        return list(await original())

    broker.trade_book = counted  # type: ignore[method-assign]
    forget(shard, cast, broker)
    shard.settle()
    assert read == []
