"""Halting and releasing."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.audit.services.record import record
from apps.risk.models import Halt, HaltScope
from apps.users.models import User


class ReleaseRefused(PermissionError):
    """Whoever set a platform halt may not release it alone."""


@dataclass(frozen=True, slots=True)
class ActiveHalts:
    """Every halt in force, read once for a whole wave."""

    halts: tuple[Halt, ...]

    @classmethod
    def load(cls) -> "ActiveHalts":
        """Read the halts nobody has released."""
        return cls(tuple(Halt.objects.active()))

    def reason(self, *, tenant_id: int, strategy_id: int | None, account_id: int) -> str:
        """Return why entries are stopped here, or the empty string."""
        for halt in self.halts:
            if _reaches(halt, tenant_id, strategy_id, account_id):
                return f"{halt.get_scope_display()} halted: {halt.reason}"
        return ""


def _reaches(halt: Halt, tenant_id: int, strategy_id: int | None, account_id: int) -> bool:
    return (
        halt.scope == HaltScope.PLATFORM
        or (halt.scope == HaltScope.TENANT and halt.tenant_id == tenant_id)
        or (halt.scope == HaltScope.STRATEGY and halt.strategy_id == strategy_id)
        or (halt.scope == HaltScope.ACCOUNT and halt.account_id == account_id)
    )


def set_halt(
    *,
    scope: str,
    reason: str,
    actor: User | None,
    reason_code: str = "OPERATOR",
    tenant_id: int | None = None,
    strategy_id: int | None = None,
    account_id: int | None = None,
) -> Halt:
    """Stop orders that increase risk; exits go on."""
    with transaction.atomic():
        halt = Halt.objects.create(
            scope=scope,
            tenant_id=tenant_id,
            strategy_id=strategy_id,
            account_id=account_id,
            reason=reason,
            reason_code=reason_code,
            created_by=actor,
        )
        record("halt_set", halt, tenant_id=tenant_id, actor=actor, scope=scope, reason=reason)
    return halt


def release_halt(*, halt: Halt, actor: User, now: datetime) -> bool:
    """Let entries go on; ``False`` when somebody released it before.

    Raises ``ReleaseRefused`` for one's own platform halt: that takes a second person.
    """
    if halt.scope == "PLATFORM" and halt.created_by_id == actor.pk:
        raise ReleaseRefused("A platform halt is released by a second person.")
    with transaction.atomic():
        released = Halt.objects.active().filter(pk=halt.pk).update(released_by=actor, released_at=now)
        if released:
            record("halt_released", halt, tenant_id=halt.tenant_id, actor=actor, scope=halt.scope)
    return bool(released)
