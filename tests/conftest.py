"""The shared cast: an operator's tenant with two traders, an outsider in another tenant, contracts, a strategy."""

from datetime import UTC, datetime

import pytest

from tests.cast import Cast, make_cast


@pytest.fixture
def now() -> datetime:
    """A Monday morning inside the regular session."""
    return datetime(2026, 11, 16, 5, 0, tzinfo=UTC)


@pytest.fixture
def cast(db: None, now: datetime) -> Cast:
    """Everybody and everything a trading test needs; see ``tests.cast``."""
    return make_cast(now)
