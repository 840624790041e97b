"""Dropping what has served: old messages, sign-ins and tokens. Trades, orders and the audit trail stay."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db.models import Q

from apps.broker_accounts.models import BridgeCommand, BrokerSession, LoginAttempt
from apps.notifications.models import Level, Notification
from bus.models import Heartbeat

NOTIFICATIONS_KEPT = timedelta(days=90)
BROKER_SESSIONS_KEPT = timedelta(days=30)
LOGIN_ATTEMPTS_KEPT = timedelta(days=90)
HEARTBEATS_KEPT = timedelta(days=7)
BRIDGE_COMMANDS_KEPT = timedelta(days=30)


def prune(*, wall: datetime) -> dict[str, int]:
    """Drop old rows and return how many of each; a page nobody acknowledged stays."""
    old = Notification.objects.filter(created_at__lt=wall - NOTIFICATIONS_KEPT)
    doomed = {
        "notifications": old.filter(~Q(level=Level.PAGE) | Q(acknowledged_at__isnull=False)),
        "broker_sessions": BrokerSession.objects.filter(expires_at__lt=wall - BROKER_SESSIONS_KEPT),
        "login_attempts": LoginAttempt.objects.filter(at__lt=wall - LOGIN_ATTEMPTS_KEPT),
        "bridge_commands": BridgeCommand.objects.filter(posted_at__lt=wall - BRIDGE_COMMANDS_KEPT),
        "heartbeats": Heartbeat.objects.filter(beat_at__lt=wall - HEARTBEATS_KEPT),
        "web_sessions": Session.objects.filter(expire_date__lt=wall),
    }
    return {name: rows.delete()[0] for name, rows in doomed.items()}
