"""A server that hangs holds its askers up once, not every time."""

import time

import pytest

from bus.patience import Patience


@pytest.fixture
def patience() -> Patience:
    return Patience()


def test_a_quick_failure_changes_nothing(patience: Patience) -> None:
    patience.lose(since=time.monotonic())
    assert not patience.is_over()


def test_after_a_slow_failure_nobody_asks_for_as_long(patience: Patience) -> None:
    patience.lose(since=time.monotonic() - 3600)
    assert patience.is_over()


def test_it_is_tried_again_afterwards(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bus.patience.time.monotonic", lambda: now)
    patience.lose(since=now - 4.0)
    now += 3.9
    assert patience.is_over()
    now += 0.2
    assert not patience.is_over()
