"""``python -m config.start <queue>|beat [--name NAME]``: one Celery process of the product.

Celery's own command line does the same, but loads an interactive shell and every other command there is, Flower
included, and lets Django load every page to check it: half of the time in which a dead worker's accounts wait for its
successor. How many threads a queue's worker has is in ``workers.queues``, everything else in ``config.celery``.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from celery import Celery

from workers.queues import QUEUES, Queue

BEAT = "beat"
REFUSED = 78
"""The exit status of a process that must not run as it is configured (EX_CONFIG)."""

HEARTBEAT_SECONDS = 15
"""Workers never talk to each other. The heartbeat stays, slowly: Flower knows by it who lives."""


def main(words: Sequence[str]) -> int:
    """Run until told to stop; returns the exit status."""
    what, name = _asked(words)
    app = _application(what)
    refusals = [check.msg for check in import_module("bus.checks").check_disarmed(None)]
    if refusals:
        sys.stderr.writelines(f"{text}\n" for text in refusals)
        return REFUSED
    return _beat(app) if what == BEAT else _work(app, what, name)


def _asked(words: Sequence[str]) -> tuple[str, str]:
    parser = argparse.ArgumentParser(prog="python -m config.start", description="One Celery process of the product.")
    parser.add_argument("what", type=_known, help="a queue (feed, signals, execution.0, ...) or beat")
    parser.add_argument("--name", default="", help="its name among the workers, where the queue's is taken")
    found = parser.parse_args(words)
    return found.what, found.name or found.what.replace(".", "-")


def _known(what: str) -> str:
    if what != BEAT and _queue(what) is None:
        raise argparse.ArgumentTypeError(f"no queue is called {what!r}")
    return what


def _queue(what: str) -> Queue | None:
    """Return the table's row of a queue; execution has one queue a shard: ``execution.0``."""
    name, _, shard = what.partition(".")
    found = next((queue for queue in QUEUES if queue.name == name), None)
    return found if found is not None and shard.isdigit() == (name == "execution") else None


def _application(what: str) -> Celery:
    """Return the application with this process's modules loaded, and no others."""
    os.environ.setdefault("VAYDA_PROCESS", what.replace(".", "-"))
    # Celery would run Django's checks and forget what they say; the start of an installation runs them and listens.
    os.environ["CELERY_SKIP_CHECKS"] = "1"
    gc.disable()  # what is imported stays: looking for garbage in it is a tenth of the whole start
    celery = import_module("config.celery")
    app: Celery = celery.app
    app.conf.imports = celery.queue_modules()  # as this process is called now
    app.loader.import_default_modules()
    gc.enable()
    return app


def _work(app: Celery, what: str, name: str) -> int:
    queue = _queue(what)
    worker = app.Worker(
        hostname=f"{name}@",
        queues=what,
        pool=queue.pool if queue else None,
        concurrency=queue.concurrency if queue else None,
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=HEARTBEAT_SECONDS,
        loglevel="INFO",
    )
    worker.start()
    return int(worker.exitcode or 0)


def _beat(app: Celery) -> int:
    app.Beat(loglevel="INFO", scheduler="config.beat:SingleScheduler").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
