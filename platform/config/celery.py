"""The Celery application: messages are wake-ups that carry ids; Postgres holds the truth.

The reasons for each setting are in ARCHITECTURE.md ("Queues"); what differs by broker is in `config.broker`.
"""

import os

from celery import Celery

ALL_QUEUES = ("feed", "signals", "execution", "sessions", "jobs")


def queue_modules() -> tuple[str, ...]:
    """Return the task modules of this process: a worker loads its own queue only, which keeps it small."""
    queue = os.environ.get("VAYDA_PROCESS", "").partition("-")[0]
    return tuple(f"workers.{name}" for name in (ALL_QUEUES if queue not in ALL_QUEUES else (queue,)))


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("vayda")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=False,  # a lost wake-up is found by the sweep; a repeated one finds nothing to do
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # never kill a worker in the middle of a send
    worker_send_task_events=True,
    task_send_sent_event=False,
    worker_max_tasks_per_child=None,
    worker_eta_task_limit=100,
    worker_hijack_root_logger=False,
    worker_proc_alive_timeout=30,
    broker_connection_retry=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_channel_error_retry=True,
    beat_cron_starting_deadline=60,
    enable_utc=True,
    timezone="Asia/Kolkata",
    task_default_queue="jobs",
    task_routes={f"workers.{name}.*": {"queue": name} for name in ALL_QUEUES if name != "execution"},
    imports=queue_modules(),
)
