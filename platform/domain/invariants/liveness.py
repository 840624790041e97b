"""The invariants that hold once faults have stopped and the platform had time to heal (I5, I6, I9, I15)."""

from datetime import datetime

from domain.invariants.checks import Check
from domain.invariants.evidence import Breach, Evidence
from domain.invariants.view import View

LIVENESS: tuple[Check, ...] = ()


def check_liveness(evidence: Evidence, *, at: datetime) -> list[Breach]:
    """Return every violation of what must have come about by ``at`` (wall), in a fixed order."""
    view = View(evidence, at=at)
    return sorted({breach for check in LIVENESS if check.can_run(view) for breach in check.rule(view)})
