"""Which mode an account trades in, and why."""

from datetime import datetime

from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import AccountMode, BrokerAccount, BrokerSession, ModeReason
from apps.users.models import User


def force_paper(*, account: BrokerAccount, reason: ModeReason, actor: User | None = None) -> bool:
    """Send an account's new entries to paper; live trades stay live. ``False`` when it was on paper already."""
    with transaction.atomic():
        changed = BrokerAccount.objects.filter(pk=account.pk, mode=AccountMode.LIVE).update(
            mode=AccountMode.PAPER, mode_reason=reason
        )
        if changed:
            record("mode_forced_to_paper", account, tenant_id=account.tenant_id, actor=actor, reason=reason)
    return bool(changed)


def restore_mode(*, account: BrokerAccount) -> bool:
    """Give a signed-in account the mode its client chose; ``False`` when nothing changed."""
    if account.wanted_mode != AccountMode.LIVE or not BrokerSession.objects.usable().filter(account=account).exists():
        return False
    with transaction.atomic():
        changed = (
            BrokerAccount.objects.filter(pk=account.pk, mode=AccountMode.PAPER)
            .exclude(mode_reason=ModeReason.OPERATOR)
            .update(mode=AccountMode.LIVE, mode_reason=ModeReason.CHOSEN)
        )
        if changed:
            record("mode_live", account, tenant_id=account.tenant_id)
    return bool(changed)


def force_sessionless_to_paper(*, now: datetime) -> int:
    """Force every live account without a usable session to paper; returns how many."""
    signed_in = BrokerSession.objects.filter(lost_at__isnull=True, expires_at__gt=now).values("account_id")
    accounts = BrokerAccount.objects.active().filter(mode=AccountMode.LIVE).exclude(pk__in=signed_in)
    return sum(force_paper(account=account, reason=ModeReason.NO_SESSION) for account in accounts)
