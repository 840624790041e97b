"""Cancelling and changing orders by hand, through the shard that alone may call the broker."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.risk.models import Halt
from apps.risk.services.halts import set_halt
from apps.trading.models import ChangeRequest, Intent, Order, Trade, TradeLeg
from apps.trading.services.exit import request_exit_of_trade
from apps.trading.services.order_changes import LIVES
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from apps.users.models import User
from domain.broker import Outcome, Verdict
from domain.order_changes import NotAllowed, RequestStatus, Wish
from domain.orders import ExitReason, OrderStatus
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import REFUSED, UNKNOWN, ScriptedBroker
from tests.cast import Cast, publish_price

LOWER = Wish(price=Decimal("101.50"))


def press(order: Order, user: User, key: uuid.UUID | None = None) -> Press:
    return Press(order.pk, user, key or uuid.uuid4())


def resting(shard: Shard, cast: Cast, now: datetime, *, lots: int = 1, **more: Any) -> tuple[Trade, Order]:
    """Let an entry rest at the broker at 103, the market's own price."""
    publish_price(cast.call, "103")
    (trade,) = enter(cast, now, accounts=[cast.account], lots=lots, **more)
    shard.run(lambda: statuses(trade)[0] == OrderStatus.OPEN)
    return trade, Order.objects.get(intent__trade=trade)


def broker_of(shard: Shard, cast: Cast) -> ScriptedBroker:
    return shard.broker(cast.account)


def request_of(order: Order) -> ChangeRequest:
    return ChangeRequest.objects.filter(order=order).latest("pk")


def is_request(order: Order, status: RequestStatus) -> bool:
    return request_of(order).status == status


def kinds(order: Order) -> list[str]:
    rows = AuditEvent.objects.filter(object_type="trading.order", object_id=order.pk).order_by("pk")
    return list(rows.values_list("kind", flat=True))


