"""How a term of leadership ends: given back, found dead, killed by its successor, or never proved over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from bus import leases
from bus.models import Fate, Lease, Term

pytestmark = pytest.mark.django_db

ELSEWHERE = "elsewhere:1:1"


@pytest.fixture
def holder() -> Iterator["subprocess.Popen[bytes]"]:
    """Another process of this host."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def name_of(process: "subprocess.Popen[bytes]") -> str:
    return f"{leases.host_name()}:{process.pid}:{leases.process_mark(process.pid)}"


def hold(holder: str, *, left: float) -> None:
    """Let somebody hold the lease of a shard, with so many seconds left (negative: run out since)."""
    Lease.objects.create(name="execution.0", epoch=7, holder=holder, until=timezone.now() + timedelta(seconds=left))


def take(*, grace: float = 0.0) -> leases.Held | None:
    return leases.acquire("execution.0", seconds=60, grace=grace)


def test_a_frozen_holder_of_this_host_is_killed_before_its_successor_begins(
    holder: "subprocess.Popen[bytes]",
) -> None:
    os.kill(holder.pid, signal.SIGSTOP)
    hold(name_of(holder), left=-1)
    held = take()
    assert holder.poll() == -signal.SIGKILL  # not asked to end: gone
    assert held is not None
    assert held.epoch == 8
    assert Term.objects.get().fate == Fate.REAPED
    assert leases.doubtful_terms("execution.0") == {}


def test_nobody_is_killed_whose_lease_still_runs(holder: "subprocess.Popen[bytes]") -> None:
    hold(name_of(holder), left=30)
    assert take() is None
    assert holder.poll() is None


def test_a_pid_that_was_given_away_is_not_hit(holder: "subprocess.Popen[bytes]") -> None:
    hold(f"{leases.host_name()}:{holder.pid}:1", left=-1)  # the start tick of a process long gone
    assert take() is not None
    assert holder.poll() is None
    assert Term.objects.get().fate == Fate.DEAD
    assert leases.reap(f"{leases.host_name()}:{holder.pid}:1")
    assert holder.poll() is None


def test_a_dead_holder_is_succeeded_before_its_lease_ends(holder: "subprocess.Popen[bytes]") -> None:
    hold(name_of(holder), left=30)
    holder.kill()
    holder.wait()
    assert take() is not None
    assert Term.objects.get().fate == Fate.DEAD


def test_a_holder_elsewhere_is_succeeded_after_its_grace_and_stays_in_doubt() -> None:
    hold(ELSEWHERE, left=-5)
    assert take(grace=8) is None
    Lease.objects.update(until=timezone.now() - timedelta(seconds=9))
    held = take(grace=8)
    assert held is not None
    assert leases.doubtful_terms("execution.0") == {7: None}
    leases.release(held)
    assert take() is not None  # a clean end of a later term proves nothing about the earlier one
    assert leases.doubtful_terms("execution.0") == {7: None}


@pytest.fixture
def watch() -> list[float]:
    """The hands of a reaper's clock."""
    return [0.0]


@pytest.fixture
def reaper(watch: list[float]) -> leases.Reaper:
    return leases.Reaper(grace=5, clock=lambda: watch[0])


def test_a_frozen_holder_without_a_successor_is_killed_all_the_same(
    holder: "subprocess.Popen[bytes]", reaper: leases.Reaper, watch: list[float]
) -> None:
    os.kill(holder.pid, signal.SIGSTOP)
    hold(name_of(holder), left=-1)
    assert reaper.look() == []
    watch[0] += 5
    assert reaper.look() == ["execution.0"]
    assert holder.poll() == -signal.SIGKILL
    assert reaper.look() == []
    assert take() is not None
    assert Term.objects.get().fate == Fate.DEAD


def test_a_holder_that_renews_after_a_pause_of_everything_is_left_alone(
    holder: "subprocess.Popen[bytes]", reaper: leases.Reaper, watch: list[float]
) -> None:
    hold(name_of(holder), left=-3600)  # the database or the whole machine stood still
    assert reaper.look() == []
    Lease.objects.update(until=timezone.now() + timedelta(seconds=12))
    watch[0] += 5
    assert reaper.look() == []
    Lease.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert reaper.look() == []  # seen anew
    assert holder.poll() is None


def test_no_process_kills_itself(reaper: leases.Reaper, watch: list[float]) -> None:
    hold(leases.holder_name(), left=-60)
    reaper.look()
    watch[0] += 5
    assert reaper.look() == []


def test_a_lease_given_back_leaves_no_doubt() -> None:
    held = take()
    assert held is not None
    leases.release(held)
    assert take() is not None
    assert Term.objects.get().fate == Fate.RELEASED


def test_a_holder_that_renewed_in_time_is_not_succeeded_by_who_looked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    hold(ELSEWHERE, left=-20)
    look = leases._look

    def look_and_be_late(name: str, grace: float) -> object:
        seen = look(name, grace)
        Lease.objects.update(until=timezone.now() + timedelta(seconds=10))
        return seen

    monkeypatch.setattr(leases, "_look", look_and_be_late)
    assert take() is None
    assert not Term.objects.exists()
