"""A process that leads goes by the database's clock, whatever its machine's own says."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from bus import clock, leases

LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    clock.forget()


def test_a_process_that_was_told_nothing_goes_by_its_machine() -> None:
    with time_machine.travel(LATER, tick=False):
        assert clock.now() == LATER


def test_what_was_told_goes_on_by_the_monotonic_clock_however_the_machine_s_jumps() -> None:
    clock.follow(LATER, monotonic=time.monotonic() - 5)
    before = clock.now()
    assert timedelta(seconds=5) <= before - LATER < timedelta(seconds=60)
    assert before > timezone.now()
    assert clock.now() >= before
    clock.forget()
    assert clock.now() < LATER


@pytest.mark.django_db
def test_a_renewal_tells_the_database_s_time() -> None:
    held = leases.acquire("told", seconds=60)
    assert held is not None
    leases.renew(held)
    assert held.told is not None
    clock.follow(held.told.at, monotonic=held.told.monotonic)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone() or (LATER,)
    assert abs(clock.now() - at) < timedelta(seconds=leases.TELLING_SECONDS + 0.1)
