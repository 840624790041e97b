"""What the cases trade and watch at a broker: the Indian market, unless the broker has another."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tests.brokers.contract.contracts import CONTRACTS, WEEKLY, Contract

Key = tuple[str, str, str]
"""(exchange, kind, underlying)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Contracts of one market. ``segments`` has one of each segment of orders.

    ``liquid`` is what most cases trade (``None``: the NIFTY call nearest to the money that expires first), ``second``
    is quoted beside it, ``watched`` has prices and history, ``stopped`` is where a stop waits. ``contracts`` are
    written in the broker's master format, ``sample`` is the one that is spoilt there. ``step`` is what a unit of a
    contract is as long as no master was read.
    """

    segments: Sequence[Key]
    liquid: Key | None
    second: Key
    watched: Key
    stopped: Key
    contracts: Sequence[Contract]
    sample: Contract
    step: Decimal = Decimal(1)


INDIA = Stage(
    segments=(("NFO", "OPT", "NIFTY"), ("MCX", "FUT", "CRUDEOIL"), ("NSE", "EQ", "RELIANCE")),
    liquid=None,
    second=("MCX", "FUT", "CRUDEOIL"),
    watched=("NSE_INDEX", "INDEX", "NIFTY"),
    stopped=("NFO", "FUT", "NIFTY"),
    contracts=CONTRACTS,
    sample=WEEKLY,
)
