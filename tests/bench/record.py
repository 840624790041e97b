"""Keeps and prints benchmark figures: one JSON line each in ``tests/bench/history.jsonl``.

A line holds bench, figure, value, unit, floor (the bare cost measured in the same run, ``null`` where there is none),
target, ratio (value over floor), commit, machine and at. Ratios within one run count; absolute values drift with the
machine. ``HISTORY`` names another file for what is measured beside other work and not to be kept.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


def history_file() -> Path:
    """Return where figures are kept."""
    return Path(os.environ.get("HISTORY") or Path(__file__).with_name("history.jsonl"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; ``floor`` is in the same unit."""

    bench: str
    figure: str
    value: float
    unit: str
    floor: float | None = None
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure as a multiple of its floor."""
        return self.value / self.floor if self.floor else None


def record(figures: Iterable[Figure]) -> None:
    """Print the figures as a table and append them to the history."""
    figures = list(figures)
    print_table(figures)
    facts = {"commit": commit(), "machine": machine(), "at": datetime.now(tz=UTC).isoformat(timespec="seconds")}
    with history_file().open("a", encoding="utf-8") as lines:
        for figure in figures:
            lines.write(json.dumps(as_row(figure) | facts) + "\n")


def as_row(figure: Figure) -> dict[str, object]:
    """Return the figure's part of its line."""
    row: dict[str, object] = asdict(figure)
    row["value"] = _short(figure.value)
    row["floor"] = None if figure.floor is None else _short(figure.floor)
    row["ratio"] = None if figure.ratio is None else _short(figure.ratio)
    return row


def print_table(figures: Iterable[Figure]) -> None:
    """Print one line per figure: value, floor, ratio, target."""
    print(_line("bench", "figure", "value", "unit", "floor", "ratio", "target"))
    for figure in figures:
        floor = "" if figure.floor is None else f"{_short(figure.floor):,}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        value = f"{_short(figure.value):,}"
        print(_line(figure.bench, figure.figure, value, figure.unit, floor, ratio, figure.target))


def _line(bench: str, figure: str, value: str, unit: str, floor: str, ratio: str, target: str) -> str:
    return f"{bench:<10} {figure:<48} {value:>12} {unit:<10} {floor:>12} {ratio:>7}  {target}".rstrip()


def commit() -> str:
    """Return the short commit, marked when the tree differs from it."""
    described = _git("describe", "--always", "--dirty", "--exclude", "*")
    return described or "unknown"


def machine() -> str:
    """Return processor, cores and Python in one line."""
    return f"{_processor()} x{os.cpu_count()} {platform.system()} Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _short(value: float) -> float:
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
