"""Telling people once, and noting who has seen it."""

from datetime import timedelta

from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.notifications.models import Notification
from apps.notifications.services.acknowledge import acknowledge
from apps.notifications.services.notify import notify
from tests.cast import Cast


def test_an_occasion_is_told_once(cast: Cast) -> None:
    assert notify(key="k", code="X", text="Look.", tenant_id=cast.tenant.pk)
    assert not notify(key="k", code="X", text="Look again.", tenant_id=cast.tenant.pk)
    assert Notification.objects.get().text == "Look."


def test_a_long_text_is_cut_and_not_lost(cast: Cast) -> None:
    notify(key="k", code="X", text="x" * 1000, tenant_id=cast.tenant.pk)
    assert len(Notification.objects.get().text) == 300


def test_the_first_to_see_it_is_kept(cast: Cast) -> None:
    notify(key="k", code="X", text="Look.", tenant_id=cast.tenant.pk)
    note, at = Notification.objects.get(), timezone.now()
    assert acknowledge([note], actor=cast.operator, at=at) == 1
    assert acknowledge([note], actor=cast.manager, at=at + timedelta(hours=1)) == 0
    note.refresh_from_db()
    assert note.acknowledged_at == at
    assert AuditEvent.objects.get(kind="notification_acknowledged").actor == cast.operator
