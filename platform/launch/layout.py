"""The layout rules, looked up in the files: an import inside a test process would prove nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from launch.settings import ROOT


def faults(root: Path) -> Iterator[str]:
    """Yield each broken rule in words."""
    if (root / "platform" / "__init__.py").exists():
        yield "platform/__init__.py shadows Python's own `platform` module"
    if (root / "tests" / "platform").exists():
        yield "tests/platform shadows Python's own `platform` module under pytest"
    if (root / "workers" / "signal.py").exists():
        yield "workers/signal.py is one letter from a standard module: the queue's file is signals.py"
    yield from (
        f"platform/{name} bears the name of a standard module"
        for name in sorted(_children(root / "platform") & sys.stdlib_module_names)
    )


def _children(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}


def main() -> int:
    """Print the faults; returns 1 when there are any."""
    found = list(faults(ROOT))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