def why_not(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(NotAllowed) as refusal:
        call(*args, **kwargs)
    return refusal.value.code


# cancels


def test_a_resting_entry_is_cancelled_by_its_lane(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    assert broker_of(shard, cast).cancelled == []  # nothing is sent by who asks
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    assert broker_of(shard, cast).cancelled == [order.broker_order_id]
    trade.refresh_from_db()
    assert trade.status == "ENTRY_FAILED"
    asked = AuditEvent.objects.get(kind="order_cancel_asked")
    assert (asked.actor, asked.tenant_id, asked.object_id) == (cast.trader, cast.tenant.pk, order.pk)


def test_a_press_seen_before_asks_for_nothing_more(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    key = uuid.uuid4()
    first, second = (ask_cancel(press(order, cast.trader, key), now=now, wall=shard.clock()) for _ in range(2))
    assert first == second
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    assert ask_cancel(press(order, cast.trader, key), now=now, wall=shard.clock()) == first  # also when it is over
    assert len(broker_of(shard, cast).cancelled) == 1
    assert kinds(order).count("order_cancel_asked") == 1


def test_another_press_meanwhile_is_refused(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    assert why_not(ask_cancel, press(order, cast.trader), now=now, wall=shard.clock()) == "CANCELLING"
    assert why_not(ask_change, press(order, cast.trader), LOWER, wall=shard.clock()) == "CANCELLING"


def test_what_was_not_sent_never_is(shard: Shard, cast: Cast, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    ask_cancel(press(Order.objects.get(), cast.trader), now=now, wall=shard.clock())
    assert statuses(trade) == [OrderStatus.ABORTED]
    shard.run(lambda: not Intent.objects.open().exists())
    assert broker_of(shard, cast).placed == []
    trade.refresh_from_db()
    assert trade.status == "ENTRY_FAILED"


def test_what_is_filled_stays_and_keeps_its_stop(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now, lots=3)
    broker_of(shard, cast).fill(order.broker_order_id, 65, Decimal(103))
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    leg, trade = trade.legs.get(), Trade.objects.get(pk=trade.pk)
    assert (trade.status, leg.entry_quantity, leg.stop_price) == ("OPEN", 65, Decimal("82.40"))


def test_an_order_nobody_can_find_is_cancelled_once_it_is_found(shard: Shard, cast: Cast, now: datetime) -> None:
    broker = broker_of(shard, cast)
    broker.answers, broker.accept_silently = [UNKNOWN], True
    (trade,) = enter(cast, now, accounts=[cast.account])
    tag = Order.objects.get().client_order_id
    broker.hides = {tag}
    shard.run(lambda: statuses(trade) == [OrderStatus.UNKNOWN])
    ask_cancel(press(Order.objects.get(), cast.trader), now=now, wall=shard.clock())
    shard.settle()
    assert (statuses(trade), broker.cancelled) == ([OrderStatus.UNKNOWN], [])
    broker.hides = set()
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    assert len(broker.placed) == 1


def test_a_fill_that_wins_the_race_is_held(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    broker_of(shard, cast).fill(order.broker_order_id, 65, Decimal(103))
    shard.run(lambda: statuses(trade) == [OrderStatus.FILLED])
    trade.refresh_from_db()
    assert trade.status == "OPEN"


def test_an_exit_is_not_cancelled_or_changed_by_hand(shard: Shard, cast: Cast, now: datetime) -> None:
    broker_of(shard, cast).fill_price = Decimal(103)
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.run(lambda: statuses(trade) == [OrderStatus.FILLED])
    broker_of(shard, cast).fill_price = None
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: statuses(trade)[-1] == OrderStatus.OPEN)
    leaving = Order.objects.get(intent__trade=trade, intent__kind="EXIT")
    assert why_not(ask_cancel, press(leaving, cast.trader), now=now, wall=shard.clock()) == "PROTECTS"
    assert why_not(ask_change, press(leaving, cast.trader), LOWER, wall=shard.clock()) == "PROTECTS"
    assert not ChangeRequest.objects.exists()
    leaving.refresh_from_db()
    assert leaving.cancel_requested_at is None


@pytest.mark.parametrize("who", ["outsider", "other_trader"])
def test_nobody_touches_the_orders_of_others(shard: Shard, cast: Cast, now: datetime, who: str) -> None:
    _, order = resting(shard, cast, now)
    stranger = getattr(cast, who)
    with pytest.raises(Order.DoesNotExist):
        ask_cancel(press(order, stranger), now=now, wall=shard.clock())
    with pytest.raises(Order.DoesNotExist):
        ask_change(press(order, stranger), LOWER, wall=shard.clock())
    assert not ChangeRequest.objects.exists()


def test_a_key_means_one_thing_only(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    key = uuid.uuid4()
    ask_change(press(order, cast.trader, key), LOWER, wall=shard.clock())
    other = Wish(price=Decimal(99))
    assert why_not(ask_change, press(order, cast.trader, key), other, wall=shard.clock()) == "KEY_REUSED"
    assert why_not(ask_cancel, press(order, cast.trader, key), now=now, wall=shard.clock()) == "KEY_REUSED"


# changes


def changed(shard: Shard, order: Order, user: User, wish: Wish = LOWER) -> ChangeRequest:
    """Ask for a change and let the shard make it."""
    asked = ask_change(press(order, user), wish, wall=shard.clock())
    shard.run(lambda: request_of(order).status not in (RequestStatus.WAITING, RequestStatus.SENT))
    asked.refresh_from_db()
    return asked


def test_a_price_is_changed_once_and_kept(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    key = uuid.uuid4()
    for _ in range(2):
        ask_change(press(order, cast.trader, key), LOWER, wall=shard.clock())
    assert broker_of(shard, cast).modified == []
    shard.run(lambda: is_request(order, RequestStatus.DONE))
    publish_price(cast.call, "120")
    shard.clock.ahead = timedelta(seconds=20)
    shard.settle(8)
    ((broker_id, change),) = broker_of(shard, cast).modified  # the market moved away, and it is not followed
    assert (broker_id, change.price, change.quantity) == (order.broker_order_id, Decimal("101.50"), 65)
    assert (change.symbol, change.exchange) == (f"Z{cast.call.symbol}", "NFO")
    order.refresh_from_db()
    assert (order.price, order.modifications, statuses(trade)) == (Decimal("101.50"), 1, [OrderStatus.OPEN])
    assert kinds(order)[-3:] == ["order_change_asked", "order_change_sent", "order_change_done"]


def test_an_order_nobody_priced_is_followed_as_before(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now, lots=3)
    assert changed(shard, order, cast.trader, Wish(quantity=130)).status == RequestStatus.DONE
    publish_price(cast.call, "120")
    shard.clock.ahead = timedelta(seconds=20)
    shard.run(lambda: len(broker_of(shard, cast).modified) == 2)
    (_, first), (_, second) = broker_of(shard, cast).modified
    assert (first.quantity, first.price) == (130, order.price)
    assert (second.quantity, second.price) == (130, Decimal("123.60"))  # what was taken off is not put back


def test_a_smaller_order_is_full_when_the_broker_says_so(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now, lots=3)
    changed(shard, order, cast.trader, Wish(quantity=130))
    broker_of(shard, cast).fill(order.broker_order_id, 130, Decimal(103))
    shard.run(lambda: statuses(trade) == [OrderStatus.FILLED])
    trade.refresh_from_db()
    assert (trade.status, trade.legs.get().entry_quantity) == ("OPEN", 130)
    order.refresh_from_db()
    assert order.quantity == 195  # what was placed


def test_a_changed_entry_still_ends_with_its_time(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    changed(shard, order, cast.trader)
    shard.now = now + timedelta(seconds=61)
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])


def test_a_brokers_refusal_leaves_the_order_as_it_was(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    broker_of(shard, cast).change_answers = [REFUSED]
    asked = changed(shard, order, cast.trader)
    assert (asked.status, asked.code, asked.note) == (RequestStatus.REFUSED, "MarginException", "Insufficient funds")
    order.refresh_from_db()
    assert order.price == Decimal(103)
    publish_price(cast.call, "120")
    shard.clock.ahead = timedelta(seconds=20)
    shard.run(lambda: len(broker_of(shard, cast).modified) == 2)  # followed again


def halt(cast: Cast) -> Halt:
    return set_halt(
        scope="ACCOUNT", reason="odd", actor=cast.operator, tenant_id=cast.tenant.pk, account_id=cast.account.pk
    )


def go_to_paper(cast: Cast) -> None:
    BrokerAccount.objects.filter(pk=cast.account.pk).update(mode="PAPER")


def sign_out(cast: Cast) -> None:
    BrokerSession.objects.all().delete()


@pytest.mark.parametrize(("cause", "code"), [(halt, "HALTED"), (go_to_paper, "MODE_CHANGED")])
def test_every_doubt_keeps_a_change_off_the_wire(
    shard: Shard, cast: Cast, now: datetime, cause: Any, code: str
) -> None:
    _, order = resting(shard, cast, now)
    asked = ask_change(press(order, cast.trader), LOWER, wall=shard.clock())
    cause(cast)
    engine = shard.engine
    assert engine is not None
    shard.run(lambda: request_of(order).status not in (RequestStatus.WAITING, RequestStatus.SENT))
    asked.refresh_from_db()
    assert asked.status in (RequestStatus.REFUSED, RequestStatus.OVERTAKEN)
    assert asked.code in (code, "CANCELLING")  # a halt also withdraws what rests
    assert broker_of(shard, cast).modified == []


def test_a_change_nobody_could_send_is_given_up(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    ask_change(press(order, cast.trader), LOWER, wall=shard.clock())
    shard.clock.ahead = LIVES + timedelta(seconds=1)
    shard.run(lambda: is_request(order, RequestStatus.REFUSED))
    assert (request_of(order).code, broker_of(shard, cast).modified) == ("EXPIRED", [])


def test_a_cancel_overtakes_a_change_that_waits(shard: Shard, cast: Cast, now: datetime) -> None:
    trade, order = resting(shard, cast, now)
    change = ask_change(press(order, cast.trader), LOWER, wall=shard.clock())
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    change.refresh_from_db()
    assert change.status == RequestStatus.OVERTAKEN
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    assert broker_of(shard, cast).modified == []


# no answer


def unanswered(shard: Shard, cast: Cast, now: datetime, *, accepted: bool) -> Order:
    """Leave a change without an answer."""
    _, order = resting(shard, cast, now)
    broker = broker_of(shard, cast)
    broker.change_answers, broker.accept_silently = [UNKNOWN], accepted
    ask_change(press(order, cast.trader), LOWER, wall=shard.clock())
    shard.run(lambda: len(broker.modified) == 1)
    return order


def test_a_change_without_an_answer_that_the_book_shows_was_made(shard: Shard, cast: Cast, now: datetime) -> None:
    order = unanswered(shard, cast, now, accepted=True)
    shard.run(lambda: is_request(order, RequestStatus.DONE))
    order.refresh_from_db()
    assert (order.price, len(broker_of(shard, cast).modified)) == (Decimal("101.50"), 1)


def test_a_change_without_an_answer_is_never_sent_again(shard: Shard, cast: Cast, now: datetime) -> None:
    order = unanswered(shard, cast, now, accepted=False)
    publish_price(cast.call, "120")
    shard.clock.ahead = timedelta(seconds=60)
    shard.settle(8)
    assert is_request(order, RequestStatus.UNKNOWN)
    assert why_not(ask_change, press(order, cast.trader), Wish(price=Decimal(99)), wall=shard.clock()) == "CHANGING"
    assert len(broker_of(shard, cast).modified) == 1  # nor is the market followed meanwhile
    shard.clock.ahead = timedelta(seconds=130)
    shard.run(lambda: is_request(order, RequestStatus.LOST))
    order.refresh_from_db()
    assert order.price == Decimal(103)
    shard.run(lambda: len(broker_of(shard, cast).modified) == 2)  # the platform follows the market again


def test_an_order_whose_change_is_unknown_can_be_cancelled(shard: Shard, cast: Cast, now: datetime) -> None:
    order = unanswered(shard, cast, now, accepted=False)
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    shard.run(lambda: request_of(order).order.status == OrderStatus.CANCELLED)
    change = ChangeRequest.objects.get(kind="CHANGE")
    shard.run(lambda: ChangeRequest.objects.get(pk=change.pk).status == RequestStatus.OVERTAKEN)
    assert len(broker_of(shard, cast).modified) == 1


def test_a_sender_that_died_leaves_its_change_unknown(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    asked = ask_change(press(order, cast.trader), LOWER, wall=shard.clock())
    ChangeRequest.objects.filter(pk=asked.pk).update(status=RequestStatus.SENT, epoch=0, sent_at=shard.clock())
    shard.start()
    shard.run(lambda: is_request(order, RequestStatus.UNKNOWN))
    assert (request_of(order).code, broker_of(shard, cast).modified) == ("SENDER_GONE", [])


def test_a_lost_session_refuses_and_is_told(shard: Shard, cast: Cast, now: datetime) -> None:
    _, order = resting(shard, cast, now)
    broker_of(shard, cast).change_answers = [Outcome(Verdict.SESSION_LOST, code="TokenException", message="bye")]
    assert changed(shard, order, cast.trader).code == "TokenException"
    shard.settle()
    cast.account.refresh_from_db()
    assert cast.account.mode == "PAPER"


def test_paper_orders_go_the_same_way(shard: Shard, cast: Cast, now: datetime) -> None:
    publish_price(cast.call, "103")
    (trade,) = enter(cast, now, accounts=[cast.paper_account])
    shard.run(lambda: statuses(trade) == [OrderStatus.OPEN])
    order = Order.objects.get()
    assert changed(shard, order, cast.trader).status == RequestStatus.DONE
    ask_cancel(press(order, cast.trader), now=now, wall=shard.clock())
    shard.run(lambda: statuses(trade) == [OrderStatus.CANCELLED])
    assert TradeLeg.objects.get().entry_quantity == 0
