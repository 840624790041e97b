"""A rule with its name: what it runs on, and what it counts as looked at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from domain.invariants.evidence import Breach
from domain.invariants.view import View

Rule = Callable[[View], Iterator[Breach]]
Count = Callable[[View], int]

NO_LEDGER = "there is no ledger of the brokers' side"
NO_HEARTBEATS = "no process showed life"


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant, or a half of one; ``objects`` names what ``count`` counts. Some cannot be seen without the
    brokers' side, or without processes."""

    invariant: str
    rule: Rule
    objects: str
    count: Count
    needs_ledger: bool = False
    needs_heartbeats: bool = False

    def obstacle(self, view: View) -> str:
        """Return why it cannot be seen in this evidence, "" when it can."""
        if self.needs_ledger and (view.evidence.wire is None or view.evidence.book is None):
            return NO_LEDGER
        return NO_HEARTBEATS if self.needs_heartbeats and not view.evidence.heartbeats else ""

    def can_run(self, view: View) -> bool:
        """Whether the evidence it needs is there."""
        return not self.obstacle(view)


def run(checks: Iterable[Check], view: View) -> list[Breach]:
    """Return what the checks find that can run, each breach once, in a fixed order."""
    return sorted({breach for check in checks if check.can_run(view) for breach in check.rule(view)})
