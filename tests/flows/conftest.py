"""One running installation for all flows: they use what a person uses, and tidy up what they open."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.orders import LIVE_TRADES
from tests.flows.platform import Platform, running, wait_for


@pytest.fixture(scope="session")
def installation() -> Iterator[Platform]:
    """The demo, started once, on a market too calm to take a trade out by its stop before a test does."""
    with running(SIMULATOR_VOLATILITY="0.2") as platform:
        yield platform


@pytest.fixture
def platform(installation: Platform) -> Iterator[Platform]:
    """The demo with nothing open and no fault injected, before and after."""
    flatten(installation)
    yield installation
    installation.simulate("DELETE", "faults")
    flatten(installation)


def flatten(platform: Platform) -> None:
    """Leave every open trade and wait until all are over."""
    for number in range(len(platform.demo["traders"])):
        platform.post("square-off/", {"all": True}, trader=number)
    wait_for(lambda: not open_trades(platform), within=90, message="a flat start")


def open_trades(platform: Platform) -> list[dict[str, Any]]:
    """Return the trades that are not over."""
    return platform.trades(status=",".join(sorted(LIVE_TRADES)))
