"""The pytest plugin of every journey: what a customer's day consists of, and whether an SDK did it.

It runs inside the SDK's own environment, so it needs the standard library and pytest alone. A journey marks its tests
with ``@step("place")``; what the SDK cannot do stands in its ``CANNOT``, step by step with the reason. A step that is
neither done nor listed fails the journey.
"""

import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

STEPS = (
    "sign in",
    "instruments",
    "place",
    "modify",
    "cancel",
    "order book",
    "order history",
    "trades",
    "positions",
    "funds",
    "quotes",
    "candles",
    "market socket",
    "order socket",
)
Control = Callable[..., Any]


def step(*names: str) -> pytest.MarkDecorator:
    """Mark a test as proof of these steps."""
    unknown = set(names) - set(STEPS)
    if unknown:
        raise ValueError(f"no step is called {', '.join(sorted(unknown))}")
    return pytest.mark.step(*names)


class Journal:
    """What became of each step of one run."""

    def __init__(self) -> None:
        self.done: dict[str, str] = {}
        self.cannot: dict[str, str] = {}

    def note(self, names: tuple[str, ...], passed: bool) -> None:
        """A step that several tests prove has passed when all of them have."""
        for name in names:
            before = self.done.get(name, "pass")
            self.done[name] = before if passed else "fail"

    def missing(self) -> list[str]:
        """Steps nobody did and nobody excused; a skipped test did nothing."""
        return [name for name in STEPS if self.done.get(name) != "pass" and name not in self.cannot]


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known and start the journal."""
    config.addinivalue_line("markers", "step(*names): the steps of a customer's day this test proves")
    config.stash[JOURNAL] = Journal()


JOURNAL = pytest.StashKey[Journal]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read what the journey's SDK cannot do."""
    for item in items:
        if isinstance(item, pytest.Function):
            config.stash[JOURNAL].cannot.update(getattr(item.module, "CANNOT", {}))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note what the test proves once it ran, or failed before."""
    outcome: Any = yield
    report = outcome.get_result()
    mark = item.get_closest_marker("step")
    if mark is not None and (report.when == "call" or report.failed):
        item.config.stash[JOURNAL].note(mark.args, report.passed)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the journal where the harness asked for it; an unfinished journey fails."""
    journal = session.config.stash[JOURNAL]
    report = os.environ.get("JOURNEY_REPORT")
    if report:
        Path(report).write_text(json.dumps({"done": journal.done, "cannot": journal.cannot}))
    if journal.missing() and not session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nnot done and not excused: {', '.join(journal.missing())}")


@pytest.fixture(scope="session")
def url() -> str:
    """Where the simulated exchange serves."""
    return os.environ["EXCHANGE_URL"]


@pytest.fixture(scope="session")
def control(url: str) -> Control:
    """Ask the hand behind the exchange: ``control("faults", {...})`` posts, without a body it gets."""

    def ask(path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/control/{path}", data=data)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    return ask
