"""The invariants that hold at any instant, whatever dies (I1-I4, I7, I8, I10-I14, I16-I20)."""

from domain.invariants import book_rules, guard_rules, ledger_rules, record_rules, wire_rules
from domain.invariants.checks import Check, run
from domain.invariants.evidence import Breach, Evidence
from domain.invariants.view import View
from domain.orders import IntentKind


def _entries(view: View) -> int:
    return sum(one.kind == IntentKind.ENTRY for one in view.intents)


def _exits(view: View) -> int:
    return sum(one.kind == IntentKind.EXIT for one in view.intents)


def _claimed(view: View) -> int:
    return sum(1 for _ in guard_rules.claimed(view))


def _arrived(view: View) -> int:
    return len(view.places)


SAFETY = (
    Check("I1", wire_rules.tag_once, "orders on the wire", _arrived, needs_ledger=True),
    Check("I2", ledger_rules.one_intent_per_signal, "entries", _entries),
    Check("I3", ledger_rules.entries_within_intent, "entries", _entries),
    Check("I4", wire_rules.committed_before_arrival, "orders on the wire", _arrived, needs_ledger=True),
    Check("I7", ledger_rules.exits_within_position, "legs", lambda view: len(view.legs)),
    Check("I7", book_rules.never_crosses_zero, "executions", lambda view: len(view.book_fills), needs_ledger=True),
    Check("I8", ledger_rules.one_open_exit, "exits", _exits),
    Check("I10", wire_rules.sent_by_leader, "orders on the wire", _arrived, needs_ledger=True),
    Check("I11", wire_rules.paper_off_the_wire, "orders on the wire", _arrived, needs_ledger=True),
    Check("I11", guard_rules.signed_in_and_live, "claimed orders", _claimed),
    Check("I12", guard_rules.halted_entries_stay, "claimed orders", _claimed),
    Check("I13", wire_rules.rate_kept, "calls on the wire", lambda view: len(view.wire), needs_ledger=True),
    Check("I14", ledger_rules.whole_lots, "claimed orders", _claimed),
    Check("I16", ledger_rules.ledger_adds_up, "fills", lambda view: len(view.fills)),
    Check("I16", record_rules.only_forward, "audit entries", lambda view: len(view.audit)),
    Check("I17", record_rules.one_tenant, "orders", lambda view: len(view.orders)),
    Check("I18", record_rules.transitions_told, "orders", lambda view: len(view.orders)),
    Check("I19", guard_rules.sent_in_time, "claimed orders", _claimed),
    Check(
        "I20", record_rules.one_build, "processes", lambda view: len(view.evidence.heartbeats), needs_heartbeats=True
    ),
)


def check_safety(evidence: Evidence) -> list[Breach]:
    """Return every violation of what must hold at any instant, in a fixed order."""
    return run(SAFETY, View(evidence))
