"""The brokers' side of the evidence: what reached them and what they then held, as the simulator's ledger tells it.

Units, prices and clocks are those of ``evidence``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Call(StrEnum):
    """What an order call asked for."""

    PLACE = "PLACE"
    MODIFY = "MODIFY"
    CANCEL = "CANCEL"


class Answer(StrEnum):
    """What became of a call on the broker's side, whatever the caller was told."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"  # lost before the broker saw it
    PENDING = "PENDING"  # arrived; no decision is recorded


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One order call as it arrived at a broker; ``line`` is its place in the ledger, which tells arrivals apart."""

    line: int
    at: datetime
    market_at: datetime
    broker: str
    client_id: str
    call: Call
    answer: Answer = Answer.ACCEPTED
    tag: str = ""
    exchange: str = ""
    symbol: str = ""
    side: str = ""
    quantity: int = 0
    broker_order_id: str = ""


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order the broker accepted. ``is_manual``: given in the broker's own app; ``is_rejected``: afterwards, by the
    exchange. ``line`` is that of the acceptance, ``ended_line`` of its cancel or rejection, if any."""

    line: int
    at: datetime
    broker: str
    client_id: str
    broker_order_id: str
    tag: str
    exchange: str
    symbol: str
    side: str
    quantity: int
    is_manual: bool = False
    is_rejected: bool = False
    ended_line: int | None = None

    @property
    def owner(self) -> tuple[str, str, str]:
        """What an order is known by at the brokers."""
        return self.broker, self.client_id, self.broker_order_id


@dataclass(frozen=True, slots=True)
class BookFill:
    """An execution at the broker."""

    line: int
    at: datetime
    broker: str
    client_id: str
    broker_order_id: str
    exchange_trade_id: str
    exchange: str
    symbol: str
    side: str
    quantity: int
    price: Decimal

    @property
    def owner(self) -> tuple[str, str, str]:
        """What its order is known by at the brokers."""
        return self.broker, self.client_id, self.broker_order_id


@dataclass(frozen=True, slots=True)
class BrokerBook:
    """What the brokers held."""

    orders: tuple[BookOrder, ...] = ()
    fills: tuple[BookFill, ...] = ()
