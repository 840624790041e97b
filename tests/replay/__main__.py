"""``make replay``: the recorded expiry day of 18 August 2026 through the real processes, checked to the paisa.

``SPEED=120`` (or ``--speed``) plays the quiet hours faster or slower than 60 times. Exits 0 when every figure is right,
1 on any difference, and 0 with a word where the shared recording is absent.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from launch.problems import LaunchError
from tests.replay import expected
from tests.replay.day import HELD, STOPPED, ReplayFailed, play, say
from tests.replay.table import print_table, rows_of

ACCOUNTS = 5
SPEEDS = (1.0, 120.0)
ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Play and compare."""
    recording = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "fixtures" / expected.RECORDING
    speed = _speed()
    if not recording.exists():
        print(f"skipped: the recording {expected.RECORDING} is not on this machine, so there is nothing to replay")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _replay(recording, speed)
    except (LaunchError, ReplayFailed) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 128 + signal.SIGINT


def _speed() -> float:
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("--speed", type=float, default=os.environ.get("SPEED") or 60.0)
    speed: float = parser.parse_args().speed
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        parser.error(f"the speed must lie between {SPEEDS[0]:g} and {SPEEDS[1]:g}: a minute must last half a second")
    return speed


def _replay(recording: Path, speed: float) -> int:
    prices = expected.read_prices(recording)
    trades = {HELD: expected.held(prices), STOPPED: expected.stopped(prices)}
    rows = rows_of(play(recording, trades, speed=speed), trades, accounts=ACCOUNTS)
    print_table(rows)
    wrong = sum(not row.is_right for row in rows)
    print(f"\n{len(rows)} rows, {wrong} different." if wrong else f"\n{len(rows)} rows, all as recorded.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
