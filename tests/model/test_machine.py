"""Histories of a trading day chosen by hypothesis: always the same few, or ``MODEL_EXAMPLES=n`` others when asked."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine, Tally
from tests.model.world import NewWorld

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "0"))
STEPS = int(os.environ.get("MODEL_STEPS", "40"))


def profile() -> settings:
    """The fixed few of every test run, or as many new ones as asked for; ``MODEL_SHRINK=1`` makes a failure small."""
    return settings(
        max_examples=EXAMPLES or 20,
        stateful_step_count=STEPS,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=bool(EXAMPLES),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if os.environ.get("MODEL_SHRINK") else [Phase.generate],
        report_multiple_bugs=False,
    )


def test_no_history_breaks_a_promise(new_world: NewWorld) -> None:
    tally = Tally()
    machine = type("TradingDay", (Machine,), {"new_world": staticmethod(new_world), "tally": tally})
    run_state_machine_as_test(machine, settings=profile())
    print(tally)
    assert tally.deaths
