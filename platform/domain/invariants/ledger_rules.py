"""Rules about our own ledger: nobody trades twice, no exit takes more than is held."""

from collections.abc import Iterator

from domain.invariants.evidence import Breach, LegRow, OrderRow
from domain.invariants.view import View, grouped
from domain.orders import OPEN_INTENTS, UNRESOLVED, IntentKind, OrderStatus

MAY_FILL = UNRESOLVED - {OrderStatus.PENDING}
"""Sent, and not known to be over: what such exits may still take is reserved."""


def one_intent_per_signal(view: View) -> Iterator[Breach]:
    """I2: at most one entry per signal, account and leg, however often the signal was delivered."""
    entries = (one for one in view.intents if one.kind == IntentKind.ENTRY)
    keyed = grouped(((one.signal, one.account_id, one.leg_position), one.pk) for one in entries)
    for (signal, account, position), intents in keyed.items():
        if len(intents) > 1:
            yield Breach("I2", f"signal {signal}", f"account {account}, leg {position}: intents {intents}")


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
