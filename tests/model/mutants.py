"""Guards taken away, each with the history in which it is what keeps the promise."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django.db import connection

from apps.risk.services.halts import ActiveHalts
from apps.trading.models import Order
from apps.trading.services import clamp, resolver, submission
from apps.trading.services.submission import Claimed
from bus.leases import Held
from domain.broker import Verdict
from domain.exits import exit_quantity
from domain.orders import ExitReason, OrderStatus, Side
from tests.model.fates import Fate
from tests.model.world import World


@dataclass(frozen=True)
class Mutant:
    """A guard: how to take it away, what happens then, and which invariant must find it."""

    name: str
    remove: Callable[[], Any]
    history: Callable[[World], None]
    finds: str


# the guards -----------------------------------------------------------------------------------------------------------


@contextmanager
def patched(*patches: Any) -> Iterator[None]:
    """Apply several patches together."""
    with ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        yield


@contextmanager
def without_commit_before_send() -> Iterator[None]:
    """Claims live in the worker's memory; the database hears of them with the answer."""
    claim, record = submission.claim, submission.record_outcomes
    kept: dict[int, dict[str, Any]] = {}
    fields = ("status", "epoch", "submitted_at", "claimed_at")

    def forgetful(**given: Any) -> Claimed:
        claimed = claim(**given)
        rows = Order.objects.filter(pk__in=[one.order_id for one in claimed.claims])
        kept.update({row["pk"]: {name: row[name] for name in fields} for row in rows.values("pk", *fields)})
        rows.update(status=OrderStatus.PENDING, epoch=0, submitted_at=None, claimed_at=None)
        return claimed

    def late(outcomes: Sequence[Any], **given: Any) -> None:
        for one, _ in outcomes:
            Order.objects.filter(pk=one.order_id).update(**kept.get(one.order_id, {}))
        record(outcomes, **given)

    with mock.patch.object(submission, "claim", forgetful), mock.patch.object(submission, "record_outcomes", late):
        yield


@contextmanager
def without_unique_exit() -> Iterator[None]:
    """A leg may have any number of open exits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("DROP INDEX one_open_exit_per_leg")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    yield


def without_reservation() -> Any:
    """What is on its way counts as nothing."""

    def careless(**given: Any) -> int:
        return exit_quantity(**given | {"reserved": 0})

    return mock.patch.object(clamp, "exit_quantity", careless)


def without_lease_checks() -> Any:
    """Whoever thinks it leads may claim and send."""
    return patched(
        mock.patch.object(submission, "check_epoch", return_value=None),
        mock.patch.object(Held, "remaining", return_value=60.0),
    )


def _unknown_is(status: OrderStatus) -> Any:
    return mock.patch.dict(submission._STATUS_OF, {Verdict.UNKNOWN: status})


def with_unknown_rejected() -> Any:
    """No answer means no."""
    return _unknown_is(OrderStatus.REJECTED)


def with_unknown_absent() -> Any:
    """No answer means it never arrived."""
    return _unknown_is(OrderStatus.ABSENT)


def with_stale_positions() -> Any:
    """Any snapshot of positions is good enough."""
    return mock.patch.object(clamp, "is_fresh", lambda order, **_: order.positions_read_at is not None)


def without_patience() -> Any:
    """One look at the book proves that an order never arrived."""

    def hasty(order: Order, *_: Any, **__: Any) -> bool:
        return order.absent_reads >= 1

    return mock.patch.object(resolver, "_is_absent", hasty)


def without_halts() -> Any:
    """Nobody looks at the halts."""
    return mock.patch.object(ActiveHalts, "reason", return_value="")


def without_entry_checks() -> Any:
    """Every entry may go, whenever."""
    return mock.patch.object(submission._Decider, "_entry_allowed", return_value=True)


# the histories --------------------------------------------------------------------------------------------------------


def _enter(world: World, strategy: int = 0) -> None:
    world.elapse(0.5)
    world.alert(world.scene.hooks[strategy], "buy")
    world.elapse(2)
    world.check()


def dies_with_the_answer(world: World) -> None:
    """The broker has the order; the worker dies before it wrote the answer down."""
    world.elapse(0.5)
    world.alert(world.scene.hooks[1], "buy")
    world.arm("wire.after_place")
    world.elapse(3)


def all_triggers_at_once(world: World) -> None:
    """Four reasons within one instant."""
    _enter(world)
    for reason in (ExitReason.TARGET, ExitReason.STOP_LOSS, ExitReason.SQUARE_OFF, ExitReason.MANUAL):
        world.ask_exit(reason)


def half_left_by_hand(world: World) -> None:
    """A lot was sold in the broker's own app; the exit's two slices rest side by side until the market takes both."""
    _enter(world)
    world.people.leave_by_hand(world.scene.call.pk, Side.SELL, 1)
    world.house.fills_at_once = 0
    world.ask_exit(ExitReason.STOP_LOSS)
    world.elapse(3)
    for order in world.house.resting():
        world.house.fill(order.broker_order_id, order.quantity)


def old_leader_wakes_up(world: World) -> None:
    """A frozen leader is succeeded, its successor trades, and then it goes on where it stood."""
    _enter(world)
    world.supervisor.freeze()
    _enter(world, strategy=1)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.supervisor.thaw()


def exit_without_an_answer(world: World) -> None:
    """An exit is accepted, its answer lost, and it rests until the market takes whatever is there."""
    _enter(world, strategy=1)
    world.house.fills_at_once = 0
    world.house.book_lag = 5.0
    world.house.place.append(Fate.NO_ID)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.elapse(4)
    for order in world.house.resting():
        world.house.fill(order.broker_order_id, order.quantity)


def exit_accepted_late(world: World) -> None:
    """An exit's request hangs for eight seconds and is accepted then."""
    _enter(world, strategy=1)
    world.house.place.append(Fate.LATE_8)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.elapse(12)


def left_by_hand(world: World) -> None:
    """Everything was sold in the broker's own app; then the stop fires."""
    _enter(world, strategy=1)
    world.people.leave_by_hand(world.scene.call.pk, Side.SELL, 1)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.turns(3)


def halted_in_time(world: World) -> None:
    """A halt, then a signal that was decided before it."""
    world.elapse(0.5)
    world.alert(world.scene.hooks[1], "buy")
    world.people.halt("ACCOUNT")
    world.push(2)
    world.elapse(1)


def comes_too_late(world: World) -> None:
    """The entry waits for a worker until its time is over."""
    world.elapse(0.5)
    world.alert(world.scene.hooks[1], "buy")
    world.push(61)
    world.supervisor.nudge()
    world.turns(2)


MUTANTS = (
    Mutant("the commit before the send", without_commit_before_send, dies_with_the_answer, "I1"),
    Mutant("the unique open exit", without_unique_exit, all_triggers_at_once, "I8"),
    Mutant("the reservation", without_reservation, half_left_by_hand, "I7"),
    Mutant("the lease", without_lease_checks, old_leader_wakes_up, "I10"),
    Mutant("UNKNOWN is not REJECTED", with_unknown_rejected, exit_without_an_answer, "I7"),
    Mutant("UNKNOWN is not ABSENT", with_unknown_absent, exit_without_an_answer, "I7"),
    Mutant("the age of positions", with_stale_positions, left_by_hand, "I7"),
    Mutant("the wait before a resend", without_patience, exit_accepted_late, "I7"),
    Mutant("the halts", without_halts, halted_in_time, "I12"),
    Mutant("the entry's time", without_entry_checks, comes_too_late, "I19"),
)
