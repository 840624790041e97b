"""Every benchmark, one after the other, and one table at the end: what ``make bench`` runs.

``python -m tests.bench.run [NAME ...] [VARIABLE=VALUE ...]`` with names of ``BENCHES`` or ``soak``, which runs when
asked for (``MINUTES``, 20 unless said otherwise); variables are put into the environment. Each runs as a process of its
own, on servers or a whole installation that are started for it and gone afterwards; one that fails does not keep the
others from running. The table is what they appended to ``tests/bench/history.jsonl``.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from launch import processes, testserver
from launch.settings import ROOT
from tests.bench.record import history_file

PURE = (
    "engine",
    "feed_decode",
    "noren_decode",
    "hsm_decode",
    "sfeed_decode",
    "ibkr_decode",
    "binance_decode",
    "mastertrust_decode",
    "upstox_decode",
    "mt5_decode",
)
ON_SERVERS = ("ticks", "webhook", "live")
ON_INSTALLATION = ("wave", "exit_latency", "square_off", "login_wave", "restart", "memory")
BENCHES = (*PURE, *ON_SERVERS, *ON_INSTALLATION)
WHEN_ASKED = ("soak",)

_TARGET = re.compile(r"(?P<way>[<>]?)=? ?(?P<bound>[\d,.]+) ?(?P<unit>.*)")

Row = Mapping[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all; returns 0 when each of them came to its end."""
    names = [argument for argument in arguments if "=" not in argument]
    known = (*BENCHES, *WHEN_ASKED)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"No benchmark named {', '.join(unknown)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    os.environ.update(argument.split("=", 1) for argument in arguments if "=" in argument)
    start = history_file().stat().st_size if history_file().exists() else 0
    failed = [name for name in names or BENCHES if run(name) != 0]
    print_table(appended(start))
    for name in failed:
        print(f"{name} did not come to its end.", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> int:
    """Run one benchmark with what it needs; returns its exit status."""
    print(f"--- {name}", flush=True)
    if name in (*ON_INSTALLATION, *WHEN_ASKED):
        return _run(["tests.bench.installation", name], {})
    if name in PURE:
        return _run([f"tests.bench.{name}"], {})
    with testserver.running() as servers:
        return _run([f"tests.bench.{name}"], servers.environ | processes.marker(servers.state_dir))


def _run(module: Sequence[str], environ: Mapping[str, str]) -> int:
    complete = os.environ | testserver.python_path() | dict(environ)
    return subprocess.run([sys.executable, "-m", *module], cwd=ROOT, env=complete, check=False).returncode


def appended(start: int) -> list[dict[str, Any]]:
    """Return the rows of the history from a byte on."""
    if not history_file().exists():
        return []
    with history_file().open("rb") as lines:
        lines.seek(start)
        return [json.loads(line) for line in lines]


def print_table(rows: Iterable[Row]) -> None:
    """Print every figure beside its floor and its target."""
    print(f"\n{'':<10} {'figure':<52} {'value':>12} {'unit':<12} {'floor':>12} {'ratio':>7}  {'target':<18} met")
    for row in rows:
        floor, ratio = (f"{row[key]:,}" if row[key] is not None else "" for key in ("floor", "ratio"))
        value, target = f"{row['value']:,}", row.get("target", "")
        print(
            f"{row['bench']:<10} {row['figure']:<52} {value:>12} {row['unit']:<12} {floor:>12} {ratio:>7}  "
            f"{target:<18} {verdict(row)}".rstrip()
        )


def verdict(row: Row) -> str:
    """Return yes or no; nothing where no target is set. A target with a decimal point bounds the ratio.

    Without a sign, milliseconds are to stay below the target and everything else above it.
    """
    found = _TARGET.match(row.get("target", ""))
    if found is None:
        return ""
    measured = row["ratio"] if "." in found["bound"] else row["value"]
    bound = float(found["bound"].replace(",", ""))
    is_most = found["way"] == "<" or (not found["way"] and found["unit"] == "ms")
    return "yes" if (measured <= bound if is_most else measured >= bound) else "no"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
