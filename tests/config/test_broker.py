"""Celery's broker is chosen by its URL, and nothing else changes with it."""

import os
import subprocess
import sys

import pytest

from config import broker
from launch.settings import ROOT

SHOW = """
import django
django.setup()
from config.celery import app
options = app.conf.broker_transport_options
print(app.amqp.queues["execution.3"].queue_arguments, app.amqp.queues["jobs"].queue_arguments)
print(options.get("confirm_publish"), options.get("visibility_timeout"), options["max_retries"])
print(app.conf.broker_connection_timeout, app.conf.broker_heartbeat, app.conf.task_acks_late)
"""


def shown(url: str) -> list[str]:
    """Return what a process that is told this broker has configured."""
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.local", "CELERY_BROKER_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_rabbitmq_gets_quorum_queues_whose_publishes_are_confirmed() -> None:
    assert shown("amqp://user:secret@host:5672/vhost") == [
        "{'x-queue-type': 'quorum'} {'x-queue-type': 'quorum'}",
        "True None 1",
        "2 10 False",
    ]


def test_redis_keeps_its_visibility_and_plain_queues() -> None:
    assert shown("redis://host:6379/0") == ["None None", "None 120 1", "2 10 False"]


def test_an_empty_setting_means_redis() -> None:
    assert shown("") == shown("redis://host:6379/0")


@pytest.mark.parametrize(
    ("url", "is_one"), [("amqp://h", True), ("amqps://h", True), ("redis://h", False), ("redis+socket:///s", False)]
)
def test_rabbitmq_is_known_by_its_scheme(url: str, is_one: bool) -> None:
    assert broker.is_rabbitmq(url) is is_one
