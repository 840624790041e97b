"""Whose death a host may prove: processes under its own name only."""

import os
import subprocess
import sys
from typing import Any

import pytest

from bus import leases


def dead_pid() -> int:
    """Return the pid of a process that has ended and was reaped."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_dead_process_of_this_host_is_proved_dead() -> None:
    assert leases.is_dead(f"{leases.host_name()}:{dead_pid()}:1")


def test_this_process_is_alive() -> None:
    assert not leases.is_dead(leases.holder_name())


def test_another_hosts_process_is_never_proved_dead(settings: Any) -> None:
    settings.HOST_ID = "first"
    holder = f"first:{dead_pid()}:1"
    settings.HOST_ID = "second"
    assert not leases.is_dead(holder)
    settings.HOST_ID = "first"
    assert leases.is_dead(holder)


def test_a_host_of_the_same_name_but_another_boot_is_another_host() -> None:
    name, boot, namespace = leases.host_name().split("/")
    assert boot
    assert namespace == os.readlink("/proc/self/ns/pid").strip("pid:[]")
    assert not leases.is_dead(f"{name}/00000000/{namespace}:{dead_pid()}:1")


def test_a_given_name_cannot_break_the_holder_apart(settings: Any) -> None:
    settings.HOST_ID = "rack:7"
    assert leases.holder_name().startswith("rack-7:")
    assert not leases.is_dead(leases.holder_name())


@pytest.mark.django_db
def test_a_standby_of_another_host_waits_for_the_leases_end(settings: Any) -> None:
    settings.HOST_ID = "first"
    assert leases.acquire("execution.7", seconds=60) is not None
    settings.HOST_ID = "second"
    assert leases.acquire("execution.7", seconds=60) is None
