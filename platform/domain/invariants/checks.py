"""A rule with its name: what it runs on, and what it counts as looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.invariants.evidence import Breach
from domain.invariants.view import View

Rule = Callable[[View], Iterator[Breach]]
Count = Callable[[View], int]


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant; without the ledger ``rule`` is not run when ``needs_ledger``, and ``partly`` says what is then
    missing of a rule that runs all the same."""

    invariant: str
    rule: Rule
    objects: str
    count: Count
    needs_ledger: bool = False
    partly: str = ""

    def can_run(self, view: View) -> bool:
        """Whether the evidence it needs is there."""
        return not self.needs_ledger or has_ledger(view)


def has_ledger(view: View) -> bool:
    """Whether the brokers' side was read."""
    return view.evidence.wire is not None and view.evidence.book is not None
