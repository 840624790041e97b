"""An order's status in the words most of India's order systems share, in ours. Pure."""

from collections.abc import Mapping, Set
from types import MappingProxyType

from brokers.rows import MalformedRow
from domain.orders import OrderStatus, OrderType

FINAL: Mapping[str, OrderStatus] = MappingProxyType(
    {
        "complete": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "cancelled after market order": OrderStatus.CANCELLED,
        "rejected": OrderStatus.REJECTED,
    }
)
WORKING = frozenset(
    {
        "open",
        "modified",
        "not modified",
        "not cancelled",
        "trigger pending",
        "put order req received",
        "validation pending",
        "open pending",
        "modify pending",
        "modify validation pending",
        "cancel pending",
        "amo req received",
        "after market order req received",
        "modify after market order req received",
    }
)
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})


def spoken(text: str) -> str:
    """Return a status as the tables write it: small letters, one blank between words."""
    return " ".join(text.lower().replace("_", " ").split())


def status_of(
    text: str,
    order_type: OrderType,
    *,
    filled: int,
    quantity: int,
    final: Mapping[str, OrderStatus] = FINAL,
    working: Set[str] = WORKING,
) -> OrderStatus:
    """Return the normalised status; raises ``MalformedRow`` for one in neither table, and for a part that is all.

    A transient status ("modify pending", "modified") says nothing about a stop having triggered, so a stop order waits
    until "open" or a fill is shown.
    """
    raw = spoken(text)
    if raw in final:
        return _final(text, final[raw], filled=filled, quantity=quantity)
    if raw not in working:
        raise MalformedRow(f"status {text!r} is not known")
    if filled:
        return OrderStatus.PARTIALLY_FILLED
    untriggered = raw == "trigger pending" or (raw != "open" and order_type in _STOPS)
    return OrderStatus.TRIGGER_PENDING if untriggered else OrderStatus.OPEN


def _final(text: str, status: OrderStatus, *, filled: int, quantity: int) -> OrderStatus:
    if status is OrderStatus.FILLED and filled != quantity:
        raise MalformedRow(f"status {text!r} with {filled} of {quantity} filled")
    return status
