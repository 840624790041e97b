"""What machines ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.dashboard.services import health
from bus import connection
from bus.models import Heartbeat
from tests.apps.dashboard.conftest import Scene

TOKEN = {"Authorization": "Bearer test-metrics-token"}


@pytest.fixture
def feed_beat(db: None) -> Heartbeat:
    now = timezone.now()
    return Heartbeat.objects.create(
        process="feed", holder="host:1:1", build=settings.BUILD_ID, started_at=now, beat_at=now
    )


def test_the_process_is_alive_without_a_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_ready_when_every_check_holds(feed_beat: Heartbeat) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
        "database": True,
        "redis": True,
        "migrations": True,
        "feed": True,
        "builds": True,
    }


def test_not_ready_while_the_feed_is_silent(feed_beat: Heartbeat) -> None:
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["checks"]["feed"]["ok"]


def test_not_ready_without_redis_and_the_reason_names_no_secret(feed_beat: Heartbeat, settings: Any) -> None:
    settings.REDIS_BUS_URL = "unix:///nowhere/secret-password.sock?db=1"
    answer = Client().get("/readyz")
    connection._client.cache_clear()
    assert answer.status_code == 503
    assert not answer.json()["checks"]["redis"]["ok"]
    assert "secret-password" not in answer.content.decode()


def test_not_ready_while_a_migration_is_missing(feed_beat: Heartbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_count_missing", lambda: 2)
    health._all_applied.cache_clear()
    answer = Client().get("/readyz")
    health._all_applied.cache_clear()
    assert (answer.status_code, answer.json()["checks"]["migrations"]["detail"]) == (503, "2 not applied")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dGVzdA=="}])
def test_figures_need_their_token(headers: dict[str, str]) -> None:
    assert Client().get("/metrics", headers=headers).status_code == 401


def test_without_a_configured_token_nobody_gets_figures(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_figures_count_what_is_there(scene: Scene, feed_beat: Heartbeat) -> None:
    text = Client().get("/metrics", headers=TOKEN).content.decode()
    for line in (
        'platform_orders{status="FILLED"} 3.0',
        'platform_open_trades{mode="LIVE"} 1.0',
        'platform_open_trades{mode="PAPER"} 1.0',
        'platform_heartbeat_age_seconds{process="feed"}',
        'platform_queue_depth{queue="execution.0"}',
    ):
        assert line in text
