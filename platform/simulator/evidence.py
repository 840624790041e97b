"""The simulator's ledger as evidence for the invariants of order safety."""

from datetime import datetime
from pathlib import Path

from domain.invariants.broker_side import BrokerBook, WireRequest
from domain.invariants.ledger_lines import read_lines


def read_ledger(
    path: Path, *, since: datetime | None = None, until: datetime | None = None
) -> tuple[tuple[WireRequest, ...], BrokerBook]:
    """Return what arrived and what the brokers then held; of everything, or of the wall times asked for.

    A ledger that is not there yet is an empty one. Raises ``OSError`` when it cannot be read.
    """
    if not path.exists():
        return (), BrokerBook()
    with path.open("rb") as file:
        return read_lines(file, since=since, until=until)
