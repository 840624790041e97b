"""The invariants that hold at any instant, whatever dies (I1-I4, I7, I8, I10-I14, I16-I20)."""

from domain.invariants import ledger_rules, wire_rules
from domain.invariants.checks import Check
from domain.invariants.evidence import Breach, Evidence
from domain.invariants.view import View
from domain.orders import IntentKind

SAFETY = (
    Check("I1", wire_rules.tag_once, "orders on the wire", lambda view: len(view.places), needs_ledger=True),
    Check("I2", ledger_rules.one_intent_per_signal, "entries", lambda view: _intents(view, IntentKind.ENTRY)),
    Check(
        "I4",
        wire_rules.committed_before_arrival,
        "orders on the wire",
        lambda view: len(view.places),
        needs_ledger=True,
    ),
    Check("I7", ledger_rules.exits_within_position, "legs", lambda view: len(view.legs)),
    Check("I8", ledger_rules.one_open_exit, "exits", lambda view: _intents(view, IntentKind.EXIT)),
)


def _intents(view: View, kind: IntentKind) -> int:
    return sum(one.kind == kind for one in view.intents)


def check_safety(evidence: Evidence) -> list[Breach]:
    """Return every violation of what must hold at any instant, in a fixed order."""
    view = View(evidence)
    return sorted({breach for check in SAFETY if check.can_run(view) for breach in check.rule(view)})
