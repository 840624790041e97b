"""What the execution worker waits for before it trades."""

import asyncio
from typing import Any

import pytest

from apps.trading.services import builds
from bus.leases import Held
from workers.execution import ExecutionLoop
from workers.loop import Lead


class Desk(Lead):
    """A leader whose database answers at once, and who is told to stop after so many pauses."""

    def __init__(self, *, pauses: int) -> None:
        held = Held(name="execution.0", epoch=1, holder="", seconds=60)
        super().__init__(held, None, None, asyncio.Event())  # type: ignore[arg-type]
        self.pauses = pauses

    async def db(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    async def pause(self, seconds: float) -> bool:
        self.pauses -= 1
        return self.pauses < 0


def test_nothing_is_traded_on_a_database_that_lacks_migrations(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [["trading.0009_later"], ["trading.0009_later"], []]
    monkeypatch.setattr(builds, "missing_migrations", lambda: answers.pop(0))
    lead = Desk(pauses=5)
    asyncio.run(ExecutionLoop(0)._wait_for_migrations(lead))
    assert answers == []  # it began once the last one was there
    assert "lacks migrations" in caplog.text
    assert not lead.detail["standing_by"]


def test_a_worker_that_waits_for_migrations_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "missing_migrations", lambda: ["trading.0009_later"])
    lead = Desk(pauses=1)
    asyncio.run(ExecutionLoop(0)._wait_for_migrations(lead))
    assert lead.detail["standing_by"]
