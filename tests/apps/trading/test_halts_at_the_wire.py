"""A halt committed after the claim: the last look before the wire stops what increases risk."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.risk.services.halts import ActiveHalts, set_halt
from apps.trading.execution import halt_gate
from apps.trading.models import Order, Trade
from apps.trading.services import submission
from apps.trading.services.exit import request_exit_of_trade
from bus import commands
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.cast import Cast


@pytest.fixture
def after_claim(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something between a claim's commit and what it sends."""
    claim = submission.claim

    def arrange(deed: Callable[[], object]) -> None:
        def claim_and_do(**kwargs: Any) -> submission.Claimed:
            claimed = claim(**kwargs)
            if claimed.claims:
                deed()
            return claimed

        monkeypatch.setattr(submission, "claim", claim_and_do)

    return arrange


def halt(cast: Cast) -> None:
    set_halt(scope="ACCOUNT", reason="drill", actor=cast.operator, account_id=cast.account.pk)


def test_an_entry_claimed_before_a_halt_is_stopped_by_its_message(
    cast: Cast, shard: Shard, now: datetime, after_claim: Callable[[Callable[[], object]], None]
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    engine = shard.start()

    def set_and_tell() -> None:
        halt(cast)
        engine.halts_changed()

    after_claim(set_and_tell)
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    order = Order.objects.get(intent__trade=trade)
    assert (order.status, order.reason_code) == ("ABORTED", "HALTED")
    assert "drill" in order.reason
    assert shard.broker(cast.account).placed == []


def test_an_entry_that_was_held_up_after_its_claim_looks_at_the_halts_again(
    cast: Cast, shard: Shard, now: datetime, after_claim: Callable[[Callable[[], object]], None]
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    engine = shard.start()

    def hold_up() -> None:
        halt(cast)
        engine.sender.gate.clock = lambda: shard.clock.monotonic() + halt_gate.MAX_AGE + 0.1

    after_claim(hold_up)
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    assert Order.objects.get(intent__trade=trade).reason_code == "HALTED"
    assert shard.broker(cast.account).placed == []


def test_nothing_enters_while_nobody_can_say_what_is_halted(
    cast: Cast, shard: Shard, now: datetime, after_claim: Callable[[Callable[[], object]], None]
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    engine = shard.start()

    def lose_sight() -> None:
        engine.halts_changed()
        engine.sender.gate.load = _unreadable

    after_claim(lose_sight)
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    order = Order.objects.get(intent__trade=trade)
    assert (order.status, order.reason_code) == ("ABORTED", "HALTS_UNREAD")
    assert shard.broker(cast.account).placed == []


def test_answers_that_come_too_late_count_as_none(cast: Cast, shard: Shard, now: datetime) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    ticking = iter(range(10_000))
    gate = shard.start().sender.gate
    gate.clock = lambda: 1e9 + next(ticking)  # whatever is read is a second old when it is looked at
    shard.run(lambda: Trade.objects.get().status == "ENTRY_FAILED")
    assert Order.objects.get(intent__trade=trade).reason_code == "HALTS_UNREAD"


def test_an_exit_passes_whatever_is_halted(
    cast: Cast, shard: Shard, now: datetime, after_claim: Callable[[Callable[[], object]], None]
) -> None:
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.broker(cast.account).fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    after_claim(lambda: halt(cast))
    request_exit_of_trade(trade=trade, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Trade.objects.get().status == "CLOSED")


def test_an_entry_resting_at_the_broker_is_withdrawn_by_a_halt(cast: Cast, shard: Shard, now: datetime) -> None:
    (halted, other) = enter(cast, now, accounts=[cast.account, cast.paper_account])
    shard.run(lambda: set(Order.objects.values_list("status", flat=True)) == {"OPEN"})
    halt(cast)
    shard.clock.ahead += timedelta(seconds=1)
    shard.run(lambda: Trade.objects.get(pk=halted.pk).status == "ENTRY_FAILED")
    assert statuses(halted) == ["CANCELLED"]
    assert statuses(other) == ["OPEN"]


def test_a_halt_is_told_to_every_shard_once_it_is_committed(
    cast: Cast,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.SHARDS = 2
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(commands, "_send", lambda task, queue, *_: sent.append((task, queue)))
    with django_capture_on_commit_callbacks(execute=True):
        halt(cast)
    looks = [queue for task, queue in sent if task == "workers.execution.look_at_halts"]
    assert looks == ["execution.0", "execution.1"]


async def _unreadable() -> ActiveHalts:
    raise OperationalError("the server closed the connection")
