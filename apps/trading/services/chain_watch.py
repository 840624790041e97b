"""Checking the audit trail's chain every night, and saying its head where it is kept off this machine: in the log."""

import logging

from apps.audit.services.chain import ChainState, verify
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant

log = logging.getLogger(__name__)


def watch_chain() -> ChainState:
    """Verify the whole chain; a broken one pages every tenant's operators once per place."""
    state = verify()
    if state.is_intact:
        log.info("audit chain intact", extra={"sealed": state.sealed, "waiting": state.unsealed, "head": state.head})
        return state
    log.error("audit chain broken", extra={"event_id": state.broken_at, "reason": state.why})
    for tenant_id in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        notify(
            key=f"audit-chain:{tenant_id}:{state.broken_at}",
            code="AUDIT_CHAIN_BROKEN",
            text=f"The audit trail was tampered with at event {state.broken_at}: {state.why}.",
            tenant_id=tenant_id,
            level=Level.PAGE,
        )
    return state
