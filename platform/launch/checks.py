"""`make check`: every check that needs no server, side by side, output shown only on failure."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from launch.problems import BadSetting
from launch.settings import Settings

# mypy is half of the work: it runs beside all the others.
PARALLEL = 2
# What the production settings insist on; no server is reached with any of it.
PRETENDED = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "checked-at-deployment-only-" + "k3v9-" * 10,
    "MASTER_KEY": base64.b64encode(bytes(range(32))).decode(),
    "METRICS_TOKEN": "checked-at-deployment-only",
    "ALLOWED_HOSTS": "trading.example.com",
    "BASE_URL": "https://trading.example.com",
    "LIVE_URL": "wss://trading.example.com/ws/live/",
    "DATABASE_URL": "postgres://app@localhost/vayda",
    "REDIS_URL": "redis://localhost:6379",
}


@dataclass(frozen=True)
class Outcome:
    """How one check went."""

    name: str
    code: int
    output: str
    seconds: float


def commands(settings: Settings) -> dict[str, list[str]]:
    """Return each check's command line, the slowest first."""
    programs = settings.bin_dir
    manage = [str(programs / "python"), "manage.py"]
    return {
        "types": [str(programs / "mypy")],
        "deploy": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "contracts": [str(programs / "lint-imports")],
        "lint": [str(programs / "ruff"), "check", "."],
        "format": [str(programs / "ruff"), "format", "--check", "."],
        "layout": [str(programs / "python"), "-m", "launch.layout"],
    }


def check(settings: Settings, names: Sequence[str]) -> int:
    """Run the named checks, or all; prints a line each and returns 1 when any failed."""
    known = commands(settings)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadSetting(f"No check named {', '.join(unknown)}; there are {', '.join(known)}.")
    chosen = {name: command for name, command in known.items() if not names or name in names}
    with ThreadPoolExecutor(PARALLEL) as pool:
        outcomes = list(pool.map(lambda item: _run(settings, *item), chosen.items()))
    return 0 if all(outcome.code == 0 for outcome in outcomes) else 1


def _run(settings: Settings, name: str, command: list[str]) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=settings.root,
        env=os.environ | PRETENDED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    outcome = Outcome(name, done.returncode, done.stdout, time.monotonic() - started)
    _report(outcome)
    return outcome


def _report(outcome: Outcome) -> None:
    verdict = "ok" if outcome.code == 0 else "FAILED"
    body = f"\n{outcome.output.rstrip()}" if outcome.code else ""
    print(f"{verdict:<7} {outcome.name:<11} {outcome.seconds:5.1f} s{body}", flush=True)
