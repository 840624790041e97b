"""Making, finding and revoking API keys."""

import hashlib
import secrets

from apps.users.models import ApiKey, User
from bus import clock

_PREFIX_LENGTH = 8


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(*, user: User, name: str, can_trade: bool = True) -> tuple[ApiKey, str]:
    """Return the row and the key itself, which is shown once and never stored."""
    secret = secrets.token_urlsafe(32)
    return ensure_key(user=user, name=name, secret=secret, can_trade=can_trade), secret


def ensure_key(*, user: User, name: str, secret: str, can_trade: bool = True) -> ApiKey:
    """Return the row of a key that is known already, made where it is missing."""
    row, _ = ApiKey.objects.get_or_create(
        prefix=secret[:_PREFIX_LENGTH],
        defaults={"user": user, "name": name, "can_trade": can_trade, "key_hash": _hash(secret)},
    )
    return row


def find_key(secret: str) -> ApiKey | None:
    """Return the usable key of an active user, noting its use at most once a minute."""
    key = (
        ApiKey.objects.select_related("user", "user__tenant")
        .filter(prefix=secret[:_PREFIX_LENGTH], revoked_at=None)
        .first()
    )
    if key is None or not secrets.compare_digest(key.key_hash, _hash(secret)):
        return None
    if not key.user.is_active or (key.user.tenant is not None and not key.user.tenant.is_active):
        return None
    now = clock.now()
    if key.last_used_at is None or (now - key.last_used_at).total_seconds() > 60:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def revoke_key(key: ApiKey) -> bool:
    """Make a key useless for ever; ``False`` when it was already."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now()))
