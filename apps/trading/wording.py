"""An order's state in words: the same on the pages and in the API. What nobody knows is never called failed."""

from django.db import models

from domain.orders import OrderStatus


class OrderWords(models.TextChoices):
    """Every state of an order as people read it."""

    PENDING = OrderStatus.PENDING, "Queued"
    SUBMITTED = OrderStatus.SUBMITTED, "Sent"
    UNKNOWN = OrderStatus.UNKNOWN, "Checking with the broker"
    PARKED = OrderStatus.PARKED, "Still checking with the broker"
    OPEN = OrderStatus.OPEN, "Open"
    TRIGGER_PENDING = OrderStatus.TRIGGER_PENDING, "Trigger pending"
    PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED, "Partly filled"
    FILLED = OrderStatus.FILLED, "Filled"
    CANCELLED = OrderStatus.CANCELLED, "Cancelled"
    REJECTED = OrderStatus.REJECTED, "Rejected by the broker"
    EXPIRED = OrderStatus.EXPIRED, "Expired"
    DENIED = OrderStatus.DENIED, "Not sent"
    ABORTED = OrderStatus.ABORTED, "Not sent, too late"
    ABSENT = OrderStatus.ABSENT, "Never reached the broker"


CHECKING = (OrderStatus.UNKNOWN, OrderStatus.PARKED)
"""The states in which nobody knows yet what became of an order."""

_ADVICE = {
    OrderStatus.UNKNOWN: (
        "The broker's answer did not arrive, so its order book is read until the order is found or proved absent. "
        "It is not sent again meanwhile, and other exits go on."
    ),
    OrderStatus.PARKED: (
        "The broker's books have not shown what became of it. Look in your broker's own app for an order with this tag "
        "and tell your operator what you see; do not place it again before. It is still searched for."
    ),
}


def status_text(status: str) -> str:
    """Return an order's state in words."""
    return str(OrderWords(status).label)


def advice(status: str) -> str:
    """Return what happens, and what the person can do, about an order being checked; empty for others."""
    return _ADVICE.get(OrderStatus(status), "")


OUTSIDE = "Placed outside the platform"
"""What an order in the broker's book that is not ours is called."""
