"""Accounts change their shard while they trade, and only between two orders."""

import threading
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services import sharding
from apps.trading.models import AccountState, Order
from apps.trading.services import submission
from bus import leases
from tests.apps.trading.conftest import enter
from tests.cast import Cast, publish_price


@pytest.fixture(autouse=True)
def _two_shards(settings: Any) -> None:
    settings.SHARDS = 2


@pytest.fixture
def trading(cast: Cast, now: datetime) -> Cast:
    """The cast with an unsent order in each account."""
    publish_price(cast.call, "100")
    enter(cast, now, accounts=[cast.account, cast.paper_account])
    return cast


def shard_of(account: BrokerAccount) -> int:
    account.refresh_from_db()
    return account.shard


def test_what_waits_unsent_goes_along(trading: Cast) -> None:
    done = sharding.move([trading.account.pk], to=1)
    assert done == sharding.Moved(moved=(trading.account.pk,), busy=())
    assert shard_of(trading.account) == 1
    assert set(Order.objects.values_list("status", flat=True)) == {"PENDING"}


@pytest.mark.parametrize("status", sorted(sharding.UNDER_WAY))
def test_an_account_with_an_order_under_way_stays_and_the_others_move(trading: Cast, status: str) -> None:
    Order.objects.filter(account=trading.account).update(status=status)
    done = sharding.move([trading.account.pk, trading.paper_account.pk], to=1)
    assert done == sharding.Moved(moved=(trading.paper_account.pk,), busy=(trading.account.pk,))
    assert shard_of(trading.account) == 0


def test_the_new_shard_must_read_the_books_before_it_enters(trading: Cast) -> None:
    AccountState.objects.update_or_create(account=trading.account, mode="LIVE", defaults={"reconciled_epoch": 1})
    sharding.move([trading.account.pk], to=1)
    assert AccountState.objects.get(account=trading.account, mode="LIVE").reconciled_epoch == 0


def test_the_trail_tells_who_moved_it_and_where(trading: Cast) -> None:
    sharding.move([trading.account.pk], to=1, actor=trading.operator)
    event = AuditEvent.objects.get(kind="account_moved")
    assert (event.object_id, event.actor_id, event.data) == (
        trading.account.pk,
        trading.operator.pk,
        {"from": 0, "to": 1},
    )


def test_the_new_shard_is_woken(
    trading: Cast, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("bus.commands._send", lambda task, queue, *_: sent.append(queue))
    with django_capture_on_commit_callbacks(execute=True):
        sharding.move([trading.account.pk], to=1)
    assert sent == ["execution.1"]


@pytest.mark.parametrize("shard", [-1, 2])
def test_no_account_goes_to_a_shard_nobody_serves(trading: Cast, shard: int) -> None:
    with pytest.raises(sharding.NoSuchShard):
        sharding.move_all({trading.account.pk: shard})


def test_a_new_account_belongs_to_the_emptiest_shard(trading: Cast) -> None:
    assert sharding.emptiest_shard() == 1


def test_the_old_shard_claims_nothing_after_the_move_and_the_new_one_does(trading: Cast, now: datetime) -> None:
    lanes = frozenset({(trading.paper_account.pk, "PAPER")})

    def claims(shard: int) -> int:
        held = leases.acquire(f"execution.{shard}", seconds=60)
        assert held is not None
        AccountState.objects.update_or_create(
            account=trading.paper_account, mode="PAPER", defaults={"reconciled_epoch": held.epoch}
        )
        claimed = submission.claim(
            shard=shard,
            epoch=held.epoch,
            lease=held.name,
            ready=lanes,
            without_entries=frozenset(),
            now=now,
            wall=now,
        )
        leases.release(held)
        return len(claimed.claims)

    sharding.move([trading.paper_account.pk], to=1)
    assert (claims(0), claims(1)) == (0, 1)


@pytest.fixture
def holding(transactional_db: None) -> Iterator[threading.Event]:
    """Another process in the middle of a claim: it holds the lease row shared until the event is set."""
    leases.acquire("execution.0", seconds=60)
    begun, over = threading.Event(), threading.Event()

    def claim() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT epoch FROM bus_lease WHERE name = 'execution.0' FOR SHARE")
            begun.set()
            over.wait(30)
        connection.close()

    thread = threading.Thread(target=claim)
    thread.start()
    begun.wait(30)
    yield over
    over.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_move_waits_for_the_claim_that_is_under_way(holding: threading.Event, trading: Cast) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        with pytest.raises(Exception, match="lock timeout"), transaction.atomic():
            sharding.move([trading.account.pk], to=1)
    holding.set()
    assert sharding.move([trading.account.pk], to=1).moved == (trading.account.pk,)


def test_the_command_spreads_everybody(trading: Cast) -> None:
    out = StringIO()
    call_command("move_accounts", "--rebalance", stdout=out)
    assert out.getvalue() == "1 accounts moved.\n"
    assert {shard_of(trading.account), shard_of(trading.paper_account)} == {0, 1}


def test_the_command_empties_a_shard(trading: Cast) -> None:
    call_command("move_accounts", "--from", "0", "--to", "1", stdout=StringIO())
    assert set(BrokerAccount.objects.values_list("shard", flat=True)) == {1}


def test_the_command_fails_naming_who_had_to_stay(trading: Cast) -> None:
    Order.objects.filter(account=trading.account).update(status="UNKNOWN")
    with pytest.raises(CommandError, match=f"accounts {trading.account.pk} where"):
        call_command("move_accounts", str(trading.account.pk), "--to", "1", "--wait", "0", stdout=StringIO())


@pytest.mark.parametrize("arguments", [[], ["1"], ["--to", "1"], ["--rebalance", "--to", "1"], ["999999", "--to", "1"]])
def test_an_unclear_command_is_refused(trading: Cast, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("move_accounts", *arguments)
