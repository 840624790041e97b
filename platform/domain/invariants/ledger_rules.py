"""Rules about our own ledger: nobody enters twice, no exit takes more than is held, the books add up."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from domain.invariants.evidence import Breach, FillRow, LegRow, OrderRow
from domain.invariants.guard_rules import claimed
from domain.invariants.view import View, grouped
from domain.invariants.wire_rules import NEVER_SENT
from domain.orders import OPEN_INTENTS, UNRESOLVED, IntentKind, OrderStatus

MAY_FILL = UNRESOLVED - {OrderStatus.PENDING}
"""Sent, and not known to be over: what such exits may still take is reserved."""

NOT_TAKEN = NEVER_SENT | {OrderStatus.REJECTED, OrderStatus.ABSENT}
"""States that say no broker accepted the order."""


def one_intent_per_signal(view: View) -> Iterator[Breach]:
    """I2: at most one entry per signal, account and leg, however often the signal was delivered."""
    entries = (one for one in view.intents if one.kind == IntentKind.ENTRY)
    keyed = grouped(((one.signal, one.account_id, one.leg_position), one.pk) for one in entries)
    for (signal, account, position), intents in keyed.items():
        if len(intents) > 1:
            yield Breach("I2", f"signal {signal}", f"account {account}, leg {position}: intents {intents}")


def entries_within_intent(view: View) -> Iterator[Breach]:
    """I3: what was accepted of an entry never exceeds its intent, and a slice has at most one unresolved order.

    Accepted is what the broker's book shows where there is one, otherwise what our rows do not exclude.
    """
    taken: dict[int, int] = defaultdict(int)
    for intent_id, quantity in _accepted_entries(view):
        taken[intent_id] += quantity
    for intent in view.intents:
        if intent.kind == IntentKind.ENTRY and taken[intent.pk] > intent.quantity:
            yield Breach("I3", f"intent {intent.pk}", f"wanted {intent.quantity}, accepted were {taken[intent.pk]}")
    unresolved = ((one.intent_id, one.slice_number) for one in view.orders if one.status in UNRESOLVED)
    for (intent_id, number), orders in grouped((key, 1) for key in unresolved).items():
        if len(orders) > 1:
            yield Breach("I3", f"intent {intent_id}", f"slice {number} has {len(orders)} unresolved orders")


def _accepted_entries(view: View) -> Iterator[tuple[int, int]]:
    if view.evidence.book is not None:
        for accepted in view.book_orders:
            order = view.order_of_tag.get(accepted.tag)
            if order is not None and order.kind == IntentKind.ENTRY and not accepted.is_rejected:
                yield order.intent_id, accepted.quantity
    else:
        for order in view.orders:
            if order.kind == IntentKind.ENTRY and order.status not in NOT_TAKEN:
                yield order.intent_id, order.quantity


def exits_within_position(view: View) -> Iterator[Breach]:
    """I7: for a long leg ``0 <= entry filled - exit filled - reserved by exits`` (mirrored for a short one)."""
    exits = grouped((one.leg_id, one) for one in view.orders if one.kind == IntentKind.EXIT)
    for leg in view.legs:
        reserved = sum(_reserved(one) for one in exits.get(leg.pk, []))
        if leg.open_quantity - reserved < 0:
            yield Breach("I7", f"leg {leg.pk}", _overdrawn(leg, reserved))


def _reserved(order: OrderRow) -> int:
    return order.quantity - order.filled_quantity if order.status in MAY_FILL else 0


def _overdrawn(leg: LegRow, reserved: int) -> str:
    return f"entered {leg.entry_quantity}, left {leg.exit_quantity}, and exits may take {reserved} more"


def one_open_exit(view: View) -> Iterator[Breach]:
    """I8: a leg has at most one open exit, into which every trigger merges."""
    exits = (one for one in view.intents if one.kind == IntentKind.EXIT and one.status in OPEN_INTENTS)
    for leg, intents in grouped((one.leg_id, one.pk) for one in exits).items():
        if len(intents) > 1:
            yield Breach("I8", f"leg {leg}", f"open exits {intents}")


def whole_lots(view: View) -> Iterator[Breach]:
    """I14: what is sent is a multiple of the contract's lot and at most its freeze quantity."""
    for order, _ in claimed(view):
        if order.quantity % order.lot_size:
            yield Breach("I14", f"order {order.pk}", f"{order.quantity} is no multiple of the lot of {order.lot_size}")
        if order.freeze_quantity is not None and order.quantity > order.freeze_quantity:
            yield Breach("I14", f"order {order.pk}", f"{order.quantity} is above the freeze of {order.freeze_quantity}")


