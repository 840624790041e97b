"""Tokens terminals show: 192 random bits, only their hash is kept, and a new one ends the one before at once."""

import hashlib
import secrets

from django.db import transaction

from apps.audit.services.record import record
from apps.broker_accounts.models import Bridge, BrokerAccount, BrokerSession
from apps.users.models import User
from brokers.catalog import SPECS
from bus import clock
from domain.broker_spec import SignInKind

TOKEN_BYTES = 24
"""192 bits: 32 characters of the URL-safe alphabet."""


class NoBridge(ValueError):
    """The account's broker is not one whose terminals call us."""


def has_bridge(account: BrokerAccount) -> bool:
    """Say whether a terminal of the account calls us."""
    return account.broker in SPECS and SPECS[account.broker].sign_in.kind is SignInKind.BRIDGE


def token_hash(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def rotate(account: BrokerAccount, *, actor: User | None) -> str:
    """Return a new token, shown this once; the one before ends with its session. Raises ``NoBridge``."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    put(account, token, actor=actor)
    return token


def put(account: BrokerAccount, token: str, *, actor: User | None) -> None:
    """Put a token in force that is known elsewhere already, as a demo's is; raises ``NoBridge``."""
    if not has_bridge(account):
        raise NoBridge(f"{account.broker} accounts have no bridge")
    with transaction.atomic():
        _put(account, token_hash(token))
        record("bridge_token_rotated", account, tenant_id=account.tenant_id, actor=actor)


def revoke(account: BrokerAccount, *, actor: User | None) -> None:
    """End the account's token now; its terminal is not answered any more. Raises ``NoBridge``."""
    if not has_bridge(account):
        raise NoBridge(f"{account.broker} accounts have no bridge")
    with transaction.atomic():
        _put(account, "")
        record("bridge_token_revoked", account, tenant_id=account.tenant_id, actor=actor)


def _put(account: BrokerAccount, kept: str) -> None:
    now = clock.now()
    Bridge.objects.get_or_create(account=account)
    Bridge.objects.select_for_update().get(account=account)  # a call under way ends first
    Bridge.objects.filter(account=account).update(
        token_hash=kept, token_set_at=now, session="", refusal_code="", refusal=""
    )
    BrokerSession.objects.usable().filter(account=account).update(
        lost_at=now, lost_reason="The bridge token was replaced or revoked."
    )
