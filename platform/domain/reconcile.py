"""Our order against the broker's report of it: what changes, and nothing ever moves back."""

from dataclasses import dataclass
from decimal import Decimal

from domain.orders import FINAL, ORDER_MOVES, BrokerOrder, OrderStatus

_TERMINAL_REPORTS = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


@dataclass(frozen=True, slots=True)
class OurOrder:
    """What our row knows; ``filled_quantity`` counts recorded fills only."""

    status: OrderStatus
    broker_order_id: str
    filled_quantity: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Change:
    """What our row becomes. ``needs_fills``: the broker shows more filled than the fills we recorded."""

    status: OrderStatus
    broker_order_id: str
    average_price: Decimal
    reason: str
    needs_fills: bool

    def differs_from(self, ours: OurOrder) -> bool:
        """Whether anything is new."""
        return self.status != ours.status or self.broker_order_id != ours.broker_order_id


def compare(ours: OurOrder, report: BrokerOrder) -> Change:
    """Return the row's next state.

    A terminal state is taken over only when the recorded fills account for every unit the broker shows as filled, so
    that nothing is closed while an execution is still unread. A report older than what we know changes nothing. What
    the broker filled beyond our order (somebody changed it in its own app) is no execution of it and is not waited for.
    """
    needs_fills = min(report.filled_quantity, ours.quantity) > ours.filled_quantity
    is_full = ours.filled_quantity >= min(report.quantity, ours.quantity)
    wanted = _wanted(report, filled=ours.filled_quantity, needs_fills=needs_fills, is_full=is_full)
    status = wanted if wanted in ORDER_MOVES[ours.status] else ours.status
    return Change(
        status=status,
        broker_order_id=report.broker_order_id or ours.broker_order_id,
        average_price=report.average_price,
        reason=report.reason if status in FINAL else "",
        needs_fills=needs_fills,
    )


def _wanted(report: BrokerOrder, *, filled: int, needs_fills: bool, is_full: bool) -> OrderStatus:
    if needs_fills or (report.status is OrderStatus.FILLED and not is_full):
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.OPEN
    if report.status in _TERMINAL_REPORTS:
        return report.status
    if filled:
        return OrderStatus.PARTIALLY_FILLED
    return report.status if report.status is OrderStatus.TRIGGER_PENDING else OrderStatus.OPEN
