"""One broker's trouble: its account's entries wait and are halted, its exits go on, and nobody else notices."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from apps.notifications.models import Notification
from apps.risk.models import Halt
from apps.risk.services.halts import FreshSignIn, release_halt, set_halt
from apps.trading.execution import breaker as breakers
from apps.trading.execution.breaker import FIRST_PAUSE, HALT_AFTER, LONGEST_PAUSE, Breaker
from apps.trading.models import AccountState, Order, Trade
from apps.trading.services.exit import request_exit_of_trade
from domain.broker import BrokerUnavailable, Outcome, RateLimited, Verdict
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.apps.trading.scripted import UNKNOWN
from tests.cast import Cast

OK = Outcome(Verdict.ACKNOWLEDGED, broker_order_id="1")
DOWN = BrokerUnavailable("HTTP_503", "no answer")


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def breaker(hands: Hands) -> Breaker:
    return Breaker(clock=hands)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.note_order(UNKNOWN)


def test_a_single_failure_keeps_nobody_waiting(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.note_order(OK)
    fail(breaker, 2)
    assert breaker.may_enter()


def test_failures_in_a_row_hold_entries_back_for_a_while(breaker: Breaker, hands: Hands) -> None:
    fail(breaker, 3)
    assert not breaker.may_enter()
    hands.at += FIRST_PAUSE
    assert breaker.may_enter()  # one may try
    fail(breaker, 1)
    hands.at += FIRST_PAUSE
    assert not breaker.may_enter()  # it failed: twice as long
    hands.at += FIRST_PAUSE
    assert breaker.may_enter()
    breaker.note_order(OK)
    fail(breaker, 2)
    assert breaker.may_enter()


def test_the_pause_has_an_end(breaker: Breaker, hands: Hands) -> None:
    fail(breaker, 30)
    hands.at += LONGEST_PAUSE
    assert breaker.may_enter()


def test_unread_books_hold_entries_back_until_they_are_read(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.note_failed_read(DOWN)
    assert not breaker.may_enter()
    breaker.note_read()
    assert breaker.may_enter()
    assert not breaker.is_healthy()
    breaker.note_read()
    breaker.note_read()
    assert breaker.is_healthy()


def test_what_a_broker_asks_for_is_waited(breaker: Breaker, hands: Hands) -> None:
    breaker.note_order(Outcome(Verdict.RATE_LIMITED, retry_after=30))
    hands.at += 29
    assert not breaker.may_enter()
    hands.at += 1
    assert breaker.may_enter()
    breaker.note_failed_read(RateLimited("HTTP_429", "slow down"))
    assert not breaker.may_enter()
    hands.at += breakers.LIMITED_PAUSE
    assert breaker.may_enter()


def test_only_lasting_trouble_counts_as_down(breaker: Breaker, hands: Hands) -> None:
    for _ in range(3):
        breaker.note_failed_read(DOWN)
    assert not breaker.is_down()
    hands.at += HALT_AFTER
    assert breaker.is_down()
    for _ in range(3):
        breaker.note_read()
    assert not breaker.is_down()


@pytest.mark.django_db
def test_an_account_whose_broker_is_down_is_halted_and_released_by_itself(
    cast: Cast, shard: Shard, now: datetime, hands: Hands
) -> None:
    shard.settle()
    lane = shard.engine.state.lanes[(cast.account.pk, "LIVE")]  # type: ignore[union-attr]
    lane.breaker = Breaker(clock=hands)
    shard.broker(cast.account).book_is_down = True
    shard.settle(6)
    assert AccountState.objects.get(account=cast.account, mode="LIVE").error_code == "TIMEOUT"
    assert not Halt.objects.exists()
    hands.at += HALT_AFTER
    shard.settle(6)
    halt = Halt.objects.active().get()
    assert (halt.reason_code, halt.account, halt.created_by) == ("BROKER_DOWN", cast.account, None)
    assert Notification.objects.filter(code="ACCOUNT_HALTED", user=cast.trader).count() == 1
    shard.broker(cast.account).book_is_down = False
    shard.run(lambda: not Halt.objects.active().exists())
    assert AccountState.objects.get(account=cast.account, mode="LIVE").error_code == ""


@pytest.mark.django_db
def test_a_new_leader_releases_what_its_predecessor_halted_once_the_broker_answers(
    cast: Cast, shard: Shard, now: datetime, hands: Hands
) -> None:
    shard.settle()
    shard.engine.state.lanes[(cast.account.pk, "LIVE")].breaker = Breaker(clock=hands)  # type: ignore[union-attr]
    shard.broker(cast.account).book_is_down = True
    shard.settle(6)
    hands.at += HALT_AFTER
    shard.run(lambda: Halt.objects.active().exists())
    shard.start()
    shard.settle(6)
    assert Halt.objects.active().exists()
    shard.broker(cast.account).book_is_down = False
    shard.run(lambda: not Halt.objects.active().exists())


@pytest.mark.django_db
def test_what_a_person_halted_is_not_released_by_the_platform(cast: Cast, shard: Shard, now: datetime) -> None:
    set_halt(scope="ACCOUNT", reason="look", actor=cast.operator, reason_code="BROKER_DOWN", account_id=cast.account.pk)
    shard.settle(8)
    assert Halt.objects.active().count() == 1


@pytest.mark.django_db
def test_entries_wait_while_the_breaker_is_open_and_the_exit_goes(cast: Cast, shard: Shard, now: datetime) -> None:
    (held,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    fail(shard.engine.state.lanes[(cast.account.pk, "LIVE")].breaker, 3)  # type: ignore[union-attr]
    (waiting,) = enter(cast, now, accounts=[cast.account], key="s2")
    request_exit_of_trade(trade=held, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=held.pk).status == "CLOSED")
    assert statuses(waiting) == ["PENDING"]


@pytest.mark.django_db
def test_an_exit_told_to_slow_down_waits_as_asked_but_not_for_long(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    broker.answers = [Outcome(Verdict.RATE_LIMITED, code="429", message="slow down", retry_after=3600)]
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: statuses(trade)[-1] == "REJECTED")
    shard.clock.ahead += timedelta(seconds=8)
    shard.settle()
    assert len(broker.placed) == 2
    shard.clock.ahead += timedelta(seconds=3)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")


LIMITED = Outcome(Verdict.RATE_LIMITED, code="429", message="slow down", retry_after=20)


@pytest.mark.django_db
def test_an_entry_told_to_slow_down_waits_as_asked_and_is_tried_again(cast: Cast, shard: Shard, now: datetime) -> None:
    broker = shard.broker(cast.account)
    shard.settle()
    hands = Hands()
    shard.engine.state.lanes[(cast.account.pk, "LIVE")].breaker = Breaker(clock=hands)  # type: ignore[union-attr]
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker.answers = [LIMITED]
    broker.fill_price = Decimal("100")
    shard.run(lambda: statuses(trade) == ["REJECTED"])
    shard.clock.ahead += timedelta(seconds=15)
    shard.settle()
    assert statuses(trade) == ["REJECTED"]
    shard.clock.ahead += timedelta(seconds=6)
    hands.at += 21
    shard.run(lambda: Trade.objects.get(pk=trade.pk).status == "OPEN")
    assert statuses(trade) == ["REJECTED", "FILLED"]
    assert trade.legs.get().entry_quantity == 65
    assert Order.objects.filter(intent__trade=trade).values("client_order_id").distinct().count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("leaves", [False, True])
def test_an_entry_that_is_late_or_to_be_left_is_not_tried_again(
    cast: Cast, shard: Shard, now: datetime, leaves: bool
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).answers = [LIMITED]
    shard.run(lambda: statuses(trade) == ["REJECTED"])
    if leaves:
        request_exit_of_trade(trade=trade, reason=ExitReason.MANUAL, actor=None, now=now)
    else:
        shard.now = now + timedelta(seconds=61)
    shard.clock.ahead += timedelta(seconds=30)
    shard.settle(6)
    assert statuses(trade) == ["REJECTED"]
    assert Trade.objects.get().status in ("ENTRY_FAILED", "CLOSED")


@pytest.mark.django_db
def test_an_outage_of_one_account_costs_the_others_not_one_round(cast: Cast, shard: Shard, now: datetime) -> None:
    def rounds_to_open(key: str) -> int:
        taken = count(1)
        (trade,) = enter(cast, now, accounts=[cast.paper_account], key=key)
        shard.run(lambda: bool(next(taken)) and Trade.objects.get(pk=trade.pk).status == "OPEN")
        return next(taken)

    shard.broker(cast.paper_account, "PAPER").fill_price = Decimal("100")
    shard.settle()
    calm = rounds_to_open("calm")
    enter(cast, now, accounts=[cast.account], key="broken")
    broken = shard.broker(cast.account)
    broken.answers, broken.book_is_down = [UNKNOWN] * 5, True
    shard.settle(8)
    assert rounds_to_open("storm") == calm
    assert not Halt.objects.filter(account=cast.paper_account).exists()


@pytest.mark.django_db
def test_an_order_of_unknown_fate_halts_its_account_until_it_is_known(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.answers = [UNKNOWN]
    shard.run(lambda: statuses(trade) == ["UNKNOWN"])
    assert not Halt.objects.exists()
    shard.clock.ahead += timedelta(seconds=31)
    shard.settle()
    halt = Halt.objects.active().get()
    assert (halt.reason_code, halt.account) == ("ORDER_UNKNOWN", cast.account)
    release_halt(halt=halt, actor=cast.operator, now=now, proof=FreshSignIn(cast.operator.pk, now))
    shard.settle()
    assert not Halt.objects.active().exists()  # a person has looked at this very order
    Halt.objects.all().delete()
    shard.run(lambda: Halt.objects.active().exists())
    broker.accept(broker.placed[0])
    shard.run(lambda: Order.objects.get().status != "UNKNOWN")
    shard.run(lambda: not Halt.objects.active().exists())
