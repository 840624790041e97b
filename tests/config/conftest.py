"""People at the operators' desk, and a trade they see."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from apps.strategies.models import Signal
from apps.trading.models import Trade, Wave
from apps.trading.services.entry import PlannedLeg, PlannedTrade, enter_wave
from apps.users.models import User
from domain.exit_plan import ExitPlan
from tests.cast import Cast
from tests.config.desk_rig import PASSWORD, client_of


@pytest.fixture
def desk(cast: Cast) -> Client:
    return client_of(cast.operator)


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("chief@vayda.test", PASSWORD)


@pytest.fixture
def trade(cast: Cast, now: datetime) -> Trade:
    """A trade of the live account with its entry waiting to be sent."""
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key="one", received_at=now
    )
    wave = Wave.objects.create(tenant=cast.tenant, strategy=cast.strategy, signal=signal, kind="ENTRY")
    planned = PlannedTrade(
        strategy_map_id=cast.maps[0].pk,
        account=cast.account,
        product="MIS",
        legs=(PlannedLeg(cast.call, "BUY", 65, Decimal(103)),),
        exit_plan=ExitPlan(),
        square_off_at=None,
        entry_deadline_at=now + timedelta(seconds=60),
        trading_date=now.date(),
    )
    return enter_wave(wave=wave, planned=[planned], skips=[], now=now)[0]
