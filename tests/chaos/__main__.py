"""``python -m tests.chaos --seed 7 --minutes 5 --scenario all``: the platform under fire.

Exits with 0 when nothing was breached, 1 on a breach, 2 when the run itself could not work.
"""

import argparse
import os
import secrets
import signal
import sys
from pathlib import Path

os.environ.pop("SEED", None)  # make hands its variables on, and the launcher has some of the same names
os.environ.pop("BROKERS", None)

from brokers.catalog import UnknownBroker
from bus.failpoints import POINTS
from tests.chaos.brokers import ALL, RANDOM, ZERODHA, dealt
from tests.chaos.runner import Options, run
from tests.chaos.scenarios import AT_RANDOM, SCENARIOS


def options(words: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="The platform under fire.")
    parser.add_argument("--seed", default="", help="repeats the choices of an earlier run")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long faults are injected")
    parser.add_argument("--scenario", default="all", choices=sorted(SCENARIOS))
    parser.add_argument("--brokers", default="", help=f"{RANDOM}, {ALL}, or brokers' names the accounts get in turn")
    parser.add_argument("--signals", type=int, default=0, help="end after so many alerts, if that is sooner")
    parser.add_argument("--every", type=float, default=0.0, help="mean seconds between alerts")
    parser.add_argument("--heal", type=float, default=150.0, help="seconds until all must be quiet afterwards")
    parser.add_argument("--save", default="", help="keep the report as JSON in this file (tests.chaos.table adds up)")
    parser.add_argument("--points", default="", help="kill at these failpoints alone: some are reached rarely")
    found = parser.parse_args(words)
    seed = found.seed or str(secrets.randbelow(10**6))
    every = found.every or (found.minutes * 60 / found.signals if found.signals else 2.0)
    asked = found.brokers or (RANDOM if found.scenario in AT_RANDOM else ZERODHA)
    try:
        brokers = dealt(asked, seed=seed)
    except UnknownBroker as error:
        parser.error(str(error))
    points = tuple(filter(None, found.points.split(",")))
    if strangers := sorted(set(points) - set(POINTS)):
        parser.error(f"no failpoint is called {', '.join(strangers)}")
    return Options(seed, found.scenario, found.minutes, found.signals, every, found.heal, found.save, brokers, points)


def main(words: list[str]) -> int:
    """Run, print the report, return the exit status. A polite end leaves nothing running either."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    asked = options(words)
    report = run(asked)
    if asked.save:
        report.save(Path(asked.save))
    print(report.text(), flush=True)
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
