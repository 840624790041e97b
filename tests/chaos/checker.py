"""The judge: looks at the exchange's ledger and the database, and at nothing else. Needs Django set up."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import connection
from django.db.utils import Error
from django.utils import timezone

from apps.markets.clock import market_clock
from apps.strategies.models import Signal, SignalStatus
from apps.trading.services.evidence import load_evidence
from domain.invariants import Breach, Evidence, check_liveness, check_safety, survey, unchecked
from domain.invariants.broker_side import Call
from simulator.evidence import read_ledger
from tests.chaos.traffic import Said
from tests.chaos.world import World

LOOK_SECONDS = 3.0
SHARE = 6
"""A look may take this part of the time at most: on two cores the judge must not starve the judged."""


@dataclass(slots=True)
class Found:
    """A breach, and when it was seen in seconds of the run."""

    breach: Breach
    first: float
    last: float
    looks: int = 1


@dataclass(slots=True)
class Checker:
    """Looks again and again on a connection of its own; remembers every breach it ever saw."""

    world: World
    since: datetime
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    looks: int = 0
    blind: int = 0
    slowest: float = 0.0
    not_checked: list[str] = field(default_factory=list)
    covered: dict[str, str] = field(default_factory=dict)
    wire: dict[str, int] = field(default_factory=dict)
    wire_of: dict[str, dict[str, int]] = field(default_factory=dict)
    """What reached each broker."""
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look until ended; a database that is down is looked at again later."""
        while not self.ended.is_set():
            began = time.monotonic()
            self.look()
            cost = time.monotonic() - began
            self.slowest = max(self.slowest, cost)
            self.ended.wait(max(LOOK_SECONDS, SHARE * cost))

    def look(self) -> bool:
        """Check safety once; ``False`` when the database could not be read."""
        try:
            evidence = self.evidence()
        except Error:  # the driver's word for a server that dies while it answers is not always the same
            connection.close()
            self.blind += 1
            return False
        self._note(check_safety(evidence))
        self.looks += 1
        return True

    def evidence(self) -> Evidence:
        """Read the ledger, then the database: what is on the wire must be known by then."""
        wire, book = read_ledger(self.world.ledger)
        return load_evidence(since=self.since, until=timezone.now()).with_ledger(wire, book)

    def _note(self, breaches: Iterable[Breach]) -> None:
        at = time.monotonic() - self.world.began
        for breach in breaches:
            key = (breach.invariant, breach.subject)
            known = self.found.get(key)
            if known is None:
                self.found[key] = Found(breach, at, at)
                self.world.note(f"BREACH {breach.invariant} {breach.subject}: {breach.text}")
            else:
                known.last, known.looks = at, known.looks + 1

    def conclude(self, said: Iterable[Said], *, left: Mapping[str, int], calm_since: datetime) -> None:
        """Check what must hold once all is quiet: safety once more, liveness, every alert taken, and the quiet.

        ``left`` is what still moved when the healing was over; it lasts longer than an exit may have to wait.
        """
        evidence = self.evidence()
        self._note(check_safety(evidence))
        self._note(check_liveness(evidence, at=evidence.taken_at, calm_since=market_clock().at(calm_since)))
        self._note(lost_alerts(said))
        self._note(Breach("QUIET", name, f"{count} after the healing") for name, count in left.items())
        self.not_checked = unchecked(evidence)
        self.covered = {one.invariant: one.checked for one in survey(evidence, at=evidence.taken_at)}
        self.wire, self.wire_of = _wire_totals(evidence), _wire_by_broker(evidence)
        self.looks += 1


def lost_alerts(said: Iterable[Said]) -> list[Breach]:
    """An alert that was taken is one stored signal, and somebody dealt with it."""
    breaches = []
    for one in said:
        if len(one.signals) > 1:
            breaches.append(Breach("ALERT", one.alert_id, f"became several signals: {sorted(one.signals)}"))
    named = {pk: one.alert_id for one in said for pk in one.signals}
    stored = dict(Signal.objects.filter(pk__in=named).values_list("pk", "status"))
    for pk, alert_id in named.items():
        if pk not in stored:
            breaches.append(Breach("ALERT", alert_id, f"was answered as signal {pk}, which is not stored"))
        elif stored[pk] == SignalStatus.ACCEPTED:
            breaches.append(Breach("ALERT", alert_id, f"signal {pk} was never routed"))
    return breaches


def _wire_totals(evidence: Evidence) -> dict[str, int]:
    """Return what reached the brokers."""
    wire, fills = evidence.wire or (), evidence.book.fills if evidence.book else ()
    return {"orders on the wire": sum(1 for one in wire if one.call is Call.PLACE), "fills": len(fills)}


def _wire_by_broker(evidence: Evidence) -> dict[str, dict[str, int]]:
    """Return orders and fills by broker."""
    orders = Counter(one.broker for one in evidence.wire or () if one.call is Call.PLACE)
    fills = Counter(one.broker for one in (evidence.book.fills if evidence.book else ()))
    return {broker: {"orders": orders[broker], "fills": fills[broker]} for broker in orders | fills}


def as_row(found: Found) -> dict[str, object]:
    """Return a breach for the report."""
    return {**asdict(found.breach), "first": found.first, "last": found.last, "looks": found.looks}
