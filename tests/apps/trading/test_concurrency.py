"""What Postgres promises when several processes do the same thing at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from apps.trading.models import AccountState, Intent, Order, Trade, TradeLeg
from apps.trading.services import day_end, submission
from apps.trading.services.exit import request_exit
from bus import leases
from domain.orders import ExitReason
from tests.apps.trading.conftest import enter
from tests.cast import Cast, make_cast, publish_price

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def together() -> Iterator[Callable[[int, Callable[[int], Any]], list[Any]]]:
    """Run a function in so many threads at the same moment, each with its own connection."""

    def run(count: int, work: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(count)

        def one(number: int) -> Any:
            barrier.wait()
            try:
                return work(number)
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    return run


@pytest.fixture
def committed_cast(transactional_db: None, now: datetime) -> Cast:
    """The cast, visible to every connection."""
    cast = make_cast(now)
    publish_price(cast.call, "100")
    return cast


def test_twelve_triggers_at_once_make_one_exit(
    committed_cast: Cast, now: datetime, together: Callable[..., list[Any]]
) -> None:
    (trade,) = enter(committed_cast, now, accounts=[committed_cast.account])
    Order.objects.update(status="FILLED", filled_quantity=65)
    TradeLeg.objects.update(entry_quantity=65, entry_value=Decimal(6500))
    Trade.objects.update(status="OPEN")
    reasons = [ExitReason.STOP_LOSS, ExitReason.TARGET, ExitReason.MANUAL, ExitReason.SQUARE_OFF] * 3
    leg = trade.legs.get().pk
    together(12, lambda number: request_exit(leg_ids=[leg], reason=reasons[number], now=now))
    exit_intent = Intent.objects.get(kind="EXIT")
    assert exit_intent.reason == "MANUAL"
    assert Order.objects.filter(intent=exit_intent).count() == 1


def test_two_claims_at_once_share_the_orders(
    committed_cast: Cast, now: datetime, together: Callable[..., list[Any]]
) -> None:
    enter(committed_cast, now, accounts=[committed_cast.account, committed_cast.paper_account])
    held = leases.acquire("execution.0", seconds=60)
    assert held is not None
    lanes = frozenset({(committed_cast.account.pk, "LIVE"), (committed_cast.paper_account.pk, "PAPER")})
    for account_id, mode in lanes:
        AccountState.objects.create(account_id=account_id, mode=mode, reconciled_epoch=held.epoch)
    wall = datetime.now(tz=UTC)

    def claim(_: int) -> list[int]:
        claimed = submission.claim(
            shard=0,
            epoch=held.epoch,
            lease=held.name,
            ready=lanes,
            without_entries=frozenset(),
            now=now,
            wall=wall,
        )
        return [one.order_id for one in claimed.claims]

    claims = [pk for found in together(6, claim) for pk in found]
    assert sorted(claims) == sorted(Order.objects.values_list("pk", flat=True))


def test_two_square_offs_at_the_same_moment_make_one_exit(
    committed_cast: Cast, now: datetime, together: Callable[..., list[Any]]
) -> None:
    enter(committed_cast, now, accounts=[committed_cast.account, committed_cast.paper_account])
    Order.objects.update(status="FILLED", filled_quantity=65)
    TradeLeg.objects.update(entry_quantity=65, entry_value=Decimal(6500))
    Trade.objects.update(status="OPEN", square_off_at=now)
    together(4, lambda _: day_end.square_off_due(now=now))
    assert Intent.objects.filter(kind="EXIT").count() == 2
    assert Order.objects.filter(intent__kind="EXIT").count() == 2


def test_a_lease_is_held_by_one(transactional_db: None, together: Callable[..., list[Any]]) -> None:
    first = leases.acquire("feed", seconds=60)
    assert first is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bus_lease SET holder = 'elsewhere:1:1' WHERE name = 'feed'")
    assert together(4, lambda _: leases.acquire("feed", seconds=60)) == [None] * 4
    with pytest.raises(leases.LeaseLost):
        leases.renew(first)


def test_a_dead_holder_of_this_host_is_succeeded_at_once(transactional_db: None) -> None:
    first = leases.acquire("feed", seconds=600)
    assert first is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bus_lease SET holder = %s WHERE name = 'feed'", [f"{leases.host_name()}:999999:1"])
    second = leases.acquire("feed", seconds=60)
    assert second is not None
    assert second.epoch == first.epoch + 1
