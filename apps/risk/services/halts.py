"""Halting and releasing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.audit.services.record import Entry, record, record_all
from apps.broker_accounts.models import BrokerAccount
from apps.notifications.models import Level
from apps.notifications.services.notify import notify
from apps.risk.models import Halt, HaltScope
from apps.risk.services.audience import tell_audience
from apps.risk.wording import halt_words
from apps.users.models import User
from bus import commands

SIGN_IN_LASTS = timedelta(minutes=5)
"""How long a password that was typed again counts as a fresh sign-in."""

SECOND_PERSON, FRESH_SIGN_IN, CAUSE_GONE = "SECOND_PERSON", "FRESH_SIGN_IN", "CAUSE_GONE"


class ReleaseRefused(PermissionError):
    """Whoever asks may not release this halt, or not alone, or not without signing in again."""


@dataclass(frozen=True, slots=True)
class FreshSignIn:
    """Proof that a person typed the password again; made by whoever checked it."""

    user_id: int
    at: datetime


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

    def of_account(self, *, tenant_id: int, account_id: int, strategy_ids: Collection[int] = ()) -> list[Halt]:
        """Return the halts an account's owner should see: those of the account first, then the wider ones."""
        ids: list[int | None] = [None, *strategy_ids]
        mine = [halt for halt in self.halts if any(_reaches(halt, tenant_id, pk, account_id) for pk in ids)]
        return sorted(mine, key=lambda halt: (_NARROW_FIRST.index(HaltScope(halt.scope)), halt.pk))


_NARROW_FIRST = (HaltScope.ACCOUNT, HaltScope.TENANT, HaltScope.PLATFORM, HaltScope.STRATEGY)


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
    """Stop orders that increase risk; exits go on. ``actor`` is ``None`` where the platform itself halts."""
    with transaction.atomic():
        halt = Halt.objects.create(
            scope=scope,
            tenant_id=tenant_id,
            strategy_id=strategy_id,
            account_id=account_id,
            reason=reason[:200],
            reason_code=reason_code,
            created_by=actor,
        )
        record("halt_set", halt, tenant_id=tenant_id, actor=actor, scope=scope, code=reason_code, reason=reason)
        _tell_owner(halt)
        tell_audience(halt)
        commands.halts_changed()
    return halt


def _tell_owner(halt: Halt) -> None:
    """A halt of one account is told to its owner; wider ones are seen on the page."""
    account = halt.account
    if account is None:
        return
    words = halt_words(halt.reason_code, is_automatic=halt.created_by_id is None)
    notify(
        key=f"halt:{halt.pk}",
        code="ACCOUNT_HALTED",
        text=f"{account}: no new entries. {words.why}. {words.advice}",
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        level=Level.WARNING,
    )


def halt_account(*, account_id: int, reason_code: str, reason: str) -> Halt:
    """Halt one account by the platform itself, once per reason code; returns the halt in force."""
    found = _automatic(account_id, [reason_code]).first()
    if found is not None:
        return found
    tenant_id = BrokerAccount.objects.values_list("tenant_id", flat=True).get(pk=account_id)
    return set_halt(
        scope=HaltScope.ACCOUNT,
        reason=reason,
        reason_code=reason_code,
        actor=None,
        tenant_id=tenant_id,
        account_id=account_id,
    )


def lift_automatic(*, account_id: int, reason_codes: Collection[str], now: datetime) -> int:
    """Release what the platform itself halted for these reasons, because the cause is gone; returns how many."""
    with transaction.atomic():
        halts = list(_automatic(account_id, reason_codes).select_for_update(of=("self",)))
        Halt.objects.filter(pk__in=[halt.pk for halt in halts]).update(released_at=now)
        record_all(_lifted(halt) for halt in halts)
        for halt in halts:
            tell_audience(halt)
    return len(halts)


def _automatic(account_id: int, reason_codes: Collection[str]) -> QuerySet[Halt]:
    return Halt.objects.active().filter(
        scope=HaltScope.ACCOUNT, account_id=account_id, created_by__isnull=True, reason_code__in=reason_codes
    )


def _lifted(halt: Halt) -> Entry:
    data = {"scope": halt.scope, "code": halt.reason_code, "ground": CAUSE_GONE}
    return Entry("halt_released", "risk.halt", halt.pk, halt.tenant_id, data)


def release_halt(*, halt: Halt, actor: User, now: datetime, proof: FreshSignIn | None = None) -> bool:
    """Let entries go on; ``False`` when somebody released it before.

    It takes a second person, or the password typed again within five minutes (``now`` is the wall clock); a halt of
    the whole platform always a second person, one the platform set by itself always a fresh sign-in. Raises
    ``ReleaseRefused``.
    """
    ground = _ground(halt, actor, proof, now)
    with transaction.atomic():
        released = Halt.objects.active().filter(pk=halt.pk).update(released_by=actor, released_at=now)
        if released:
            signed_in_at = proof.at if proof is not None and ground == FRESH_SIGN_IN else None
            more = {"scope": halt.scope, "code": halt.reason_code, "ground": ground, "signed_in_at": signed_in_at}
            record("halt_released", halt, tenant_id=halt.tenant_id, actor=actor, **more)
            tell_audience(halt)
    return bool(released)


def _ground(halt: Halt, actor: User, proof: FreshSignIn | None, now: datetime) -> str:
    """Return by what right the halt is released."""
    if not _runs(halt, actor):
        raise ReleaseRefused("This halt is released by whoever runs what it halts.")
    is_second = halt.created_by_id is not None and halt.created_by_id != actor.pk
    if is_second:
        return SECOND_PERSON
    if halt.scope == HaltScope.PLATFORM and halt.created_by_id == actor.pk:
        raise ReleaseRefused("A platform halt is released by a second person.")
    if not _is_fresh(proof, actor, now):
        raise ReleaseRefused("Sign in again or ask a second person: this halt is not released otherwise.")
    return FRESH_SIGN_IN


def _runs(halt: Halt, actor: User) -> bool:
    if not (actor.is_operator and actor.is_active):
        return False
    if actor.tenant_id is None:
        return True
    target = halt.account or halt.strategy
    owner = target.tenant_id if target is not None else halt.tenant_id
    return halt.scope != HaltScope.PLATFORM and owner == actor.tenant_id


def _is_fresh(proof: FreshSignIn | None, actor: User, now: datetime) -> bool:
    if proof is None or proof.user_id != actor.pk:
        return False
    return timedelta(0) <= now - proof.at <= SIGN_IN_LASTS
