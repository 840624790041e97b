"""Commands to other processes: one function per command, sent after the commit, best effort.

A command is a wake-up. It carries ids and no authority; when it is lost, the receiver's sweep finds the work.
"""

import logging
import time
from collections.abc import Iterable

from amqp.exceptions import AMQPError, MessageNacked
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bus import failpoints
from bus.patience import Patience

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 2.0
"""How long a queue that confirms what it has taken may take for it; one that does not makes nobody wait."""

_HIDDEN = frozenset(f"workers.sessions.{name}" for name in ("exchange_login", "prepare_login", "check_postback"))
"""Commands whose arguments a monitor of the queues must not show: one-use codes, states, what brokers post."""


_patience = Patience()


def _send(task: str, queue: str, *args: object) -> None:
    if task not in _HIDDEN and _patience.is_over():  # what a person waits for has no sweep
        log.info("command left to the sweep", extra={"task": task, "queue": queue})
        return
    started = time.monotonic()
    try:
        failpoints.reach("commands.before_send")
        shown = "(hidden)" if task in _HIDDEN else None
        current_app.send_task(
            task,
            args=args,
            argsrepr=shown,
            queue=queue,
            retry=False,
            ignore_result=True,
            confirm_timeout=CONFIRM_SECONDS,
        )
        failpoints.reach("commands.sent")
    except (KombuError, AMQPError, MessageNacked, RedisError, OSError) as error:
        _patience.lose(since=started)
        log.warning(
            "command not sent, the sweep will find it", extra={"task": task, "queue": queue, "reason": str(error)}
        )


def _on_commit(task: str, queue: str, *args: object) -> None:
    transaction.on_commit(lambda: _send(task, queue, *args))


def route_signal(signal_id: int) -> None:
    """Ask the signals worker to fan one signal out."""
    _on_commit("workers.signals.route_signal", "signals", signal_id)


def send_route_signal(signal_id: int) -> None:
    """Do what ``route_signal`` does, at once: for a committed signal and a thread without a database connection."""
    _send("workers.signals.route_signal", "signals", signal_id)


def wake_execution(shards: Iterable[int]) -> None:
    """Tell execution shards that orders wait: one message a shard, whatever the size of the wave."""
    for shard in sorted(set(shards)):
        _on_commit("workers.execution.submit_orders", f"execution.{shard}", shard)


def halts_changed() -> None:
    """Tell every execution shard that a halt was set: what it has claimed and not yet sent must look again."""
    for shard in range(settings.SHARDS):
        _on_commit("workers.execution.look_at_halts", f"execution.{shard}")


def reconcile_account(account_id: int, *, shard: int) -> None:
    """Tell an account's shard that its broker has news."""
    _on_commit("workers.execution.reconcile_account", f"execution.{shard}", account_id)


def refresh_portfolio(account_id: int, *, shard: int) -> None:
    """Tell an account's shard that somebody wants its holdings and funds read now."""
    _on_commit("workers.execution.refresh_portfolio", f"execution.{shard}", account_id)


def refresh_rules(trade_ids: Iterable[int]) -> None:
    """Tell the risk engine that trades changed."""
    ids = sorted(set(trade_ids))
    if ids:
        _on_commit("workers.signals.refresh_rules", "signals", ids)


def refresh_subscriptions() -> None:
    """Tell the feed that somebody needs other instruments."""
    _on_commit("workers.feed.refresh_subscriptions", "feed")


def sync_instruments(broker: str) -> None:
    """Ask for a broker's instrument master to be read now."""
    _on_commit("workers.sessions.sync_instruments", "sessions", broker)


def sync_due_instruments() -> None:
    """Ask for the masters of the day that are not in yet: somebody new is signed in to read them."""
    _on_commit("workers.sessions.sync_due_instruments", "sessions")


def sign_in_account(account_id: int) -> None:
    """Ask the sessions worker to sign one account in."""
    _on_commit("workers.sessions.sign_in_account", "sessions", account_id)


def exchange_login(account_id: int, request_token: str) -> None:
    """Hand a login's one-use code to the sessions worker, which alone can finish it."""
    _on_commit("workers.sessions.exchange_login", "sessions", account_id, request_token)


def prepare_day() -> None:
    """Ask the sessions worker to sign in whoever should be by now, and to read the masters that are due."""
    _on_commit("workers.sessions.prepare_day", "sessions")


def prepare_login(account_id: int, state: str) -> None:
    """Ask the sessions worker where a person must sign in: the address holds a key that the web process cannot read."""
    _on_commit("workers.sessions.prepare_login", "sessions", account_id, state)


def check_postback(account_id: int, body: str) -> None:
    """Hand an order update somebody posted to the sessions worker, which alone can tell whether it is genuine."""
    _on_commit("workers.sessions.check_postback", "sessions", account_id, body)
