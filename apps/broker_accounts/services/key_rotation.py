"""New keys for everything sealed: a tenant's data key, and with it the master key that wraps it."""

from dataclasses import dataclass

from django.db import transaction

from apps.audit.services.record import Entry, record_all
from apps.broker_accounts.models import BrokerAccount, BrokerSession
from apps.broker_accounts.services.credentials import ACCOUNTS, SESSIONS
from apps.broker_accounts.services.sealing import Unsealable, hold_key, new_data_key, seal, unseal
from apps.tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was sealed anew; ``lost`` names what no key opens, which stays as it is."""

    accounts: int
    sessions: int
    lost: tuple[str, ...]


def rotate_keys(tenant: Tenant) -> Rotated:
    """Seal all of a tenant with a new data key, wrapped by the master key in force, in one transaction.

    Whoever seals meanwhile waits; whoever opens sees either all of the old or all of the new. Tokens of sessions that
    are over are dropped.
    """
    with transaction.atomic():
        hold_key(tenant)
        fresh = Tenant(pk=tenant.pk, sealed_data_key=new_data_key(tenant))
        lost: list[str] = []
        accounts = _reseal_accounts(tenant, fresh, lost)
        sessions = _reseal_sessions(tenant, fresh, lost)
        Tenant.objects.filter(pk=tenant.pk).update(sealed_data_key=fresh.sealed_data_key)
        told = {"accounts": accounts, "sessions": sessions, "lost": lost}
        record_all([Entry("keys_rotated", "tenants.tenant", tenant.pk, tenant.pk, told)])
    tenant.sealed_data_key = fresh.sealed_data_key
    return Rotated(accounts, sessions, tuple(lost))


def _reseal_accounts(tenant: Tenant, fresh: Tenant, lost: list[str]) -> int:
    column, done = "sealed_credentials", 0
    for account in BrokerAccount.objects.filter(tenant=tenant).exclude(sealed_credentials=b"").order_by("pk"):
        sealed = _resealed(bytes(account.sealed_credentials), tenant, fresh, (ACCOUNTS, account.pk, column))
        if sealed is None:
            lost.append(f"credentials of {account}")
            continue
        done += BrokerAccount.objects.filter(pk=account.pk).update(sealed_credentials=sealed)
    return done


def _reseal_sessions(tenant: Tenant, fresh: Tenant, lost: list[str]) -> int:
    column, done = "sealed_token", 0
    kept = BrokerSession.objects.filter(account__tenant=tenant).exclude(sealed_token=b"")
    usable = list(BrokerSession.objects.usable().filter(pk__in=kept).select_related("account"))
    kept.exclude(pk__in=[session.pk for session in usable]).update(sealed_token=b"")
    for session in usable:
        sealed = _resealed(bytes(session.sealed_token), tenant, fresh, (SESSIONS, session.pk, column))
        if sealed is None:
            lost.append(f"session of {session.account}")
            continue
        done += BrokerSession.objects.filter(pk=session.pk).update(sealed_token=sealed)
    return done


def _resealed(sealed: bytes, tenant: Tenant, fresh: Tenant, place: tuple[str, int, str]) -> bytes | None:
    """Return a value sealed with the fresh key, or ``None`` for one that cannot be opened."""
    table, pk, column = place
    try:
        plain = unseal(tenant, sealed, table=table, pk=pk, column=column)
    except Unsealable:
        return None
    return seal(fresh, plain, table=table, pk=pk, column=column)
