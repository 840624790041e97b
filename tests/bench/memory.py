"""What a running demo holds and burns: memory of every process after a wave, and CPU over an idle half minute.

Run as ``PYTHONPATH=.:platform python -m tests.bench.installation memory``. Twenty trades are open and the simulated
market ticks; nobody trades. A process counts with its children; pages several processes share count in full in the
resident size and in equal parts in the proportional one. Percent are of one core.
"""

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress

import psutil  # type: ignore[import-untyped]
import requests

from apps.trading.models import Trade
from launch import supervise
from tests.bench.installation import Installation, wait_for
from tests.bench.record import Figure

TRADES = 20
SETTLE_SECONDS = 10.0
SECONDS = 30.0
MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 1536
MOST_PERCENT = 50

Family = list[psutil.Process]


def measure(installation: Installation) -> list[Figure]:
    """Return memory and CPU of every process and of all together."""
    _open_trades(installation)
    time.sleep(SETTLE_SECONDS)
    families = {state.name: _family(state.pid) for state in supervise.states(installation.stack.settings)}
    before = {name: _cpu_seconds(family) for name, family in families.items()}
    started = time.monotonic()
    time.sleep(SECONDS)
    spent = time.monotonic() - started
    percent = {name: (_cpu_seconds(family) - before[name]) / spent * 100 for name, family in families.items()}
    resident = {name: sum(_resident(one) for one in family) for name, family in families.items()}
    proportional = {name: sum(_proportional(one) for one in family) for name, family in families.items()}
    return [*_each(resident, proportional, percent), *_together(resident, proportional, percent)]


def _open_trades(installation: Installation) -> None:
    """Enter every demo account: the strategy that sells straddles, whose stops are far."""
    demo = installation.stack.demo
    url = demo["base_url"] + demo["webhooks"]["short-straddle"]
    live = Trade.objects.live().filter(status="OPEN")
    requests.post(url, json={"action": "sell", "alert_id": uuid.uuid4().hex}, timeout=10).raise_for_status()
    wait_for(lambda: live.count() >= TRADES, within=60, message="twenty open trades")


def _family(pid: int) -> Family:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _cpu_seconds(family: Family) -> float:
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _resident(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        return float(process.memory_info().rss) / MEGABYTE
    return 0.0


def _proportional(process: psutil.Process) -> float:
    """Shared pages in equal parts; the resident size where the system does not tell."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, AttributeError):
        return float(process.memory_full_info().pss) / MEGABYTE
    return _resident(process)


def _each(
    resident: Mapping[str, float], proportional: Mapping[str, float], percent: Mapping[str, float]
) -> list[Figure]:
    return [
        figure
        for name in resident
        for figure in (
            Figure("memory", f"{name}: resident", resident[name], "MB"),
            Figure("memory", f"{name}: proportional", proportional[name], "MB"),
            Figure("memory", f"{name}: CPU, idle market", percent[name], "% of a core"),
        )
    ]


def _together(
    resident: Mapping[str, float], proportional: Mapping[str, float], percent: Mapping[str, float]
) -> list[Figure]:
    return [
        Figure("memory", "together: resident", sum(resident.values()), "MB"),
        Figure("memory", "together: proportional", sum(proportional.values()), "MB", None, f"<= {MOST_MEGABYTES}"),
        Figure(
            "memory", "together: CPU, idle market", sum(percent.values()), "% of a core", None, f"<= {MOST_PERCENT}"
        ),
    ]
