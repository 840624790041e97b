"""Telling people: once per occasion, however often the occasion is seen."""

from apps.notifications.models import Level, Notification


def notify(
    *, key: str, code: str, text: str, tenant_id: int | None, user_id: int | None = None, level: Level = Level.WARNING
) -> bool:
    """Leave a message; ``False`` when this ``key`` was already told."""
    _, told = Notification.objects.get_or_create(
        key=key, defaults={"code": code, "text": text[:300], "tenant_id": tenant_id, "user_id": user_id, "level": level}
    )
    return told
