"""Each guard is needed: without it the same checks find the breach, and with it the same history breaks nothing."""

import pytest

from tests.model.mutants import MUTANTS, Mutant
from tests.model.world import World

pytestmark = pytest.mark.django_db

every_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@every_mutant
def test_without_the_guard_the_breach_is_found(world: World, mutant: Mutant) -> None:
    with mutant.remove():
        mutant.history(world)
        found = world.find_breaches()
    assert mutant.finds in {one.invariant for one in found}, found


@every_mutant
def test_with_the_guard_nothing_is_found(world: World, mutant: Mutant) -> None:
    mutant.history(world)
    assert world.find_breaches() == []
    world.calm_down()
