"""Taking an alert in: what it means to its strategy, and one row for it however often it is sent."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.markets.clock import market_clock
from apps.strategies.models import Signal, SignalKind, SignalStatus, WordMeaning
from apps.strategies.services.tokens import Hook
from apps.strategies.services.waking import waker
from bus import failpoints
from domain.payload import Action, Alert, dedupe_key

RESEND_WINDOW = timedelta(seconds=30)
"""How long an alert without an id or a time counts as a resend: three retries five seconds apart, and slow networks."""

_INSERT = """
    INSERT INTO strategies_signal (tenant_id, strategy_id, kind, source, dedupe_key, payload, raw_body, source_ip,
                                   status, reason, received_at)
    VALUES (%s, %s, %s, 'tradingview', %s, %s::jsonb, %s, %s, %s, %s, %s)
    ON CONFLICT (strategy_id, dedupe_key) DO NOTHING
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Received:
    """What an alert became: a new signal, or the one it repeats."""

    signal_id: int
    status: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    """A signal before it is stored."""

    hook: Hook
    kind: str
    status: str
    reason: str
    payload: str
    raw_body: str
    source_ip: str | None
    received_at: datetime


def receive(*, hook: Hook, alert: Alert, body: bytes, source_ip: str | None, now: datetime, wall: datetime) -> Received:
    """Store an alert once and wake the router; costs one durable insert.

    ``now`` is market time and is what the row keeps; ``wall`` times resends of alerts that carry neither id nor time.
    """
    draft = _draft(hook, alert, body, source_ip, now)
    key = dedupe_key(alert, body)
    failpoints.reach("intake.before_insert")
    received = _once(draft, key) if alert.is_unique else _once_per_window(draft, key, wall)
    failpoints.reach("intake.stored")
    if received.is_new and draft.status == SignalStatus.ACCEPTED:
        transaction.on_commit(lambda: waker.wake(received.signal_id, hook.strategy_id))
    return received


def meaning_of(action: Action, hook: Hook) -> WordMeaning:
    """Return what an alert's word means to a strategy; exit and entry mean themselves."""
    words = {Action.BUY: hook.on_buy, Action.SELL: hook.on_sell}
    return WordMeaning(words.get(action, action.value))


def _draft(hook: Hook, alert: Alert, body: bytes, source_ip: str | None, now: datetime) -> _Draft:
    meaning = meaning_of(alert.action, hook)
    is_ignored = meaning is WordMeaning.IGNORE
    return _Draft(
        hook=hook,
        kind=SignalKind.ENTRY if is_ignored else meaning.value,
        status=SignalStatus.IGNORED if is_ignored else SignalStatus.ACCEPTED,
        reason=f"{alert.action.lower()} means nothing to this strategy" if is_ignored else "",
        payload=json.dumps(alert.raw),
        raw_body="" if _holds_secret(alert.raw) else body.decode("utf-8-sig"),
        source_ip=source_ip,
        received_at=now,
    )


def _holds_secret(value: object) -> bool:
    """Tell whether anything was masked: then the body as sent is not kept."""
    if isinstance(value, dict):
        return any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return value == "***"


def _once(draft: _Draft, key: str) -> Received:
    signal_id = _insert(draft, key)
    if signal_id is not None:
        status = "ignored" if draft.status == SignalStatus.IGNORED else "accepted"
        return Received(signal_id, status, is_new=True)
    return _duplicate(
        Signal.objects.values_list("pk", flat=True).get(strategy_id=draft.hook.strategy_id, dedupe_key=key)
    )


def _once_per_window(draft: _Draft, key: str, wall: datetime) -> Received:
    """Every such alert has the same text, so time tells them apart: one a window, also across two buckets."""
    bucket = int(wall.timestamp() // RESEND_WINDOW.total_seconds())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_number(draft.hook.strategy_id, key)])
        before = _earlier(draft.hook.strategy_id, f"{key}@{bucket - 1}")
        if before is not None and wall - market_clock().wall_of(before.received_at) < RESEND_WINDOW:
            return _duplicate(before.pk)
        return _once(draft, f"{key}@{bucket}")


def _earlier(strategy_id: int, key: str) -> Signal | None:
    return Signal.objects.filter(strategy_id=strategy_id, dedupe_key=key).first()


def _lock_number(strategy_id: int, key: str) -> int:
    digest = hashlib.sha256(f"{strategy_id}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _duplicate(signal_id: int) -> Received:
    return Received(signal_id, "duplicate", is_new=False)


def _insert(draft: _Draft, key: str) -> int | None:
    """Return the new row's id, or ``None`` when the key was taken: the unique constraint decides, not a look before."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                draft.hook.tenant_id,
                draft.hook.strategy_id,
                draft.kind,
                key,
                draft.payload,
                draft.raw_body,
                draft.source_ip,
                draft.status,
                draft.reason,
                draft.received_at,
            ],
        )
        row = cursor.fetchone()
    return row[0] if row else None
