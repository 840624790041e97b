"""I7 as the broker's book tells it: line by line, our orders never take a position through zero."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.invariants.broker_side import BookOrder
from domain.invariants.evidence import Breach, OrderRow
from domain.invariants.view import View, grouped
from domain.orders import IntentKind, OrderStatus

OVER_BY_OUR_ROWS = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
"""Ends a broker told us of; a broker that restarts may end orders without a line of its own."""


@dataclass(slots=True)
class _Leg:
    """A leg's position and the exits that may still take of it, up to some line."""

    held: int = 0
    resting: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def reserved(self) -> int:
        return sum(self.resting.values())


def never_crosses_zero(view: View) -> Iterator[Breach]:
    """I7 at the broker: after each execution of our orders the leg still stands on its own side or at zero, and when
    an exit is accepted it and the exits still resting take no more than is held."""
    events, carried = grouped(_events(view)), view.held_elsewhere(before=True)
    for leg_id in sorted(events):
        leg = view.leg_of_pk.get(leg_id)
        taken = leg.entry_quantity if leg is not None and view.is_taken_over(leg) else 0
        yield from _walk(leg_id, events[leg_id], carried.get(leg_id, 0) + taken)


Event = tuple[int, str, OrderRow, int]
"""A line, what happened in it (ACCEPTED, FILL, ENDED), to which of our orders, and of how many units."""


def _events(view: View) -> Iterator[tuple[int, Event]]:
    owners: dict[tuple[str, str, str], OrderRow] = {}
    for accepted in view.book_orders:
        order = view.order_of_tag.get(accepted.tag)
        if order is not None:
            owners[accepted.owner] = order
            for event in _of_order(accepted, order):
                yield order.leg_id, event
    for fill in view.book_fills:
        order = owners.get(fill.owner)
        if order is not None:
            yield order.leg_id, (fill.line, "FILL", order, fill.quantity)


def _of_order(accepted: BookOrder, order: OrderRow) -> Iterator[Event]:
    if order.kind == IntentKind.EXIT:
        yield accepted.line, "ACCEPTED", order, accepted.quantity
        if accepted.ended_line is not None:
            yield accepted.ended_line, "ENDED", order, 0


def _walk(leg_id: int, events: list[Event], carried: int) -> Iterator[Breach]:
    leg = _Leg(held=carried)
    for line, what, order, quantity in sorted(events, key=lambda one: one[0]):
        if what == "ACCEPTED":
            leg.resting[order.tag] += quantity
            others = leg.reserved - _over(leg, events, order)
            if others > leg.held:
                why = f"at line {line} exits may take {others} of {leg.held} held"
                yield Breach("I7", f"leg {leg_id}", why)
        elif what == "ENDED":
            leg.resting.pop(order.tag, None)
        else:
            _fill(leg, order, quantity)
            if leg.held < 0:
                yield Breach("I7", f"leg {leg_id}", f"at line {line} order {order.pk} took it {-leg.held} beyond zero")


def _over(leg: _Leg, events: list[Event], accepted: OrderRow) -> int:
    """Return what resting orders show that our rows know to be over."""
    ended = {one.tag for _, _, one, _ in events if one.status in OVER_BY_OUR_ROWS and one.tag != accepted.tag}
    return sum(leg.resting[tag] for tag in ended & leg.resting.keys())


def _fill(leg: _Leg, order: OrderRow, quantity: int) -> None:
    if order.kind == IntentKind.ENTRY:
        leg.held += quantity
        return
    leg.held -= quantity
    if order.tag in leg.resting:
        leg.resting[order.tag] = max(0, leg.resting[order.tag] - quantity)
