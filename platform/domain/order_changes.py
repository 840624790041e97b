"""Cancelling and changing one's own order by hand: what may be asked of which order, and what becomes of the asking.

Both are for entries only. An exit's order is replaced by the platform itself for as long as the position is held:
withdrawing it by hand would leave the position without a way out until the next one is made.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.orders import UNRESOLVED, WORKING, IntentKind, OrderStatus, OrderType, Side
from domain.pricing import Touch, protected_price


class RequestKind(StrEnum):
    """What is asked of an order."""

    CANCEL = "CANCEL"
    CHANGE = "CHANGE"


class RequestStatus(StrEnum):
    """A request's state. A cancel is DONE once the order carries the wish: the order's own state tells the rest."""

    WAITING = "WAITING"  # written, not sent
    SENT = "SENT"  # claimed and committed: it may be on the wire
    UNKNOWN = "UNKNOWN"  # no answer; never sent again, the book is looked at
    DONE = "DONE"  # the broker took it, or its book shows it
    REFUSED = "REFUSED"  # proved not taken: by us, or by the broker
    LOST = "LOST"  # long after the send the book still shows the order as it was
    OVERTAKEN = "OVERTAKEN"  # the order ended, or was to be cancelled, first


_R = RequestStatus
REQUEST_MOVES: dict[RequestStatus, frozenset[RequestStatus]] = {
    _R.WAITING: frozenset({_R.SENT, _R.REFUSED, _R.OVERTAKEN}),
    _R.SENT: frozenset({_R.DONE, _R.REFUSED, _R.UNKNOWN, _R.OVERTAKEN, _R.WAITING}),  # taken back, provably unsent
    _R.UNKNOWN: frozenset({_R.DONE, _R.LOST, _R.OVERTAKEN}),
    _R.DONE: frozenset(),
    _R.REFUSED: frozenset(),
    _R.LOST: frozenset(),
    _R.OVERTAKEN: frozenset(),
}
"""Legal moves of a request."""

OPEN_REQUESTS = frozenset({_R.WAITING, _R.SENT, _R.UNKNOWN})
"""States in which a change may still come about: an order has at most one such."""


class NotAllowed(ValueError):
    """What was asked of the order may not be done; ``code`` for programs, ``message`` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as it stands. ``quantity`` is the total in force, ``changes_left`` what its broker still takes,
    ``is_leaving`` that its leg is to be left, ``is_changing`` that an earlier change is not finished."""

    kind: IntentKind
    status: OrderStatus
    side: Side
    order_type: OrderType
    quantity: int
    filled_quantity: int
    price: Decimal
    trigger_price: Decimal
    lot_size: int
    tick_size: Decimal
    changes_left: int
    is_cancelling: bool = False
    is_leaving: bool = False
    is_changing: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """The new price, trigger and total quantity in units; ``None`` leaves one as it is."""

    price: Decimal | None = None
    trigger_price: Decimal | None = None
    quantity: int | None = None

    def without(self, order: Standing) -> "Wish":
        """Return the wish without what the order has already."""
        return Wish(
            price=None if self.price == order.price else self.price,
            trigger_price=None if self.trigger_price == order.trigger_price else self.trigger_price,
            quantity=None if self.quantity == order.quantity else self.quantity,
        )


_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_TRIGGERED = frozenset({OrderType.SL, OrderType.SL_M})


def check_cancel(order: Standing) -> None:
    """Raise ``NotAllowed`` unless the order is an entry that may still gain fills and is not being cancelled."""
    _check_entry(order, "cancelled")
    if order.status not in UNRESOLVED:
        raise NotAllowed("ORDER_OVER", "The order is over: there is nothing left of it to cancel.")
    if order.is_cancelling:
        raise NotAllowed("CANCELLING", "The order is being cancelled already.")


def check_changeable(order: Standing) -> None:
    """Raise ``NotAllowed`` unless the order rests at a broker that takes one more change of it."""
    _check_entry(order, "changed")
    if order.status not in UNRESOLVED:
        raise NotAllowed("ORDER_OVER", "The order is over: there is nothing left of it to change.")
    if order.is_cancelling or order.is_leaving:
        raise NotAllowed("CANCELLING", "The order is being withdrawn.")
    if order.status not in WORKING:
        raise NotAllowed("NOT_RESTING", "The order does not rest at the broker yet. Try again once it does.")
    if order.is_changing:
        raise NotAllowed("CHANGING", "An earlier change of this order is not finished.")
    if order.order_type not in _PRICED | _TRIGGERED:
        raise NotAllowed("ORDER_TYPE", f"A {order.order_type} order has nothing that could be changed.")
    if order.changes_left <= 0:
        raise NotAllowed("NO_CHANGES_LEFT", "The broker takes no further change of this order. It can be cancelled.")


def check_change(order: Standing, wish: Wish, *, touch: Touch | None, protection: Decimal) -> None:
    """Raise ``NotAllowed`` unless the wish is a change the order may have now.

    ``protection`` is how far beyond the market, in percent, our own entries are priced: a price further through it is
    taken for a slip of the finger.
    """
    check_changeable(order)
    if wish.without(order) == Wish():
        raise NotAllowed("NOTHING_NEW", "The order has these values already.")
    _check_quantity(order, wish.quantity)
    _check_prices(order, wish)
    if wish.price is not None:
        _check_distance(order, wish.price, touch, protection)


def _check_entry(order: Standing, done: str) -> None:
    if order.kind is IntentKind.EXIT:
        raise NotAllowed(
            "PROTECTS",
            f"This order takes you out of a position, so it is not {done} by hand: the platform reprices or replaces "
            "it until the position is left.",
        )


def _check_quantity(order: Standing, quantity: int | None) -> None:
    if quantity is None:
        return
    if quantity > order.quantity:
        raise NotAllowed("MORE", "An order is only made smaller: more would be another order than the signal's.")
    if quantity <= order.filled_quantity:
        raise NotAllowed("FILLED_ALREADY", f"{order.filled_quantity} units are filled. Cancel the order instead.")
    if quantity % order.lot_size:
        raise NotAllowed("LOT", f"The quantity is not a whole number of lots of {order.lot_size}.")


def _check_prices(order: Standing, wish: Wish) -> None:
    if wish.price is not None and order.order_type not in _PRICED:
        raise NotAllowed("ORDER_TYPE", f"A {order.order_type} order has no limit price.")
    if wish.trigger_price is not None and order.order_type not in _TRIGGERED:
        raise NotAllowed("ORDER_TYPE", f"A {order.order_type} order has no trigger.")
    for value, name in ((wish.price, "price"), (wish.trigger_price, "trigger")):
        _check_price(value, name, order.tick_size)
    if order.order_type is OrderType.SL:
        price, trigger = wish.price or order.price, wish.trigger_price or order.trigger_price
        if (price - trigger) * order.side.sign < 0:
            raise NotAllowed("TRIGGER", f"A stop to {order.side.lower()} cannot have its limit before its trigger.")


def _check_price(value: Decimal | None, name: str, tick_size: Decimal) -> None:
    if value is None:
        return
    if not value.is_finite() or value <= 0:
        raise NotAllowed("PRICE", f"The {name} must be above zero.")
    if value % tick_size:
        raise NotAllowed("TICK", f"The {name} is not a multiple of the contract's tick, {tick_size.normalize():f}.")


def _check_distance(order: Standing, price: Decimal, touch: Touch | None, protection: Decimal) -> None:
    if touch is None or touch.last_price <= 0:
        raise NotAllowed("NO_PRICE", "No current price of the contract is known, so a new one cannot be judged.")
    worst = protected_price(side=order.side, touch=touch, tick_size=order.tick_size, percent=protection)
    if (price - worst) * order.side.sign > 0:
        edge = "above" if order.side is Side.BUY else "below"
        raise NotAllowed(
            "TOO_FAR", f"The price is far through the market: nothing {edge} {worst.normalize():f} is sent."
        )
