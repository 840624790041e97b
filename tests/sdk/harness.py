"""Runs an SDK nobody here wrote, in an environment of its own, against the simulated exchange.

An SDK is a folder here: ``requirements.in``, the ``requirements.txt`` locked from it with hashes, and ``journey.py``
(tests that use ``shared/steps.py``). Environments are kept under ``.venv-sdk`` (or SDK_VENVS) and made again when the
lock changes.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launch import bootstrap
from tests.sdk.shared.steps import STEPS
from tests.shared import ROOT
from tests.simulated import simulated_exchange

HERE = Path(__file__).parent
PATIENCE = 600


@dataclass(frozen=True, slots=True)
class Result:
    """One journey: which steps were done (``pass``, ``fail``), which the SDK cannot do and why."""

    name: str
    code: int
    done: Mapping[str, str] = field(default_factory=dict)
    cannot: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """Return every SDK with a journey."""
    return sorted(path.parent.name for path in HERE.glob("*/journey.py"))


def environment(name: str) -> Path:
    """Return the SDK's environment, made when it is absent or not of this lock; raises ``bootstrap.InstallError``."""
    venv = Path(os.environ.get("SDK_VENVS") or ROOT / ".venv-sdk") / name
    lock = HERE / name / "requirements.txt"
    mark = venv / ".installed"
    if mark.exists() and mark.read_text() == _stamp(lock):
        return venv
    bootstrap.make_venv(venv)
    label = f"{name}: installing {len(bootstrap.packages(lock))} locked packages"
    uv = bootstrap.find_uv(Path(sys.prefix))
    if not (uv and bootstrap.run(bootstrap.uv_command(uv, venv, [lock]), f"{label} (uv)", check=False)):
        bootstrap.run(bootstrap.pip_command(venv, [lock]), f"{label} (pip)")
    mark.write_text(_stamp(lock))
    return venv


def _stamp(lock: Path) -> str:
    return hashlib.sha256(repr(sys.version_info[:3]).encode() + lock.read_bytes()).hexdigest()


def run(name: str, arguments: Sequence[str] = ()) -> Result:
    """Run one journey against an exchange of its own and return what became of it."""
    python = bootstrap.python_of(environment(name))
    with tempfile.TemporaryDirectory(prefix=f"sdk-{name}-") as text:
        folder = Path(text)
        with simulated_exchange(folder, clients=6) as url:
            code = _journey(python, name, url, folder, arguments)
        report = folder / "report.json"
        told = json.loads(report.read_text()) if report.exists() else {}
    return Result(name, code, told.get("done", {}), told.get("cannot", {}))


def _journey(python: Path, name: str, url: str, folder: Path, arguments: Sequence[str]) -> int:
    """Run the journey with its SDK's Python, in a folder of its own: some SDKs write log files where they stand."""
    shared = HERE / "shared"
    command = [str(python), "-m", "pytest", "-q", "-c", str(shared / "pytest.ini"), "-p", "steps", *arguments]
    done = subprocess.run(
        [*command, str(HERE / name / "journey.py")],
        cwd=folder,
        env=_environ()
        | {"PYTHONPATH": str(shared), "EXCHANGE_URL": url, "JOURNEY_REPORT": str(folder / "report.json")},
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode


def _environ() -> dict[str, str]:
    """Ours without what would lead an SDK's Python to our packages; SDKs that show naive times show Indian ones."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO", "VIRTUAL"))}
    return ours | {"TZ": "Asia/Kolkata", "PYTHONDONTWRITEBYTECODE": "1"}


def table(results: Sequence[Result]) -> str:
    """Return steps by SDKs."""
    lines = [f"| step | {' | '.join(one.name for one in results)} |", f"|---|{'---|' * len(results)}"]
    for step in STEPS:
        cells = [one.done.get(step) or one.cannot.get(step) or "missing" for one in results]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)
