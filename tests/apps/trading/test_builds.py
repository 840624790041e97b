"""Workers of different builds, and a database half migrated: nothing is entered, exits go on."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from apps.dashboard.services.health import readiness
from apps.notifications.models import Notification
from apps.trading.models import Trade
from apps.trading.services import builds
from apps.trading.services.exit import request_exit_of_trade
from bus import leases
from bus.models import Heartbeat, Lease
from domain.orders import ExitReason
from tests.apps.trading.conftest import Shard, enter, statuses
from tests.cast import Cast


@pytest.fixture(autouse=True)
def _build(settings: Any) -> None:
    settings.BUILD_ID = "new"


def beat(process: str, build: str, *, seconds_ago: float = 0, holder: str = "elsewhere:1:1") -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(
        process=process, defaults={"build": build, "holder": holder, "started_at": at, "beat_at": at}
    )


def test_entries_wait_beside_another_build_and_exits_go_on(cast: Cast, shard: Shard, now: datetime) -> None:
    (held,) = enter(cast, now, accounts=[cast.account])
    broker = shard.broker(cast.account)
    broker.fill_price = Decimal("100")
    shard.run(lambda: Trade.objects.get().status == "OPEN")
    beat("jobs", "old")
    (waiting,) = enter(cast, now, accounts=[cast.account], key="s2")
    request_exit_of_trade(trade=held, reason=ExitReason.STOP_LOSS, actor=None, now=now)
    shard.run(lambda: Trade.objects.get(pk=held.pk).status == "CLOSED")
    shard.settle()
    assert statuses(waiting) == ["PENDING"]
    assert Notification.objects.filter(code="MIXED_BUILDS", level="PAGE", tenant=cast.tenant).count() == 1
    assert shard.engine is not None
    assert shard.engine.state.detail["standing_by"]


def test_entries_go_once_the_other_build_is_gone(cast: Cast, shard: Shard, now: datetime) -> None:
    beat("jobs", "old")
    (trade,) = enter(cast, now, accounts=[cast.account])
    shard.settle()
    assert statuses(trade) == ["PENDING"]
    beat("jobs", "new")
    shard.run(lambda: statuses(trade) == ["OPEN"])
    assert shard.engine is not None
    assert not shard.engine.state.detail["standing_by"]


def test_a_process_of_this_host_that_ended_is_no_other_build(db: None) -> None:
    beat("jobs", "old", holder=f"{leases.host_name()}:999999:1")
    assert builds.foreign_builds(process="execution.0", term=1, wall=timezone.now()) == []


def test_a_silent_loop_counts_no_longer_than_a_few_beats(db: None) -> None:
    Lease.objects.create(name="feed", until=timezone.now())
    beat("feed", "old", seconds_ago=20)
    assert builds.foreign_builds(process="execution.0", term=1, wall=timezone.now()) == []
    beat("feed", "old", seconds_ago=5)
    assert builds.foreign_builds(process="execution.0", term=1, wall=timezone.now()) == ["old"]


def test_our_own_predecessors_last_word_stops_nobody(db: None) -> None:
    beat("execution.0", "old")
    assert builds.foreign_builds(process="execution.0", term=1, wall=timezone.now()) == []


def test_readiness_names_the_builds_at_work(db: None) -> None:
    beat("jobs", "new")
    assert _check("builds") == (True, "new only")
    beat("feed", "old")
    assert _check("builds") == (False, "new and old run side by side")


def test_a_half_migrated_database_is_found(db: None) -> None:
    assert builds.missing_migrations() == []
    MigrationRecorder.Migration.objects.filter(app="trading", name="0001_initial").delete()
    assert builds.missing_migrations() == ["trading.0001_initial"]


def _check(name: str) -> tuple[bool, str]:
    (found,) = [check for check in readiness() if check.name == name]
    return found.is_ok, found.detail
