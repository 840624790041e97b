"""Figures for a monitoring system, read from Postgres and the queues when asked."""

import logging

from celery import current_app
from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from redis.exceptions import RedisError

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.services.feed import read_feed
from apps.markets import clock
from apps.risk.models import Halt
from apps.trading.models import Order, Trade
from bus.models import Heartbeat

log = logging.getLogger(__name__)

_QUEUES = ("feed", "signals", "sessions", "jobs")


def metrics_text() -> bytes:
    """Return everything in Prometheus' text format."""
    registry = CollectorRegistry()
    today = clock.trading_date(clock.now())
    orders = Order.objects.filter(intent__trade__trading_date=today)
    _by(registry, "platform_orders", "Orders of today by status", orders, "status")
    _by(
        registry,
        "platform_trades",
        "Trades of today by status and mode",
        Trade.objects.filter(trading_date=today),
        "status",
        "mode",
    )
    _by(registry, "platform_open_trades", "Live trades by mode", Trade.objects.live(), "mode")
    _by(registry, "platform_accounts", "Active accounts by mode", BrokerAccount.objects.active(), "mode")
    _by(registry, "platform_halts", "Halts in force by scope", Halt.objects.active(), "scope")
    _feed(registry)
    _heartbeats(registry)
    _queue_depths(registry)
    return bytes(generate_latest(registry))


def _by(registry: CollectorRegistry, name: str, help_text: str, rows, *labels: str) -> None:  # type: ignore[no-untyped-def]
    gauge = Gauge(name, help_text, labels, registry=registry)
    for row in rows.order_by().values(*labels).annotate(found=Count("pk")):
        gauge.labels(*(str(row[label]) for label in labels)).set(row["found"])


def _feed(registry: CollectorRegistry) -> None:
    feed = read_feed(clock.now())
    if feed.age_ms is not None:
        Gauge("platform_feed_age_seconds", "Age of the newest tick", registry=registry).set(feed.age_ms / 1000)
    Gauge("platform_feed_live", "1 while ticks are fresh", registry=registry).set(feed.state == "live")


def _heartbeats(registry: CollectorRegistry) -> None:
    gauge = Gauge(
        "platform_heartbeat_age_seconds",
        "Seconds since each process's last sign of life",
        ["process"],
        registry=registry,
    )
    now = timezone.now()
    for beat in Heartbeat.objects.all():
        gauge.labels(beat.process).set((now - beat.beat_at).total_seconds())


def _queue_depths(registry: CollectorRegistry) -> None:
    gauge = Gauge("platform_queue_depth", "Messages waiting in each queue", ["queue"], registry=registry)
    names = (*_QUEUES, *(f"execution.{shard}" for shard in range(settings.SHARDS)))
    try:
        with current_app.connection_for_read() as connection:
            for name in names:
                with connection.channel() as channel:  # RabbitMQ closes it when a queue does not exist
                    gauge.labels(name).set(_depth(channel, name))
    except (KombuError, OperationalError, RedisError, OSError) as error:
        log.warning("queue depths cannot be read", extra={"reason": str(error)})


def _depth(channel, name: str) -> int:  # type: ignore[no-untyped-def]
    """Return how many messages wait; a queue nobody ever wrote to does not exist, and has none."""
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except channel.connection.channel_errors:
        return 0
