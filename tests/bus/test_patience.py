"""A queue that hangs holds its senders up once, not every time."""

import time

import pytest

from bus import commands


@pytest.fixture
def patience() -> commands._Patience:
    return commands._Patience()


def test_a_quick_failure_changes_nothing(patience: commands._Patience) -> None:
    patience.lose(since=time.monotonic())
    assert not patience.is_over()


def test_after_a_slow_failure_commands_are_left_to_the_sweep_for_as_long(patience: commands._Patience) -> None:
    patience.lose(since=time.monotonic() - 3600)
    assert patience.is_over()


def test_it_is_tried_again_afterwards(patience: commands._Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(commands.time, "monotonic", lambda: now)
    patience.lose(since=now - 4.0)
    now += 3.9
    assert patience.is_over()
    now += 0.2
    assert not patience.is_over()