def ledger_adds_up(view: View) -> Iterator[Breach]:
    """I16, first half: orders and legs are exactly the sum of their distinct fills, in whatever order those came."""
    by_order = grouped((one.order_id, one) for one in view.fills)
    once = grouped(((one.account_id, one.exchange_trade_id), one.pk) for one in view.fills)
    for (account, trade_id), rows in once.items():
        if len(rows) > 1:
            yield Breach("I16", f"account {account}", f"execution {trade_id} is booked {len(rows)} times: {rows}")
    for order in view.orders:
        yield from _order_adds_up(order, by_order.get(order.pk, []))
    for leg in view.legs:
        yield from _leg_adds_up(view, leg, by_order)
    yield from _flips_add_up(view, by_order)


def _order_adds_up(order: OrderRow, fills: list[FillRow]) -> Iterator[Breach]:
    filled = sum(one.quantity for one in fills)
    if filled != order.filled_quantity:
        yield Breach("I16", f"order {order.pk}", f"shows {order.filled_quantity} filled, its fills are {filled}")
    if order.status == OrderStatus.FILLED and order.filled_quantity not in {order.quantity, *order.reduced_to}:
        why = f"is {order.status} with {order.filled_quantity} of {order.quantity} filled"
        yield Breach("I16", f"order {order.pk}", why)


def _leg_adds_up(view: View, leg: LegRow, by_order: dict[int, list[FillRow]]) -> Iterator[Breach]:
    sums = {IntentKind.ENTRY.value: (0, Decimal(0)), IntentKind.EXIT.value: (0, Decimal(0))}
    for order in view.orders_of_leg.get(leg.pk, []):
        units, value = sums[order.kind]
        fills = by_order.get(order.pk, [])
        sums[order.kind] = (
            units + sum(one.quantity for one in fills),
            value + sum((one.price * one.quantity for one in fills), Decimal(0)),
        )
    shown = {
        IntentKind.ENTRY.value: (leg.entry_quantity, leg.entry_value),
        IntentKind.EXIT.value: (leg.exit_quantity, leg.exit_value),
    }
    if view.is_taken_over(leg):
        del shown[IntentKind.ENTRY.value]  # it holds what somebody else's order left
    for kind in shown:
        if shown[kind] != sums[kind]:
            yield Breach("I16", f"leg {leg.pk}", f"{kind} shows {shown[kind]}, its fills are {sums[kind]}")


def _flips_add_up(view: View, by_order: dict[int, list[FillRow]]) -> Iterator[Breach]:
    """What is taken over after a position of ours was turned round is never more than our exits took of it."""
    taken: dict[int, int] = defaultdict(int)
    for leg in view.legs:
        turned = view.trade_of_pk[leg.trade_id].flip_of if view.is_taken_over(leg) else None
        if turned is not None and turned in view.leg_of_pk:
            taken[turned] += leg.entry_quantity
    for turned, units in taken.items():
        exits = (one for one in view.orders_of_leg.get(turned, []) if one.kind == IntentKind.EXIT)
        left = sum(fill.quantity for one in exits for fill in by_order.get(one.pk, []))
        if units > left:
            yield Breach("I16", f"leg {turned}", f"our exits took {left}, and {units} were taken over as turned round")
