"""What a look at the evidence covered: per invariant how much was looked at, what was found, what could not be seen."""

from dataclasses import dataclass
from datetime import datetime

from domain.invariants.checks import Check, run
from domain.invariants.evidence import Breach, Evidence
from domain.invariants.liveness import LIVENESS
from domain.invariants.safety import SAFETY
from domain.invariants.view import View

TITLES = {
    "I1": "every tag is on the wire at most once",
    "I2": "one entry per signal, account and leg",
    "I3": "no more accepted than intended, one unresolved order per slice",
    "I4": "committed before it is sent, and sent as written",
    "I5": "every order is resolved in time, or somebody was told",
    "I6": "no exit is lost",
    "I7": "no order of ours takes a position through zero",
    "I8": "one open exit per leg",
    "I9": "no position stands unwatched",
    "I10": "only the leader sends",
    "I11": "paper stays off the wire, live needs a session and its mode",
    "I12": "nothing is entered under a halt",
    "I13": "at most ten order calls a second",
    "I14": "whole lots, below the freeze quantity",
    "I15": "our books are the broker's",
    "I16": "the books add up and only move forward",
    "I17": "one tenant from signal to wire",
    "I18": "every state is told in the audit trail",
    "I19": "nothing is sent outside its session and time",
    "I20": "one build",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant over one evidence: ``checked`` are objects looked at, in words; ``missing`` says what was not, and
    why, "" when all was."""

    invariant: str
    title: str
    checked: str
    breaches: tuple[Breach, ...]
    missing: str


def survey(evidence: Evidence, *, at: datetime, calm_since: datetime | None = None) -> list[Finding]:
    """Run every check and return one finding per invariant, in the order of their numbers."""
    view = View(evidence, at=at, calm_since=calm_since)
    checks = (*SAFETY, *LIVENESS)
    return [_finding(name, [one for one in checks if one.invariant == name], view) for name in TITLES]


def _finding(name: str, checks: list[Check], view: View) -> Finding:
    ran = [one for one in checks if one.can_run(view)]
    return Finding(
        invariant=name,
        title=TITLES[name],
        checked=", ".join(f"{one.count(view)} {one.objects}" for one in ran),
        breaches=tuple(run(ran, view)),
        missing="; ".join(_missing(one, view) for one in checks if not one.can_run(view)),
    )


def _missing(check: Check, view: View) -> str:
    return f"{check.objects}: {check.obstacle(view)}"


def unchecked(evidence: Evidence) -> list[str]:
    """Return one line per invariant, or half of one, that this evidence cannot show."""
    view = View(evidence)
    return [f"{one.invariant}: {_missing(one, view)}" for one in (*SAFETY, *LIVENESS) if not one.can_run(view)]
