"""This installation's own secrets: made once, kept in one file only its user can read."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from launch.problems import BadSetting

FILE_NAME = "secrets.env"
MASTER_KEY_BYTES = 32
MAKERS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "MASTER_KEY": lambda: base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode(),
    "METRICS_TOKEN": lambda: secrets.token_urlsafe(24),
    "FLOWER_AUTH": lambda: f"ops:{secrets.token_urlsafe(18)}",
}


def load_or_make(state_dir: Path) -> dict[str, str]:
    """Return every secret by name; a missing one is made and written, an existing one is never changed."""
    path = state_dir / FILE_NAME
    known = _read(path)
    missing = {name: make() for name, make in MAKERS.items() if not known.get(name)}
    if missing:
        _write(path, known | missing)
    return known | missing


def load_shared(state_dir: Path, *, given: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets of an installation on another machine; raises BadSetting without its MASTER_KEY.

    Those given in the environment come before those of a copied file; what only the other machine needs is made up.
    """
    known = _read(state_dir / FILE_NAME) | {name: given[name] for name in MAKERS if given.get(name)}
    if not known.get("MASTER_KEY"):
        raise BadSetting("MASTER_KEY must be the installation's own: set it, or copy its secrets.env into STATE_DIR.")
    return {name: make() for name, make in MAKERS.items()} | known


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def _write(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file whole and durably: losing MASTER_KEY would lose every stored credential."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
