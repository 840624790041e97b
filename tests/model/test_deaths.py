"""Death at every named point the model passes: nothing is sent twice, nothing is lost, and it all comes to rest."""

import gc
import logging
from collections.abc import Callable

import pytest

from domain.orders import ExitReason
from tests.model.fates import Fate
from tests.model.machine import CRASH_POINTS
from tests.model.world import NewWorld, World

pytestmark = pytest.mark.django_db


def enter_and_leave(world: World) -> None:
    """A trade from its alert to its end."""
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(2.5)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.elapse(2.5)


def leave_by_signal(world: World) -> None:
    """A trade that the strategy itself leaves."""
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(2.0)
    world.alert(world.scene.hooks[1], "sell")
    world.elapse(1.0)


def leave_by_price(world: World) -> None:
    """A trade whose trail is reached."""
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(3.0)
    world.move(world.scene.call.pk, world.prices[world.scene.call.pk] * 8 / 10)
    world.elapse(1.0)


def chase(world: World) -> None:
    """An entry rests while the market runs away."""
    world.house.fills_at_once = 0
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(1.0)
    world.move(world.scene.call.pk, world.prices[world.scene.call.pk] * 12 / 10)
    world.elapse(3.0)


def withdraw(world: World) -> None:
    """An entry rests until it is withdrawn."""
    world.house.fills_at_once = 0
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(1.0)
    world.ask_exit(ExitReason.MANUAL)
    world.elapse(2.0)


def never_arrive(world: World) -> None:
    """An entry is lost on its way, and its time passes."""
    world.house.place.append(Fate.LOST)
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(1.0)
    world.push(61)
    world.elapse(7.0, step=0.5)


def be_refused(world: World) -> None:
    """An exit is refused and asked for again."""
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(2.0)
    world.house.place.append(Fate.REFUSED)
    world.ask_exit(ExitReason.STOP_LOSS)
    world.elapse(3.0)


def lose_session(world: World) -> None:
    """The broker ends the session while a trade is open."""
    world.alert(world.scene.hooks[1], "buy")
    world.elapse(3.0)
    world.kill_token()
    world.elapse(2.0)


SCENES: dict[str, Callable[[World], None]] = {
    "routing.exit_claimed": leave_by_signal,
    "watching.fired": leave_by_price,
    "wire.before_modify": chase,
    "wire.after_modify": chase,
    "steps.recorded": chase,
    "wire.before_cancel": withdraw,
    "wire.after_cancel": withdraw,
    "resolver.before_commit": never_arrive,
    "resolver.absent_committed": never_arrive,
    "sweep.exits_found": be_refused,
    "sweep.idle_settled": be_refused,
    "session.lost": lose_session,
}
"""What leads to a point; the others lie on every trade's way."""


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_death_at_every_point_is_survived(world: World, point: str) -> None:
    world.elapse(0.6)
    if point.startswith("disown."):
        world.kill()
    world.arm(point)
    SCENES.get(point, enter_and_leave)(world)
    assert world.deaths == [point]
    world.check()
    world.calm_down()


def test_what_a_dead_worker_left_is_cleared_away_without_a_word(
    new_world: NewWorld, caplog: pytest.LogCaptureFixture
) -> None:
    # Python 3.11 breaks off an ast.parse in whose middle the collector logs a traceback: a test far away failed of it.
    with new_world() as world:
        world.arm("resolver.before_commit")
        never_arrive(world)
        assert world.deaths == ["resolver.before_commit"]
    del world
    logging.disable(logging.NOTSET)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
