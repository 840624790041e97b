"""The audit trail's hash chain: sealed once, in order, and no change goes unnoticed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.services import chain
from apps.audit.services.chain import GENESIS, seal_pending, verify

pytestmark = pytest.mark.django_db(transaction=True)
OLD = timedelta(minutes=1)
PATIENCE = 20.0


def _write(count: int, *, age: timedelta = OLD) -> list[AuditEvent]:
    at = timezone.now() - age
    rows = [
        AuditEvent(kind="made", object_type="x.y", object_id=number, data={"b": 1, "a": number}, at=at)
        for number in range(count)
    ]
    return AuditEvent.objects.bulk_create(rows)


def _seal(count: int) -> int:
    """Seal until so many are; another database of the same server may hold the oldest transaction back for a while."""
    sealed, deadline = 0, time.monotonic() + PATIENCE
    while sealed < count and time.monotonic() < deadline:
        sealed += seal_pending()
    return sealed


@contextmanager
def _somebody_with_the_keys() -> Iterator[None]:
    """Whoever owns the tables can switch the triggers off; the chain must tell."""
    with connection.cursor() as cursor:
        for table in ("audit_auditevent", "audit_auditseal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for table in ("audit_auditevent", "audit_auditseal"):
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_events_are_sealed_in_order_from_the_genesis() -> None:
    events = _write(5)
    assert _seal(5) == 5
    seals = list(AuditSeal.objects.order_by("id"))
    assert [seal.event_id for seal in seals] == [event.pk for event in events]
    assert seals[0].previous == GENESIS
    assert [seal.previous for seal in seals[1:]] == [seal.digest for seal in seals[:-1]]
    state = verify()
    assert state.is_intact
    assert (state.sealed, state.unsealed, state.head) == (5, 0, seals[-1].digest)


def test_sealing_again_finds_nothing_to_do() -> None:
    _write(3)
    _seal(3)
    assert seal_pending() == 0
    _write(2)
    assert _seal(2) == 2
    assert verify().is_intact


def test_more_than_one_portion_makes_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "AT_ONCE", 4)
    _write(10)
    assert _seal(10) == 10
    assert verify().is_intact


def test_young_events_wait() -> None:
    _write(2)
    _write(1, age=timedelta(0))
    assert _seal(2) == 2
    assert verify().unsealed == 1


def test_nothing_is_sealed_past_a_transaction_that_still_runs() -> None:
    """The number is drawn first, the commit comes late: sealing around it would leave it out of order."""
    early, release, written = threading.Event(), threading.Event(), []

    def slow_writer() -> None:
        with transaction.atomic():
            written.extend(_write(1))
            early.set()
            release.wait(20)
        connections.close_all()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert early.wait(20)
    _write(2)
    assert seal_pending() == 0
    release.set()
    writer.join(20)
    assert _seal(3) == 3
    assert AuditSeal.objects.order_by("id").first().event_id == written[0].pk  # type: ignore[union-attr]
    assert verify().is_intact


def test_two_sealers_make_one_chain() -> None:
    """Whoever does not get the lock leaves the work to the other."""
    _write(3)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [chain._LOCK])
        found: list[int] = []

        def other() -> None:
            found.append(seal_pending())
            connections.close_all()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
        assert found == [0]
    assert _seal(3) == 3


def test_the_database_itself_refuses_changes() -> None:
    (event,) = _write(1)
    with pytest.raises(Exception, match="append-only"):
        AuditEvent.objects.filter(pk=event.pk).update(kind="nothing")


@pytest.mark.parametrize("field", ["kind", "object_id", "data", "at", "object_type"])
def test_a_changed_event_is_found(field: str) -> None:
    events = _write(5)
    _seal(5)
    values = {"kind": "other", "object_id": 99, "data": {"a": 2}, "at": timezone.now(), "object_type": "z.z"}
    with _somebody_with_the_keys():
        AuditEvent.objects.filter(pk=events[2].pk).update(**{field: values[field]})
    state = verify()
    assert state.broken_at == events[2].pk
    assert not state.is_intact


def test_a_removed_event_is_found() -> None:
    events = _write(5)
    _seal(5)
    with _somebody_with_the_keys():
        AuditSeal.objects.filter(event=events[2]).delete()
        AuditEvent.objects.filter(pk=events[2].pk).delete()
    assert verify().broken_at == events[3].pk


def test_an_event_slipped_in_behind_is_found() -> None:
    events = _write(3)
    with _somebody_with_the_keys():
        AuditEvent.objects.filter(pk=events[1].pk).delete()
    _seal(2)
    AuditEvent.objects.create(pk=events[1].pk, kind="made up", object_type="x.y", at=timezone.now() - OLD)
    state = verify()
    assert state.broken_at == events[1].pk
    assert "slipped in" in state.why


def test_a_cut_off_end_is_found_by_a_head_kept_elsewhere() -> None:
    events = _write(4)
    _seal(4)
    head = verify().head
    with _somebody_with_the_keys():
        AuditSeal.objects.filter(event__in=events[2:]).delete()
        AuditEvent.objects.filter(pk__in=[event.pk for event in events[2:]]).delete()
    assert verify().is_intact  # from inside nothing shows
    assert not verify(expected_head=head).is_intact


def test_a_rewritten_tail_is_found_by_a_head_kept_elsewhere() -> None:
    events = _write(3)
    _seal(3)
    head = verify().head
    with _somebody_with_the_keys():
        AuditSeal.objects.filter(event=events[2]).delete()
        AuditEvent.objects.filter(pk=events[2].pk).update(kind="other")
    _seal(1)
    assert verify().is_intact
    assert not verify(expected_head=head).is_intact


def test_the_command_prints_the_head_or_fails() -> None:
    events = _write(2)
    _seal(2)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert verify().head in out.getvalue()
    with _somebody_with_the_keys():
        AuditEvent.objects.filter(pk=events[0].pk).update(kind="other")
    with pytest.raises(CommandError, match=f"at event {events[0].pk}"):
        call_command("verify_audit")
