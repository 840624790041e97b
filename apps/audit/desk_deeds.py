"""What people do on the operators' desk reaches the audit trail, whichever page they did it on."""

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models.signals import post_save
from django.dispatch import receiver

from apps.audit.models import AuditEvent

_KINDS = {ADDITION: "desk_added", CHANGE: "desk_changed", DELETION: "desk_deleted"}


@receiver(post_save, sender=LogEntry, dispatch_uid="audit.desk_deeds")
def note_deed(instance: LogEntry, created: bool, **_: Any) -> None:
    """Copy one line of the desk's own log into the trail, in the same transaction."""
    if not created:
        return
    row = instance.get_edited_object() if instance.action_flag != DELETION and instance.content_type else None
    number = str(instance.object_id or "")
    AuditEvent.objects.create(
        tenant_id=getattr(row, "tenant_id", None) or instance.user.tenant_id,
        actor=instance.user,
        kind=_KINDS.get(instance.action_flag, "desk_deed"),
        object_type=".".join(instance.content_type.natural_key()) if instance.content_type else "",
        object_id=int(number) if number.isdecimal() else None,
        data={"what": str(instance), "change": instance.get_change_message()},
    )
