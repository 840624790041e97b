"""Whatever fires in whatever order within one instant: each leg has one open exit, and is left once."""

from itertools import permutations

import pytest

from apps.trading.models import Intent, Trade
from domain.orders import OPEN_INTENTS, ExitReason
from tests.model.world import World

pytestmark = pytest.mark.django_db

ORDERS = list(permutations((ExitReason.STOP_LOSS, ExitReason.TARGET, ExitReason.SQUARE_OFF, ExitReason.MANUAL)))


def open_exits(world: World) -> list[int]:
    """Return the legs that have an open exit, each as often as it has one."""
    rows = Intent.objects.filter(kind="EXIT", status__in=OPEN_INTENTS).order_by("leg_id")
    return list(rows.values_list("leg_id", flat=True))


@pytest.mark.parametrize("number", range(len(ORDERS)))
def test_every_order_of_triggers_leaves_each_leg_once(world: World, number: int) -> None:
    """The worker comes round after the first, the second, … or none of them, all within the same instant."""
    world.elapse(0.5)
    world.alert(world.scene.hooks[0], "buy")
    world.elapse(4)
    world.house.fills_at_once = 0
    legs = world.live_legs()
    for place, reason in enumerate(ORDERS[number]):
        world.ask_exit(reason, legs)
        if place == number % 5:
            world.turn()
        assert open_exits(world) == legs
        world.check()
    assert set(Intent.objects.filter(kind="EXIT").values_list("reason", flat=True)) == {"MANUAL"}
    world.calm_down()
    assert Intent.objects.filter(kind="EXIT").count() == len(legs)
    assert set(Trade.objects.values_list("status", flat=True)) == {"CLOSED"}
    sold = sum(fill.quantity for fill in world.street.fills if fill.side == "SELL")
    assert sold == sum(fill.quantity for fill in world.street.fills if fill.side == "BUY")
