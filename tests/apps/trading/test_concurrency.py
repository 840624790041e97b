"""What Postgres promises when several processes do the same thing at once."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from apps.audit.models import AuditEvent
from apps.trading.models import AccountState, ChangeRequest, Intent, Order, Trade, TradeLeg
from apps.trading.services import day_end, submission
from apps.trading.services.exit import request_exit
from apps.trading.services.order_requests import Press, ask_cancel, ask_change
from bus import leases
from domain.order_changes import NotAllowed, Wish
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


def pressed(ask: Callable[[], Any]) -> str:
    """Return what became of one press."""
    try:
        ask()
    except NotAllowed as refusal:
        return refusal.code
    return "asked"


@pytest.mark.parametrize("is_one_key", [True, False])
def test_eight_presses_at_once_are_one_request(
    committed_cast: Cast, now: datetime, together: Callable[..., list[Any]], is_one_key: bool
) -> None:
    enter(committed_cast, now, accounts=[committed_cast.account])
    Order.objects.update(status="OPEN", broker_order_id="1", price=Decimal(99))
    order, keys = Order.objects.get(), [uuid.uuid4() for _ in range(8)]

    def press(number: int) -> Press:
        return Press(order.pk, committed_cast.trader, keys[0 if is_one_key else number])

    changed = together(8, lambda n: pressed(lambda: ask_change(press(n), Wish(price=Decimal(98)), wall=now)))
    assert changed.count("asked") == (8 if is_one_key else 1)
    assert ChangeRequest.objects.filter(kind="CHANGE").count() == 1
    keys[0] = uuid.uuid4()
    cancelled = together(8, lambda n: pressed(lambda: ask_cancel(press(n), now=now, wall=now)))
    assert cancelled.count("asked") == (8 if is_one_key else 1)
    assert ChangeRequest.objects.filter(kind="CANCEL").count() == 1
    assert AuditEvent.objects.filter(kind="order_cancel_asked").count() == 1


def test_a_cancel_beside_a_claim_is_before_it_or_after_it(
    committed_cast: Cast, now: datetime, together: Callable[..., list[Any]]
) -> None:
    enter(committed_cast, now, accounts=[committed_cast.account])
    held = leases.acquire("execution.0", seconds=60)
    assert held is not None
    lane = (committed_cast.account.pk, "LIVE")
    AccountState.objects.create(account_id=lane[0], mode=lane[1], reconciled_epoch=held.epoch)
    press = Press(Order.objects.get().pk, committed_cast.trader, uuid.uuid4())

    def claim() -> int:
        return len(
            submission.claim(
                shard=0,
                epoch=held.epoch,
                lease=held.name,
                ready=frozenset({lane}),
                without_entries=frozenset(),
                now=now,
                wall=datetime.now(tz=UTC),
            ).claims
        )

    claimed = together(2, lambda n: claim() if n else ask_cancel(press, now=now, wall=now))[1]
    order = Order.objects.get()
    if claimed:  # it goes out, and the cancel after it
        assert (order.status, order.cancel_requested_at) == ("SUBMITTED", now)
    else:
        assert (order.status, order.reason_code) == ("ABORTED", "CANCELLED_BY_HAND")
