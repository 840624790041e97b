"""What a paper account owns, and the protocol of the book that keeps it. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from domain.orders import OrderStatus, OrderType, Side, Validity

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order in the paper book. Quantities in units, times aware.

    ``matched_at`` is the time of the last price the order was matched against: one price is used once.
    """

    order_id: str
    client_order_id: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    product: str
    order_type: OrderType
    validity: Validity
    price: Decimal
    trigger_price: Decimal
    status: OrderStatus
    placed_at: datetime
    updated_at: datetime
    filled_quantity: int = 0
    filled_value: Decimal = ZERO
    is_triggered: bool = False
    matched_at: datetime | None = None
    modifications: int = 0
    reason: str = ""

    @property
    def average_price(self) -> Decimal:
        """Mean price of the fills, exact; 0 before the first."""
        return self.filled_value / self.filled_quantity if self.filled_quantity else ZERO


@dataclass(frozen=True, slots=True)
class PaperFill:
    """An execution in the paper book."""

    trade_id: str
    order_id: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class PaperPosition:
    """Net position of one instrument and product; ``last_price`` is that of the last fill."""

    exchange: str
    symbol: str
    product: str
    quantity: int
    average_price: Decimal
    last_price: Decimal
    multiplier: Decimal
    realized: Decimal = ZERO

    @property
    def key(self) -> "PositionKey":
        """What positions are netted by."""
        return self.exchange, self.symbol, self.product


PositionKey = tuple[str, str, str]
"""(exchange, symbol, product)."""


@dataclass(frozen=True, slots=True)
class PaperState:
    """A whole book. ``version`` counts the changes applied to it; ``cash`` holds realised profits and losses.

    ``fills`` may be cut to the current day by the store; resting orders and positions never are.
    """

    cash: Decimal
    version: int = 0
    orders: Mapping[str, PaperOrder] = field(default_factory=dict)
    fills: tuple[PaperFill, ...] = ()
    positions: Mapping[PositionKey, PaperPosition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookChange:
    """One atomic step from version ``base_version`` to the next.

    ``orders`` and ``positions`` are whole rows, new or replaced; ``fills`` are new; ``cash`` is the balance.
    """

    base_version: int
    cash: Decimal
    orders: tuple[PaperOrder, ...] = ()
    fills: tuple[PaperFill, ...] = ()
    positions: tuple[PaperPosition, ...] = ()


class StaleBook(Exception):
    """Somebody else changed the book meanwhile: read it again and decide anew. Nothing was saved."""


class BookUnavailable(Exception):
    """The book could not be read or saved; whether a change was saved is not known."""


class PaperBook(Protocol):
    """Where one paper account's book is kept; it survives the process."""

    async def load(self) -> PaperState:
        """Return the book; raises ``BookUnavailable``."""
        ...

    async def apply(self, change: BookChange) -> None:
        """Save all of the change or nothing, durably, before returning.

        Raises ``StaleBook`` unless the book stands at ``change.base_version``, and ``BookUnavailable``.
        """
        ...


def applied(state: PaperState, change: BookChange) -> PaperState:
    """Return the book after a change; raises ``StaleBook``. Stores that keep whole books use it too."""
    if state.version != change.base_version:
        raise StaleBook(f"the book is at version {state.version}, the change at {change.base_version}")
    return replace(
        state,
        cash=change.cash,
        version=state.version + 1,
        orders=MappingProxyType({**state.orders, **{order.order_id: order for order in change.orders}}),
        fills=(*state.fills, *change.fills),
        positions=MappingProxyType({**state.positions, **{one.key: one for one in change.positions}}),
    )


class MemoryBook:
    """A book that lives as long as the process: for back-tests."""

    def __init__(self, *, cash: Decimal) -> None:
        self._state = PaperState(cash=cash)

    async def load(self) -> PaperState:
        """Return the book."""
        return self._state

    async def apply(self, change: BookChange) -> None:
        """Apply the change; raises ``StaleBook``."""
        self._state = applied(self._state, change)
