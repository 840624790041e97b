"""A process that leads goes by the database's clock, whatever its machine's own says."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from bus import clock
from bus.clock import Told

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    clock.forget()


def test_a_process_that_was_told_nothing_goes_by_its_machine() -> None:
    with time_machine.travel(LATER, tick=False):
        assert clock.now() == LATER


def test_what_was_told_goes_on_by_the_monotonic_clock_however_the_machine_s_jumps() -> None:
    clock.follow(Told(LATER, time.monotonic() - 5, within=0.001))
    before = clock.now()
    assert timedelta(seconds=5) <= before - LATER < timedelta(seconds=60)
    assert before > timezone.now()
    assert clock.now() >= before
    clock.forget()
    assert clock.now() < LATER


def test_a_slow_answer_does_not_move_what_a_quick_one_told() -> None:
    started = time.monotonic()
    clock.follow(Told(LATER, started, within=0.001))
    clock.follow(Told(LATER + timedelta(seconds=1.2), started + 1, within=0.3))
    assert clock.now() < LATER + timedelta(seconds=1)


def test_an_answer_that_contradicts_is_believed_a_machine_that_slept_has_lost_time() -> None:
    started = time.monotonic()
    clock.follow(Told(LATER, started, within=0.001))
    clock.follow(Told(LATER + timedelta(hours=1), started + 1, within=0.3))
    assert clock.now() > LATER + timedelta(minutes=59)


@pytest.mark.django_db
def test_the_database_is_asked_for_its_time() -> None:
    clock.follow(clock.ask())
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone() or (LATER,)
    assert abs(clock.now() - at) < timedelta(seconds=1)
