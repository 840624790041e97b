"""Senders that were never proved gone: what a person may know that no process can find out."""

from datetime import datetime

from django.db import transaction

from apps.audit.services.record import record
from apps.users.models import User
from bus.models import Fate, Term


def confirm_gone(*, term: Term, actor: User, reason: str, wall: datetime) -> bool:
    """Note that the machine of a term that ran out is off, or cut off from every broker, for good.

    Exits it may have sent, and which no book shows, are sent again after the usual wait. ``False`` when it was
    confirmed before, or its end was proved all along.
    """
    with transaction.atomic():
        confirmed = Term.objects.filter(pk=term.pk, fate=Fate.EXPIRED, confirmed_at__isnull=True).update(
            confirmed_at=wall, confirmed_by=str(actor)[:120]
        )
        if confirmed:
            data = {"lease": term.lease, "epoch": term.epoch, "holder": term.holder, "reason": reason}
            record("sender_confirmed_gone", term, tenant_id=None, actor=actor, **data)
    return bool(confirmed)
