"""A standby leaves its queue's messages to the leader, on the broker that is really used."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from config import broker
from config.settings.base import celery_url
from tests.flows.platform import wait_for
from workers.tap import QueueTap

WITHIN = 20.0


@dataclass
class Worker:
    """A real worker of two queues, of which one has a tap."""

    app: Celery
    tap: QueueTap
    other: str
    ran: list[str] = field(default_factory=list)

    def send(self, queue: str, word: str) -> None:
        self.app.send_task(self.app.main, args=(word,), queue=queue)

    def hears(self, queue: str, word: str) -> None:
        """Wait until a word sent now has been taken."""
        self.send(queue, word)
        wait_for(lambda: word in self.ran, within=WITHIN, message=f"{word} from {queue}")


@pytest.fixture
def worker() -> Iterator[Worker]:
    url, name = celery_url(), uuid.uuid4().hex
    app = Celery(name, broker=url, set_as_current=False)
    app.conf.update(broker_transport_options=broker.transport_options(url), task_ignore_result=True)
    made = Worker(app, QueueTap(f"tapped-{name}"), f"other-{name}")

    @app.task(name=name)
    def note(word: str) -> None:
        made.ran.append(word)

    try:
        with start_worker(
            app, pool="threads", perform_ping_check=False, queues=[made.tap.queue, made.other]
        ) as running:
            running.consumer.call_soon(made.tap.attach, running.consumer)
            yield made
    finally:
        with app.connection_for_write() as connection:
            for queue in (made.tap.queue, made.other):
                connection.default_channel.queue_purge(queue)  # type: ignore[attr-defined]


def test_a_standby_takes_nothing_and_a_leader_everything_that_waits(worker: Worker) -> None:
    worker.send(worker.tap.queue, "first")
    worker.hears(worker.other, "elsewhere")
    worker.hears(worker.other, "again")
    assert "first" not in worker.ran
    worker.tap.open()
    wait_for(lambda: "first" in worker.ran, within=WITHIN, message="what waited")
    worker.hears(worker.tap.queue, "second")


def test_whoever_leads_no_more_takes_nothing_more(worker: Worker) -> None:
    worker.tap.open()
    worker.hears(worker.tap.queue, "led")
    worker.tap.close()
    worker.hears(worker.other, "elsewhere")
    worker.hears(worker.other, "again")
    worker.send(worker.tap.queue, "late")
    worker.hears(worker.other, "later")
    worker.hears(worker.other, "latest")
    assert "late" not in worker.ran


def test_the_last_word_counts_when_the_lead_changes_quickly(worker: Worker) -> None:
    for _ in range(20):
        worker.tap.close()
        worker.tap.open()
    worker.hears(worker.tap.queue, "mine")
