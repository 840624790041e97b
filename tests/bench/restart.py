"""What a death costs: from the kill to the next order on the wire.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation restart``. Each round kills the execution worker with
SIGKILL and fires a signal at once; the floor is the time a bare interpreter takes to load the same modules. Then Redis
is killed with everything it kept wiped, and everybody is asked to leave at once; the floor is Redis's own start.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import requests

from apps.trading.models import Trade
from launch import ready, redis_server, supervise
from launch.settings import ROOT
from tests.bench.installation import Installation, wait_for
from tests.bench.record import Figure

ROUNDS = 5
LOADS = 3
ACCOUNTS = 20
WITHIN = 120.0
LOAD = "import django; django.setup(); import workers.execution"


def measure(installation: Installation) -> list[Figure]:
    """Return both deaths' costs."""
    return [*_worker(installation), *_redis(installation)]


def _worker(installation: Installation) -> list[Figure]:
    bare = median(_load_milliseconds(installation) for _ in range(LOADS))
    spent = [_first_send(installation) for _ in range(ROUNDS)]
    return [
        Figure("restart", "execution killed to first order, p50", median(spent), "ms", bare),
        Figure("restart", "execution killed to first order, max", max(spent), "ms", bare),
        Figure("restart", "bare load of the worker's modules", bare, "ms"),
    ]


def _load_milliseconds(installation: Installation) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, env=installation.stack.environ, check=True)
    return (time.monotonic() - started) * 1000


def _first_send(installation: Installation) -> float:
    """Kill, fire, and return the milliseconds to the first order; everybody is out again afterwards."""
    before, ledger = _steady(installation, "execution-0"), installation.ledger()
    killed_at = datetime.now(tz=UTC)
    os.kill(before, signal.SIGKILL)
    _fire(installation, "buy")
    wait_for(lambda: ledger.placed("REQUEST"), within=WITHIN, message="an order after the restart")
    first = min(datetime.fromisoformat(row["at"]) for row in ledger.placed("REQUEST"))
    _wait_for_entries()
    _fire(installation, "sell")
    wait_for(lambda: not Trade.objects.live().exists(), within=WITHIN, message="every exit")
    return (first - killed_at).total_seconds() * 1000


def _steady(installation: Installation, name: str) -> int:
    """Return a process's pid once its supervisor believes in it."""

    def running() -> int:
        states = {state.name: state for state in supervise.states(installation.stack.settings)}
        return states[name].pid if states[name].state == "RUNNING" else 0

    return wait_for(running, within=WITHIN, message=f"{name} running")


def _fire(installation: Installation, action: str) -> None:
    body = {"action": action, "alert_id": uuid.uuid4().hex}
    requests.post(installation.stack.demo["webhook_url"], json=body, timeout=30).raise_for_status()


def _wait_for_entries() -> None:
    opened = Trade.objects.live().filter(status="OPEN")
    wait_for(lambda: opened.count() == ACCOUNTS, within=WITHIN, message="every entry")


def _redis(installation: Installation) -> list[Figure]:
    rounds = [_wiped(installation) for _ in range(ROUNDS)]
    exits, answers, tradable = (median(values) for values in zip(*rounds, strict=True))
    return [
        Figure("restart", "Redis wiped to first exit on the wire, p50", exits, "ms", answers),
        Figure("restart", "Redis wiped to first exit on the wire, max", max(one[0] for one in rounds), "ms", answers),
        Figure("restart", "Redis wiped to prices for every strategy", tradable, "ms", answers),
        Figure("restart", "Redis wiped to Redis answering", answers, "ms"),
    ]


def _wiped(installation: Installation) -> tuple[float, float, float]:
    """Return the milliseconds from the kill to the first exit, to Redis's answer, and to a tradable market."""
    settings = installation.stack.settings
    wait_for(lambda: ready.market_is_ready(settings), within=WITHIN, message="the market")
    _fire(installation, "buy")
    _wait_for_entries()
    pid, ledger = _steady(installation, "redis"), installation.ledger()
    for kept in (installation.state_dir / "redis").iterdir():
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    killed, killed_at = time.monotonic(), datetime.now(tz=UTC)
    os.kill(pid, signal.SIGKILL)
    _leave(installation)
    answers = _milliseconds(killed, lambda: redis_server.answers(installation.stack.environ["REDIS_URL"]))
    wait_for(lambda: ledger.placed("REQUEST"), within=WITHIN, message="an exit after the wipe")
    first = min(datetime.fromisoformat(row["at"]) for row in ledger.placed("REQUEST"))
    tradable = _milliseconds(killed, lambda: ready.market_is_ready(settings))
    wait_for(lambda: not Trade.objects.live().exists(), within=WITHIN, message="every exit")
    return (first - killed_at).total_seconds() * 1000, answers, tradable


def _milliseconds(since: float, is_so: Callable[[], bool]) -> float:
    wait_for(is_so, within=WITHIN, message="an answer")
    return (time.monotonic() - since) * 1000


def _leave(installation: Installation) -> None:
    """Everybody presses the button."""
    demo = installation.stack.demo
    for trader in demo["traders"]:
        answer = requests.post(
            f"{demo['base_url']}/api/v1/square-off/",
            json={"all": True},
            headers={"Authorization": f"Bearer {trader['api_key']}"},
            timeout=30,
        )
        answer.raise_for_status()
