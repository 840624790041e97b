"""What a person is told on the page, and noting that it was read."""

from typing import Any

import pytest
from django.utils import timezone

from apps.notifications.models import Level, Notification, NotificationRead
from apps.notifications.services.notify import notify
from apps.notifications.services.reading import KEPT, mark_read, newest, unread
from apps.users.models import Role, User
from bus import live
from tests.cast import Cast


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], dict[str, Any]]]:
    """What the pages were told."""
    found: list[tuple[list[int], dict[str, Any]]] = []
    monkeypatch.setattr(live, "announce", lambda users, kind, data: found.append((sorted(users), data)))
    return found


def say(cast: Cast, key: str, user: User | None = None, level: Level = Level.WARNING) -> Notification:
    notify(key=key, code="X", text=key, tenant_id=cast.tenant.pk, user_id=user.pk if user else None, level=level)
    return Notification.objects.get(key=key)


def texts(user: User) -> list[str]:
    return [one.text for one in unread(user, at=timezone.now())]


def test_a_person_sees_the_own_messages_and_an_operator_the_tenants(cast: Cast) -> None:
    say(cast, "to the trader", cast.trader)
    say(cast, "to the desk")
    foreign = User.objects.create_user("op@elsewhere.test", "x" * 12, tenant=cast.outsider.tenant, role=Role.OPERATOR)
    assert texts(cast.trader) == ["to the trader"]
    assert texts(cast.operator) == ["to the desk"]
    for stranger in (cast.other_trader, cast.outsider, cast.manager, foreign):
        assert texts(stranger) == []


def test_each_operator_reads_for_oneself(cast: Cast) -> None:
    second = User.objects.create_user("second@house.test", "x" * 12, tenant=cast.tenant, role=Role.OPERATOR)
    note = say(cast, "to the desk")
    assert mark_read(cast.operator, ids=[note.pk], at=timezone.now()) == 1
    assert mark_read(cast.operator, ids=[note.pk], at=timezone.now()) == 0
    assert (texts(cast.operator), texts(second)) == ([], ["to the desk"])
    assert [one.is_read for one in newest(cast.operator, at=timezone.now())] == [True]  # type: ignore[attr-defined]


def test_nobody_reads_for_somebody_else(cast: Cast) -> None:
    note = say(cast, "to the trader", cast.trader)
    for stranger in (cast.outsider, cast.other_trader, cast.operator):
        assert mark_read(stranger, ids=[note.pk], at=timezone.now()) == 0
    assert not NotificationRead.objects.exists()
    assert mark_read(cast.trader, ids=None, at=timezone.now()) == 1


def test_old_messages_leave_the_list(cast: Cast) -> None:
    note = say(cast, "last week", cast.trader)
    Notification.objects.filter(pk=note.pk).update(created_at=timezone.now() - KEPT)
    assert texts(cast.trader) == []
    assert newest(cast.trader, at=timezone.now()) == []


def test_a_message_reaches_the_open_pages_once(cast: Cast, told: list[tuple[list[int], dict[str, Any]]]) -> None:
    note = say(cast, "unknown:1", cast.trader, Level.PAGE)
    say(cast, "unknown:1", cast.trader, Level.PAGE)
    data = {"code": "NOTIFICATION", "id": note.pk, "about": "X", "level": "PAGE", "text": "unknown:1"}
    assert told == [([cast.trader.pk], data)]


def test_the_desks_message_reaches_every_operator_of_the_tenant(
    cast: Cast, told: list[tuple[list[int], dict[str, Any]]]
) -> None:
    second = User.objects.create_user("second@house.test", "x" * 12, tenant=cast.tenant, role=Role.OPERATOR)
    User.objects.create_user("op@elsewhere.test", "x" * 12, tenant=cast.outsider.tenant, role=Role.OPERATOR)
    say(cast, "to the desk")
    assert [users for users, _ in told] == [[cast.operator.pk, second.pk]]
