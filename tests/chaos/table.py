"""``python -m tests.chaos.table run1.json run2.json``: the reports of several runs added up.

``make chaos ARGS='--save run1.json'`` keeps one.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bus.failpoints import POINTS
from tests.chaos.report import bound

ENOUGH = 30
"""How often each failpoint is to be hit before the table says enough of it."""


def added_up(files: Iterable[Path]) -> str:
    """Return the table of the reports."""
    reports = [json.loads(file.read_text()) for file in files]
    injections, hits = _summed(reports, "injections"), _summed(reports, "hits")
    breaches = sum(len(report["breaches"]) for report in reports)
    lines = [*map(_run, reports), "", f"{'injections':<58}{'n':>7}{'95 % bound':>12}"]
    lines += [f"{name:<58}{count:>7}{bound(count):>12.2%}" for name, count in sorted(injections.items())]
    lines += [f"{'all':<58}{injections.total():>7}{bound(injections.total()):>12.2%}", ""]
    lines += _by_broker(reports)
    lines += [f"{'failpoints':<58}{'deaths':>7}"]
    lines += [f"{point:<58}{hits[point]:>7}" for point in POINTS]
    few = [point for point in POINTS if hits[point] < ENOUGH]
    lines += [
        f"{len(few)} of {len(POINTS)} points were hit fewer than {ENOUGH} times, {hits.total()} deaths in all",
        "",
    ]
    lines += [f"{breaches} breach{'' if breaches == 1 else 'es'} in {len(reports)} runs"]
    return "\n".join(lines)


def _summed(reports: list[dict[str, Any]], what: str) -> Counter[str]:
    return sum((Counter(report[what]) for report in reports), Counter())


def _by_broker(reports: list[dict[str, Any]]) -> list[str]:
    """Return how much of it was about the accounts of each broker; nothing where the reports do not say."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for broker, row in (pair for report in reports for pair in report.get("brokers", {}).items()):
        sums[broker] += Counter({name: row[name] for name in ("injections", "orders", "fills")})
    rows = [f"{broker:<14}{row['injections']:>12}{row['orders']:>9}{row['fills']:>8}" for broker, row in sums.items()]
    return [f"{'broker':<14}{'injections':>12}{'orders':>9}{'fills':>8}", *sorted(rows), ""] if rows else []


def _run(report: dict[str, Any]) -> str:
    wire, totals = report["wire"].get("orders on the wire", 0), report["totals"]
    return (
        f"seed {report['seed']}, scenario {report['scenario']}, build {report['build']}: {report['seconds']:.0f} s,"
        f" {report['traffic'].get('alerts', 0)} alerts, {totals.get('intents', 0)} intents, {wire} orders on the wire,"
        f" {sum(report['injections'].values())} injections, {len(report['breaches'])} breaches"
        + (f", DID NOT WORK: {report['broken']}" if report["broken"] else "")
    )


if __name__ == "__main__":
    print(added_up(map(Path, sys.argv[1:])))
