"""Bringing the database and the static files up to date, skipping what a stamp proves to be done."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from launch import postgres_server
from launch.logfiles import last_lines
from launch.problems import PreparationFailed
from launch.settings import Settings

STAMPS = "prepared.json"
SHOWN_LINES = 25


@dataclass(frozen=True)
class Manage:
    """How to call manage.py: with the product's environment, its output in a log file of its own."""

    settings: Settings
    environ: Mapping[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one command; `finish` must follow."""
        with self._log(arguments[0]).open("wb") as output:
            return subprocess.Popen(
                [str(self.settings.bin_dir / "python"), "manage.py", *arguments],
                cwd=self.settings.root,
                env=dict(self.environ) | {"VAYDA_PROCESS": "manage"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def finish(self, child: subprocess.Popen[bytes], command: str) -> None:
        """Wait for it; raises PreparationFailed with the end of its output."""
        try:
            code = child.wait()
        except BaseException:
            # Ctrl-C or SIGTERM: nothing of ours may outlive us.
            child.terminate()
            child.wait()
            raise
        if code:
            raise PreparationFailed(f"manage.py {command} failed:\n{last_lines(self._log(command), SHOWN_LINES)}")

    def run(self, *arguments: str) -> None:
        """Start one command and wait for it."""
        self.finish(self.start(*arguments), arguments[0])

    def _log(self, command: str) -> Path:
        return self.settings.log_dir / f"manage-{command}.log"


def migrate(manage: Manage, *, database_url: str) -> bool:
    """Migrate unless files and database are as after the last time; returns whether it ran."""
    settings = manage.settings
    files = _digest(settings, _migration_files(settings.root), content=True)
    stamp = _stamps(settings).get("migrations")
    if stamp == [files, postgres_server.applied_migrations(database_url)]:
        return False
    manage.run("migrate", "--no-input")
    _store(settings, "migrations", [files, postgres_server.applied_migrations(database_url)])
    return True


def start_collecting(manage: Manage) -> Callable[[], None]:
    """Begin to collect static files unless none changed since the last time; returns what waits for the end."""
    settings = manage.settings
    files = _digest(settings, sorted((settings.root / "static").rglob("*")), content=False)
    if _stamps(settings).get("static") == files and (settings.state_dir / "staticfiles").exists():
        return lambda: None
    child = manage.start("collectstatic", "--no-input", "--clear", "-v", "0")

    def finish() -> None:
        manage.finish(child, "collectstatic")
        _store(settings, "static", files)

    return finish


def seed(manage: Manage, *, output: Path, today: date) -> bool:
    """Seed unless neither the code nor the day changed since the last time; returns whether it ran."""
    settings = manage.settings
    command = f"seed_{settings.seed}"
    stamp = [_digest(settings, _sources(settings.root), content=False), today.isoformat(), command, *settings.brokers]
    if _stamps(settings).get("seed") == stamp and output.exists():
        return False
    manage.run(command, "--output", str(output))
    _store(settings, "seed", stamp)
    return True


def forget_seed(settings: Settings) -> None:
    """Make the next `seed` run: the database is not the one that was seeded."""
    _store(settings, "seed", None)


def _sources(root: Path) -> list[Path]:
    return sorted(path for home in ("apps", "platform", "workers") for path in (root / home).rglob("*.py"))


def _migration_files(root: Path) -> list[Path]:
    return sorted(path for home in ("apps", "platform") for path in (root / home).glob("**/migrations/*.py"))


def _digest(settings: Settings, files: Iterable[Path], *, content: bool) -> str:
    """Return one hash of the files and of the locked packages, which bring files of their own."""
    digest = hashlib.sha256((settings.root / "requirements" / "base.txt").read_bytes())
    for path in files:
        if path.is_file():
            digest.update(str(path.relative_to(settings.root)).encode())
            digest.update(path.read_bytes() if content else repr(_size_and_age(path)).encode())
    return digest.hexdigest()


def _size_and_age(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _stamps(settings: Settings) -> dict[str, object]:
    try:
        found = json.loads((settings.state_dir / STAMPS).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _store(settings: Settings, name: str, value: object) -> None:
    stamps = _stamps(settings) | {name: value}
    fresh = settings.state_dir / f"{STAMPS}.new"
    fresh.write_text(json.dumps(stamps))
    fresh.replace(settings.state_dir / STAMPS)
