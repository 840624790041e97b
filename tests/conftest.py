"""The shared cast (an operator's tenant with two traders, an outsider in another), and what hypothesis may assume."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings

from tests.cast import Cast, make_cast

# How quick an example is says more of the machine than of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture
def now() -> datetime:
    """A Monday morning inside the regular session."""
    return datetime(2026, 11, 16, 5, 0, tzinfo=UTC)


@pytest.fixture
def cast(db: None, now: datetime) -> Cast:
    """Everybody and everything a trading test needs; see ``tests.cast``."""
    return make_cast(now)
