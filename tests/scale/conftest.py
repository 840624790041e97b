"""An installation whose own machine runs no execution worker: other machines do."""

from collections.abc import Iterator

import pytest

from tests.flows.platform import Platform, running


@pytest.fixture(scope="session")
def front() -> Iterator[Platform]:
    """Everything but execution, for two shards, started once."""
    with running(SHARDS="2", SHARD="none", HOST_ID="front") as platform:
        yield platform
