"""Webhook tokens: 192 random bits in the address, only their hash is kept, rotated with a grace."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.audit.services.record import record
from apps.strategies.models import Strategy, WebhookToken
from apps.users.models import User

TOKEN_BYTES = 24
"""192 bits: 32 characters of the URL-safe alphabet."""


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def webhook_url(token: str) -> str:
    """Return the address TradingView is told."""
    return f"{settings.BASE_URL}{reverse('strategies:tradingview', args=[token]).rstrip('/')}/"


def rotate(strategy: Strategy, *, grace: timedelta = timedelta(0), actor: User | None) -> str:
    """Return a new token, shown this once; earlier ones work for the ``grace`` and no longer."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        Strategy.objects.select_for_update(no_key=True).get(pk=strategy.pk)  # two rotations at once leave one token
        ends_at = timezone.now() + grace
        _usable(ends_at).filter(strategy=strategy).update(valid_until=ends_at)
        WebhookToken.objects.create(strategy=strategy, token_hash=token_hash(token))
        record(
            "webhook_rotated", strategy, tenant_id=strategy.tenant_id, actor=actor, grace_seconds=grace.total_seconds()
        )
    return token


def revoke_all(strategy: Strategy, *, actor: User | None) -> int:
    """End every token of the strategy now; returns how many worked until then."""
    with transaction.atomic():
        ended = _usable(timezone.now()).filter(strategy=strategy).update(valid_until=timezone.now())
        record("webhook_revoked", strategy, tenant_id=strategy.tenant_id, actor=actor, tokens=ended)
    return ended


def find(token: str, *, wall: datetime) -> WebhookToken | None:
    """Return the token with its strategy and tenant; ``None`` for an unknown, a rotated-out and a revoked one."""
    return _usable(wall).select_related("strategy__tenant").filter(token_hash=token_hash(token)).first()


def _usable(at: datetime) -> QuerySet[WebhookToken]:
    return WebhookToken.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at))
