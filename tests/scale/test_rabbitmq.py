"""Celery through RabbitMQ where the URL says so: quorum queues, confirmed publishes, and exits while it is frozen."""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError

from config import broker
from tests.flows.conftest import open_trades
from tests.flows.platform import Platform, running, wait_for
from tests.scale.rabbitmq import rabbitmq, server

pytestmark = [
    pytest.mark.flow,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not server(), reason="rabbitmq-server is not installed"),
]
QUEUES = ("feed", "signals", "execution.0", "sessions", "jobs")


@pytest.fixture(scope="module")
def queue_server() -> Iterator[tuple[str, Any]]:
    """A RabbitMQ of its own: its URL and its process."""
    with rabbitmq() as found:
        yield found


@pytest.fixture(scope="module")
def platform(queue_server: tuple[str, Any]) -> Iterator[Platform]:
    """The demo with its queues in RabbitMQ, started once."""
    with running(CELERY_BROKER_URL=queue_server[0]) as found:
        yield found


def trades_of(platform: Platform, signal_id: int, *states: str) -> bool:
    """Say whether all twenty trades of a signal are in one of the states."""
    trades = platform.trades(signal=signal_id)
    return len(trades) == 20 and all(trade["status"] in states for trade in trades)


def round_trip(platform: Platform) -> None:
    """Enter everybody and have everybody leave."""
    since = len(platform.ledger())
    signal_id = platform.fire({"action": "buy", "alert_id": uuid.uuid4().hex}).json()["signal"]
    wait_for(lambda: trades_of(platform, signal_id, "OPEN", "EXITING", "CLOSED"), message="twenty entries")
    platform.fire({"action": "sell", "alert_id": uuid.uuid4().hex})
    wait_for(lambda: not open_trades(platform), within=90, message="every exit")
    assert trades_of(platform, signal_id, "CLOSED")
    sent = [row for row in platform.ledger()[since:] if row["event"] == "REQUEST" and row["endpoint"] == "orders.place"]
    assert Counter(Counter(row["tag"] for row in sent).values()) == {1: 20}


def test_every_queue_is_a_quorum_queue(platform: Platform, queue_server: tuple[str, Any]) -> None:
    with Connection(queue_server[0]) as connection:
        for name in QUEUES:
            with connection.channel() as channel:  # declared anew as what it is not, a queue refuses
                channel.queue_declare(queue=name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
            with connection.channel() as channel, pytest.raises(connection.channel_errors, match="x-queue-type"):
                channel.queue_declare(queue=name, durable=True, auto_delete=False)


def test_a_signal_goes_in_and_out_through_rabbitmq(platform: Platform, queue_server: tuple[str, Any]) -> None:
    round_trip(platform)
    with Connection(queue_server[0]) as connection:
        waiting = {
            name: connection.default_channel.queue_declare(queue=name, passive=True).message_count for name in QUEUES
        }
    assert waiting["execution.0"] == 0


def test_the_metrics_count_what_waits_in_it(platform: Platform) -> None:
    token = platform.stack.environ["METRICS_TOKEN"]
    answer = requests.get(
        f"{platform.demo['base_url']}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    for name in QUEUES:
        assert f'platform_queue_depth{{queue="{name}"}}' in answer.text


def test_a_publish_is_confirmed_and_a_frozen_server_holds_nobody_up_for_long(queue_server: tuple[str, Any]) -> None:
    url, process = queue_server
    app = Celery("confirming", broker=url, set_as_current=False)
    app.conf.update(
        broker_transport_options=broker.transport_options(url), task_create_missing_queue_type=broker.queue_type(url)
    )
    app.send_task("any.task", queue="probe", retry=False, confirm_timeout=2.0)
    with Connection(url) as connection:
        assert connection.default_channel.queue_declare(queue="probe", passive=True).message_count == 1
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(OperationalError, match="timed out"):
            app.send_task("any.task", queue="probe", retry=False, confirm_timeout=0.2)
    finally:
        os.killpg(process.pid, signal.SIGCONT)


def test_orders_go_out_while_rabbitmq_is_frozen(platform: Platform, queue_server: tuple[str, Any]) -> None:
    signal_id = platform.fire({"action": "buy", "alert_id": uuid.uuid4().hex}).json()["signal"]
    wait_for(lambda: trades_of(platform, signal_id, "OPEN", "EXITING", "CLOSED"), message="twenty entries")
    os.killpg(queue_server[1].pid, signal.SIGSTOP)
    try:
        for number in range(5):
            assert platform.post("square-off/", {"all": True}, trader=number).status_code in (200, 202)
        wait_for(lambda: not open_trades(platform), within=90, message="every exit without the queue")
    finally:
        os.killpg(queue_server[1].pid, signal.SIGCONT)
    round_trip(platform)
