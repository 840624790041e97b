"""The cast with something to look at, at the cast's market time."""

import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.trading.models import Trade
from apps.users.models import User
from tests.apps.dashboard.scene import make_trade
from tests.cast import Cast, make_strategy, publish_price


@dataclass(slots=True)
class Scene:
    """The cast, a live and a paper trade of the trader, and an outsider's strategy."""

    cast: Cast
    live_trade: Trade
    paper_trade: Trade


@pytest.fixture(autouse=True)
def market_time(settings: Any, now: datetime) -> None:
    """Make the market's clock read the cast's morning."""
    settings.MARKET_CLOCK = f"{now.isoformat()}@{time.time():.3f}x1"


@pytest.fixture
def scene(cast: Cast, now: datetime) -> Scene:
    """Two open straddles, priced: the call gained 2.25, the put 14.40 for the seller."""
    straddle = make_strategy(cast.tenant, name="Short straddle", slug="straddle")
    live = make_trade(cast.account, [cast.call, cast.put], strategy=straddle, now=now)
    paper = make_trade(cast.paper_account, [cast.call], strategy=straddle, now=now)
    publish_price(cast.call, "39.85")
    publish_price(cast.put, "27.70")
    return Scene(cast, live, paper)


LIVE_OPEN = Decimal("1082.25")  # 65 x (42.10 - 39.85) + 65 x (42.10 - 27.70)
PAPER_OPEN = Decimal("146.25")


def client_of(user: User) -> Client:
    """Return a browser in which the person is signed in."""
    client = Client()
    client.force_login(user)
    return client
