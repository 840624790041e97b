"""What a run proved: injections per class with the bound they give, the failpoints hit, breaches or none."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bus.failpoints import POINTS

INVARIANTS = (*(f"I{number}" for number in range(1, 21)), "ALERT", "QUIET")


def bound(trials: int) -> float:
    """Return the 95 % upper bound of a chance that was never seen in so many independent trials (about 3/n)."""
    return 1 - 0.05 ** (1 / trials) if trials else 1.0


@dataclass(slots=True)
class Report:
    """Everything a reader needs to judge a run and to repeat it."""

    seed: str
    build: str
    scenario: str
    seconds: float
    shards: int
    totals: dict[str, int] = field(default_factory=dict)
    wire: dict[str, int] = field(default_factory=dict)
    brokers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By broker: its ``accounts``, ``injections`` about these, and the ``orders`` and ``fills`` that reached it."""
    traffic: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, int] = field(default_factory=dict)
    injections: dict[str, int] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    breaches: list[dict[str, Any]] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    covered: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    blind_looks: int = 0
    slowest_look: float = 0.0
    healed_seconds: float = 0.0
    left: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    notes: list[str] = field(default_factory=list)
    state_dir: str = ""

    @property
    def status(self) -> int:
        """Return the process's exit status: 1 a breach, 2 the run itself did not work."""
        return 1 if self.breaches else 2 if self.broken else 0

    def save(self, file: Path) -> Path:
        """Write it as JSON and return the file."""
        file.write_text(json.dumps(asdict(self), indent=1, default=str))
        return file

    def text(self) -> str:
        """Return the page that is printed."""
        middle = (self._placed(), self._injected(), self._failpoints(), self._judged()) if self.looks else ()
        parts = (self._head(), *middle, self._tail())
        return "\n".join(line for part in parts for line in (*part, ""))

    def _head(self) -> list[str]:
        made = ", ".join(f"{count} {name}" for name, count in (self.totals | self.wire).items())
        return [
            f"Chaos run: scenario {self.scenario}, seed {self.seed}, build {self.build}, {self.shards} shards",
            f"{self.seconds:.0f} s under fire, quiet {self.healed_seconds:.0f} s after the last fault; {made}",
            *(f"  {count} {name}" for name, count in sorted(self.traffic.items())),
            *(f"  {count} times an account {verdict}" for verdict, count in self.verdicts.items()),
            *(f"  STILL MOVING: {count} {name}" for name, count in self.left.items()),
        ]

    def _placed(self) -> list[str]:
        rows = [f"{'broker':<14}{'injections':>12}{'orders':>9}{'fills':>8}   live accounts"]
        for broker, row in sorted(self.brokers.items()):
            accounts = " ".join(row["accounts"])
            rows.append(f"{broker:<14}{row['injections']:>12}{row['orders']:>9}{row['fills']:>8}   {accounts}")
        return rows

    def _injected(self) -> list[str]:
        rows = [f"{'injections':<58}{'n':>7}{'95 % bound':>12}"]
        rows += [f"{name:<58}{count:>7}{bound(count):>12.2%}" for name, count in sorted(self.injections.items())]
        total = sum(self.injections.values())
        return [*rows, f"{'all':<58}{total:>7}{bound(total):>12.2%}"]

    def _failpoints(self) -> list[str]:
        reached = sum(1 for point in POINTS if self.hits.get(point))
        rows = [f"{'failpoints':<58}{'deaths':>7}"]
        rows += [f"{point:<58}{self.hits.get(point, 0):>7}" for point in POINTS]
        return [*rows, f"{reached} of {len(POINTS)} hit, {sum(self.hits.values())} deaths at them"]

    def _judged(self) -> list[str]:
        seen = Counter(breach["invariant"] for breach in self.breaches)
        names = [*INVARIANTS, *sorted(set(seen) - set(INVARIANTS))]
        rows = [f"{'invariant':<12}breaches   (safety looked at {self.looks} times, slowest {self.slowest_look:.1f} s)"]
        rows += [f"{name:<12}{seen[name]:>8}   {self.covered.get(name, '')}" for name in names]
        rows += [f"not checked: {what}" for what in self.not_checked]
        return rows

    def _tail(self) -> list[str]:
        broken = [f"THE RUN DID NOT WORK: {self.broken}", f"state kept in {self.state_dir}"] if self.broken else []
        if not self.breaches:
            return broken or self._sure()
        rows = [f"{len(self.breaches)} BREACHES; state kept in {self.state_dir}"]
        return [*broken, *rows, *(_line(breach) for breach in self.breaches)]

    def _sure(self) -> list[str]:
        total = sum(self.injections.values())
        return [
            f"no breach in {total} injections: below {bound(total):.2%} each with 95 % confidence, no more than that"
        ]


def _line(breach: dict[str, Any]) -> str:
    seen = f"{breach['first']:.0f}-{breach['last']:.0f} s, {breach['looks']} looks"
    return f"  {breach['invariant']} {breach['subject']}: {breach['text']}  [{seen}]"
