"""The invariants that hold once faults have stopped and the platform had time to heal (I5, I6, I9, I15)."""

from datetime import datetime

from domain.invariants import agreement_rules, attention_rules, resolution_rules
from domain.invariants.checks import Check, run
from domain.invariants.evidence import Breach, Evidence
from domain.invariants.view import View
from domain.orders import IntentKind


def _exits(view: View) -> int:
    return sum(one.kind == IntentKind.EXIT for one in view.intents)


LIVENESS = (
    Check("I5", resolution_rules.all_resolved, "orders", lambda view: len(view.orders)),
    Check("I6", attention_rules.no_exit_lost, "legs", lambda view: len(view.legs)),
    Check("I6", attention_rules.exits_under_way, "exits", _exits),
    Check("I6", attention_rules.closed_is_flat, "executions", lambda view: len(view.book_fills), needs_ledger=True),
    Check("I9", attention_rules.none_naked, "trades", lambda view: len(view.trades)),
    Check(
        "I9",
        attention_rules.engine_watches,
        "processes",
        lambda view: len(view.evidence.heartbeats),
        needs_heartbeats=True,
    ),
    Check("I15", agreement_rules.books_agree, "executions", lambda view: len(view.book_fills), needs_ledger=True),
    Check("I15", agreement_rules.money_agrees, "trades", lambda view: len(view.trades)),
)


def check_liveness(evidence: Evidence, *, at: datetime, calm_since: datetime | None = None) -> list[Breach]:
    """Return every violation of what must have come about by ``at`` (wall), in a fixed order.

    ``calm_since`` is when faults stopped (market time): from then on exits must also have been asked for within their
    two seconds. Without it only the present state is judged.
    """
    return run(LIVENESS, View(evidence, at=at, calm_since=calm_since))
