"""The jobs that seal the audit trail and look whether it still holds."""

from datetime import timedelta
from time import monotonic, sleep

import pytest
from django.utils import timezone

from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.services.chain import GENESIS, digest_of
from apps.notifications.models import Notification
from apps.tenants.models import Tenant
from workers import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_trail_is_sealed() -> None:
    old = timezone.now() - timedelta(minutes=1)
    AuditEvent.objects.create(kind="made", object_type="x.y", at=old)
    deadline = monotonic() + 200
    while not AuditSeal.objects.exists() and monotonic() < deadline:
        jobs.seal_audit()  # a transaction in another database of the same server may hold it back for a while
        sleep(0.1)
    jobs.seal_audit()
    assert AuditSeal.objects.count() == 1


def test_a_broken_chain_pages_once() -> None:
    Tenant.objects.create(slug="house", name="House")
    old = timezone.now() - timedelta(minutes=1)
    event = AuditEvent.objects.create(kind="made", object_type="x.y", at=old)
    AuditSeal.objects.create(event=event, previous=GENESIS, digest=digest_of(event, GENESIS))
    jobs.verify_audit()
    assert not Notification.objects.exists()
    other = AuditEvent.objects.create(kind="made", object_type="x.y", at=old)
    AuditSeal.objects.create(event=other, previous="0" * 64, digest="1" * 64)
    jobs.verify_audit()
    jobs.verify_audit()
    page = Notification.objects.get()
    assert (page.code, page.level) == ("AUDIT_CHAIN_BROKEN", "PAGE")
    assert str(other.pk) in page.text
