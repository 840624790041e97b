"""Histories of a trading day chosen by hypothesis: always the same few, or ``MODEL_EXAMPLES=n`` others when asked."""

import os
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine, Tally
from tests.model.world import NewWorld

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

AT_ONCE = 8
"""Histories a seed: beyond ten hypothesis begins to repeat itself with small changes."""

STEPS = int(os.environ.get("MODEL_STEPS", "40"))
WANTED = int(os.environ.get("MODEL_EXAMPLES", "0"))
FIRST = int(os.environ.get("MODEL_SEED", "0")) or (secrets.randbelow(10**9) if WANTED else 1)
SEEDS = range(FIRST, FIRST + max(3, -(-WANTED // AT_ONCE)))
"""Three seeds in every test run; MODEL_EXAMPLES=n takes new ones, MODEL_SEED=n begins at one that failed."""

PROFILE = settings(
    max_examples=AT_ONCE,
    stateful_step_count=STEPS,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink] if os.environ.get("MODEL_SHRINK") else [Phase.generate],
)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """What all seeds together did; shown with ``-s``."""
    counted = Tally()
    yield counted
    print(f"\n{counted}")


@pytest.mark.parametrize("number", SEEDS)
def test_no_history_breaks_a_promise(new_world: NewWorld, tally: Tally, number: int) -> None:
    machine = type("TradingDay", (Machine,), {"new_world": staticmethod(new_world), "tally": tally})
    before = tally.orders
    run_state_machine_as_test(seed(number)(machine), settings=PROFILE)
    assert tally.orders > before, "nothing was traded: these histories prove nothing"
