"""The simulated exchange as a process of its own, for tests that talk to a broker."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from tests.shared import ROOT

PATIENCE = 30.0


@contextmanager
def simulated_exchange(state: Path, *, clients: int, clock: str = "") -> Iterator[str]:
    """Run the exchange with some demo clients and no call limits; yields its address. ``clock`` is a MARKET_CLOCK."""
    arguments = ["--port", "0", "--state-dir", str(state), "--clients", str(clients), "--rate-limits", "off"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "MARKET_CLOCK": clock}
    log = state / "simulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "simulator", *arguments], stderr=output, env=environment)
    try:
        yield _announced(process, log)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def _announced(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = monotonic() + PATIENCE
    while process.poll() is None and monotonic() < deadline:
        found = re.search(r"simulated exchange on (http://[\d.:]+) ", log.read_text())
        if found:
            return found[1]
        sleep(0.02)
    raise AssertionError(f"the simulator did not start:\n{log.read_text()}")
