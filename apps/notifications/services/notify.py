"""Telling people: once per occasion, however often the occasion is seen."""

from django.db.models import Q

from apps.notifications.models import Level, Notification
from apps.users.models import Role, User
from bus import live

NOTICE = "NOTIFICATION"


def notify(
    *, key: str, code: str, text: str, tenant_id: int | None, user_id: int | None = None, level: Level = Level.WARNING
) -> bool:
    """Leave a message and show it to whoever has a page open; ``False`` when this ``key`` was already told."""
    note, told = Notification.objects.get_or_create(
        key=key, defaults={"code": code, "text": text[:300], "tenant_id": tenant_id, "user_id": user_id, "level": level}
    )
    if told:
        live.announce(_readers(note), "notice", _as_data(note))
    return told


def _readers(note: Notification) -> list[int]:
    """Return whom it is for; without a person these are the tenant's operators."""
    if note.user_id is not None:
        return [note.user_id]
    people = User.objects.get_queryset().filter(role__in=[Role.OPERATOR, Role.ADMIN], is_active=True)
    tenant = Q(tenant__isnull=True) if note.tenant_id is None else Q(tenant_id=note.tenant_id)
    return list(people.filter(tenant).order_by().values_list("pk", flat=True))


def _as_data(note: Notification) -> dict[str, object]:
    return {"code": NOTICE, "id": note.pk, "about": note.code, "level": note.level, "text": note.text}
