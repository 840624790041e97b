"""What a look at the evidence covered: per invariant how much was looked at, and what could not be."""

from domain.invariants.evidence import Evidence
from domain.invariants.liveness import LIVENESS
from domain.invariants.safety import SAFETY
from domain.invariants.view import View

NO_LEDGER = "there is no ledger of the broker's side"


def unchecked(evidence: Evidence) -> list[str]:
    """Return one line per invariant, or part of one, that this evidence cannot show."""
    view = View(evidence)
    return [f"{check.invariant}: {NO_LEDGER}" for check in (*SAFETY, *LIVENESS) if not check.can_run(view)]
