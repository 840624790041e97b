"""Checking the audit trail's chain every night, and saying its head where it is kept off this machine: in the log."""

import logging

from apps.audit.services.chain import ChainState, verify
from apps.audit.services.record import Entry, record_all
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.tenants.models import Tenant

log = logging.getLogger(__name__)

CHAIN_VERIFIED = "chain_verified"
"""The kind of the audit row every verification leaves behind."""


def watch_chain() -> ChainState:
    """Verify the whole chain; a broken one pages every tenant's operators once per place."""
    state = verify()
    record_all([_entry(state)])
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


def _entry(state: ChainState) -> Entry:
    found = {"intact": state.is_intact, "sealed": state.sealed, "head": state.head}
    return Entry(
        CHAIN_VERIFIED, "audit.auditseal", None, None, found | {"broken_at": state.broken_at, "why": state.why}
    )
