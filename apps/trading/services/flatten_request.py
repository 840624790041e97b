"""Asking for everything of an account, a strategy, a tenant or the platform to be left: kept as a row of its own.

Flattening is not halting: it leaves what is held, and stops nothing unless asked to. The whole platform is flattened
only when a second person agrees within ten minutes; anything narrower at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.audit.services.record import record
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.models import FlattenRequest, HaltScope
from apps.trading.services.flatten import Target, flatten
from apps.users.models import User

CONFIRM_WITHIN = timedelta(minutes=10)


class FlattenRefused(PermissionError):
    """Whoever asks may not do this, or not alone, or too late."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of asking: the row, and how many trades were asked to leave; ``None`` while a second person is
    waited for."""

    request: FlattenRequest
    trades: int | None


def ask_to_flatten(*, target: Target, user: User, reason: str, halt: bool, now: datetime, wall: datetime) -> Asked:
    """Write the request down and do it at once, unless it is the whole platform's; raises ``FlattenRefused``."""
    if not _runs(target.tenant_id, user):
        raise FlattenRefused("You do not run what would be flattened.")
    with transaction.atomic():
        row = FlattenRequest.objects.create(
            **_target_fields(target), reason=reason[:200], with_halt=halt, asked_by=user, asked_at=wall
        )
        record("flatten_requested", row, tenant_id=target.tenant_id, actor=user, scope=target.scope, reason=reason)
        if target.scope == HaltScope.PLATFORM:
            _ask_second_person(row)
    return Asked(row, None if target.scope == HaltScope.PLATFORM else _carry_out(row, by=user, now=now, wall=wall))


def confirm_flatten(*, request: FlattenRequest, user: User, now: datetime, wall: datetime) -> int:
    """Agree to a flattening somebody else asked for, and do it; returns the trades. Raises ``FlattenRefused``."""
    if not _runs(target_of(request).tenant_id, user):
        raise FlattenRefused("You do not run what would be flattened.")
    if request.asked_by_id == user.pk:
        raise FlattenRefused("The whole platform is flattened only when a second person agrees.")
    if wall - request.asked_at > CONFIRM_WITHIN:
        raise FlattenRefused("It was asked for more than ten minutes ago. Ask again.")
    return _carry_out(request, by=user, now=now, wall=wall)


def is_waiting(request: FlattenRequest, *, wall: datetime) -> bool:
    """Whether a second person can still agree."""
    return request.confirmed_at is None and wall - request.asked_at <= CONFIRM_WITHIN


def target_of(request: FlattenRequest) -> Target:
    """Return what a request flattens."""
    row = request.account or request.strategy or request.tenant
    name = str(row) if row is not None else "the whole platform"
    return Target(HaltScope(request.scope), row.pk if row is not None else 0, request.tenant_id, name)


def _carry_out(row: FlattenRequest, *, by: User, now: datetime, wall: datetime) -> int:
    """Ask the trades to leave, once: whoever confirms second finds nothing to do."""
    with transaction.atomic():
        waiting = FlattenRequest.objects.filter(pk=row.pk, confirmed_at__isnull=True)
        if not waiting.update(confirmed_by=by, confirmed_at=wall):
            raise FlattenRefused("Somebody confirmed it before.")
        trades = flatten(target=target_of(row), user=by, reason=row.reason, halt=row.with_halt, now=now)
        FlattenRequest.objects.filter(pk=row.pk).update(trades=trades)
        record("flatten_confirmed", row, tenant_id=row.tenant_id, actor=by, scope=row.scope, trades=trades)
    return trades


def _runs(tenant_id: int | None, user: User) -> bool:
    if not (user.is_operator and user.is_active):
        return False
    return user.tenant_id is None or user.tenant_id == tenant_id


def _target_fields(target: Target) -> dict[str, object]:
    fields: dict[str, object] = {"scope": target.scope, "tenant_id": target.tenant_id}
    if target.scope in (HaltScope.ACCOUNT, HaltScope.STRATEGY):
        fields[f"{target.scope.lower()}_id"] = target.pk
    return fields


def _ask_second_person(row: FlattenRequest) -> None:
    """Page the installation's own admins."""
    notify(
        key=f"flatten:{row.pk}",
        code="FLATTEN_ASKED",
        text=f"{row.asked_by} asks to flatten the whole platform: {row.reason}. Confirm it within ten minutes.",
        tenant_id=None,
        level=Level.PAGE,
    )
