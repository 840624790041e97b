"""Orders of a sender that cannot be proved gone: adopted when found, never sent again on a guess."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.notifications.models import Notification
from apps.trading.models import Order, Trade
from apps.trading.services.exit import request_exit_of_trade
from apps.trading.services.senders import confirm_gone
from bus.leases import doubtful_terms
from bus.models import Fate, Lease, Term
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import UNKNOWN, ScriptedBroker
from tests.cast import Cast


def exit_of_unknown_fate(cast: Cast, shard: Shard, now: datetime) -> tuple[Trade, ScriptedBroker]:
    """Leave a trade whose exit was sent and never answered."""
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [UNKNOWN]
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: statuses(trade)[-1] == "UNKNOWN")
    return trade, broker


def succeed_somebody_elsewhere(shard: Shard) -> None:
    """Take the shard over from a machine that fell silent."""
    Lease.objects.update(holder="elsewhere:1:1", until=shard.clock() - timedelta(minutes=1))
    shard.engine = None
    shard.start()


def wait(shard: Shard, seconds: int) -> None:
    for _ in range(seconds // 10):
        shard.clock.ahead += timedelta(seconds=10)
        shard.settle()


def test_an_exit_of_a_sender_elsewhere_is_parked_and_paged_instead_of_sent_again(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    succeed_somebody_elsewhere(shard)
    wait(shard, 400)
    assert statuses(trade) == ["FILLED", "PARKED"]
    assert len(broker.placed) == 2
    assert Notification.objects.filter(code="ORDER_PARKED", level="PAGE", user=cast.trader).count() == 1
    assert AuditEvent.objects.filter(kind="order_parked").count() == 1


def test_a_parked_exit_is_adopted_when_it_appears(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    succeed_somebody_elsewhere(shard)
    wait(shard, 130)
    assert statuses(trade)[-1] == "PARKED"
    broker.accept(broker.placed[-1])
    shard.run(lambda: Trade.objects.get().status == "CLOSED")
    assert statuses(trade) == ["FILLED", "FILLED"]


def test_the_exit_is_sent_again_once_somebody_confirms_that_the_sender_is_gone(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    succeed_somebody_elsewhere(shard)
    wait(shard, 130)
    term = Term.objects.get(fate=Fate.EXPIRED)
    assert confirm_gone(term=term, actor=cast.operator, reason="unplugged", wall=shard.clock())
    assert not confirm_gone(term=term, actor=cast.operator, reason="unplugged", wall=shard.clock())
    wait(shard, 100)
    assert len(broker.placed) == 2  # whatever it sent last may still arrive: the wait begins with the confirmation
    wait(shard, 40)
    shard.run(lambda: statuses(trade) == ["FILLED", "ABSENT", "FILLED"])
    assert AuditEvent.objects.get(kind="sender_confirmed_gone").actor_id == cast.operator.pk


def test_an_exit_of_a_sender_that_died_here_is_sent_again_after_the_wait(
    cast: Cast, shard: Shard, now: datetime
) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    shard.start()
    wait(shard, 140)
    shard.run(lambda: statuses(trade) == ["FILLED", "ABSENT", "FILLED"])
    assert len(broker.placed) == 3


def test_the_wait_begins_when_the_sender_is_done_not_when_it_claimed(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    order = Order.objects.filter(intent__trade=trade).latest("pk")
    frozen = timedelta(seconds=200)  # it slept between its claim and its request, and has only just woken up
    Order.objects.filter(pk=order.pk).update(status="SUBMITTED", claimed_at=shard.clock() - frozen, changed_at=None)
    shard.run(lambda: statuses(trade)[-1] == "UNKNOWN")
    wait(shard, 100)
    assert len(broker.placed) == 2
    wait(shard, 40)
    shard.run(lambda: len(broker.placed) == 3)


def test_a_book_read_too_early_does_not_prove_an_exit_absent(cast: Cast, shard: Shard, now: datetime) -> None:
    trade, broker = exit_of_unknown_fate(cast, shard, now)
    wait(shard, 30)
    assert Order.objects.latest("pk").absent_reads >= 3
    broker.book_is_down = True
    wait(shard, 200)
    assert statuses(trade)[-1] == "UNKNOWN"
    broker.book_is_down = False
    shard.run(lambda: len(broker.placed) == 3)


def test_the_desk_asks_for_the_word_and_the_password(cast: Cast) -> None:
    at = datetime.now(tz=UTC)
    term = Term.objects.create(lease="execution.0", epoch=3, holder="elsewhere:1:1", fate=Fate.EXPIRED, ended_at=at)
    client = Client()
    client.force_login(cast.operator)
    url = reverse("admin:bus_term_sender_is_gone", args=[term.pk])
    assert client.get(url).status_code == 200
    answer = {"reason": "unplugged", "password": "correct horse battery"}
    assert client.post(url, answer | {"typed": "yes"}).status_code == 422
    assert doubtful_terms("execution.0") == {3: None}
    client.post(url, answer | {"typed": "GONE"})
    assert doubtful_terms("execution.0")[3] is not None
    assert AuditEvent.objects.get(kind="sender_confirmed_gone").data["reason"] == "unplugged"
