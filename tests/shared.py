"""Where the shared test input is, and an honest skip where it is not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_path(relative: str) -> Path:
    """Return a file of the shared fixtures; skip the test, saying why, where the folder is absent."""
    base = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "fixtures"
    path = base / relative
    if not path.exists():
        pytest.skip(f"shared test input {relative} is not on this machine")
    return path
