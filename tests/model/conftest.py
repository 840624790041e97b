"""A scene for the whole module, and a fresh world in a transaction that is never committed for each run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from apps.markets.services.calendar import forget_calendar
from bus import failpoints
from tests.model.scene import MORNING, Scene, make_scene
from tests.model.world import NewWorld, World
from tests.standing_clock import standing


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    """Made once; nothing of it outlives the module."""
    with django_db_blocker.unblock(), _undone():
        with standing(MORNING):
            made = make_scene(MORNING)
        yield made


@contextmanager
def _undone() -> Iterator[None]:
    """Do everything in a transaction, or part of one, and take it back at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def new_world(scene: Scene) -> Iterator[NewWorld]:
    """Make worlds, each without a trace of the one before."""

    logging.disable(logging.CRITICAL)  # a broken broker is business as usual here, thousands of times

    @contextmanager
    def make() -> Iterator[World]:
        with standing(MORNING) as clock, _undone():
            forget_calendar()  # what is kept was read at another time, by another clock
            world = World(clock, scene)
            try:
                with failpoints.observed(world.supervisor.at_point):
                    yield world
            finally:
                world.close()
                forget_calendar()

    yield make
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(new_world: NewWorld) -> Iterator[World]:
    """One world."""
    with new_world() as made:
        yield made
