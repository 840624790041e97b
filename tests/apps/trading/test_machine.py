"""A disk that fills up is told before it is full."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.notifications.models import Notification
from apps.trading.services.machine import watch_disk
from tests.cast import Cast

ALL_OF_IT = 2**62


def test_room_enough_is_nothing_to_tell(cast: Cast, tmp_path: Path) -> None:
    assert not watch_disk(tmp_path, wall=timezone.now(), low=1)
    assert not Notification.objects.filter(code="DISK_LOW").exists()


def test_a_low_disk_pages_every_tenant_once_an_hour_and_is_logged(
    cast: Cast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wall = timezone.now().replace(minute=0)
    with caplog.at_level(logging.ERROR):
        for minutes in (0, 10, 20):
            assert watch_disk(tmp_path, wall=wall + timedelta(minutes=minutes), low=ALL_OF_IT)
    assert "the disk is nearly full" in caplog.text
    told = Notification.objects.filter(code="DISK_LOW")
    assert told.count() == told.values("tenant").distinct().count() == 2
    watch_disk(tmp_path, wall=wall + timedelta(hours=1), low=ALL_OF_IT)
    assert told.count() == 4
