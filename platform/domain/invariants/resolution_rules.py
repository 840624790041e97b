"""I5: nobody wonders about an order for long without being told."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.invariants.evidence import Breach, OrderRow
from domain.invariants.view import View
from domain.orders import UNRESOLVED, IntentKind, OrderStatus

ANSWERED_WITHIN = timedelta(seconds=15)
"""A claimed order is answered, or called UNKNOWN, within this: the call's ten seconds and a sweep."""

TOLD_WITHIN = timedelta(seconds=15)
"""An UNKNOWN order is told within this: five seconds by the rule, and the passes that find it out."""

RESOLVED_WITHIN = timedelta(minutes=11)
"""An UNKNOWN order is resolved, or PARKED, within this: parked after ten minutes."""

SETTLED_AFTER_CLOSE = timedelta(minutes=15)
"""The end-of-day job looks ten minutes after the close."""

ENTRY_LINGERS = timedelta(seconds=60)
"""An entry's order is over this long after its time: withdrawn if unsent, else cancelled and the cancel seen."""


def all_resolved(view: View) -> Iterator[Breach]:
    """I5: every claimed order reaches an answer, adoption, proved absence or PARKED with an alert; no entry outlives
    its time, and nothing is unresolved after the end of its day without somebody knowing."""
    for order in view.orders:
        if order.status in UNRESOLVED:
            yield from _in_doubt(view, order)
            yield from _lingering(view, order)
            yield from _after_close(view, order)


def _in_doubt(view: View, order: OrderRow) -> Iterator[Breach]:
    if order.claimed_at is None:
        return
    subject, age = f"order {order.pk}", view.at - order.claimed_at
    if order.status == OrderStatus.SUBMITTED and age > ANSWERED_WITHIN:
        yield Breach("I5", subject, f"is still SUBMITTED after {age}")
    if order.status == OrderStatus.UNKNOWN and age > RESOLVED_WITHIN:
        yield Breach("I5", subject, f"is still UNKNOWN after {age}")
    in_doubt = order.status in (OrderStatus.UNKNOWN, OrderStatus.PARKED)
    if in_doubt and age > ANSWERED_WITHIN + TOLD_WITHIN and f"unknown:{order.pk}" not in view.told:
        yield Breach("I5", subject, f"is {order.status} after {age} and nobody was told")


def _lingering(view: View, order: OrderRow) -> Iterator[Breach]:
    """UNKNOWN and PARKED ones have their own time, and after the close a cancel is the broker's to answer."""
    in_doubt = order.status in (OrderStatus.UNKNOWN, OrderStatus.PARKED)
    if order.kind != IntentKind.ENTRY or order.expires_at is None or in_doubt:
        return
    if view.market_at > order.expires_at + view.in_market_time(ENTRY_LINGERS) and view.is_open(order.market):
        yield Breach("I5", f"order {order.pk}", f"is {order.status}, its time ended at {order.expires_at}")


def _after_close(view: View, order: OrderRow) -> Iterator[Breach]:
    closed_at = _close_of(view, order)
    if closed_at is None or view.market_at <= closed_at + view.in_market_time(SETTLED_AFTER_CLOSE):
        return
    if f"eod-unresolved:{order.pk}" not in view.told and not view.is_open(order.market):
        yield Breach(
            "I5", f"order {order.pk}", f"is {order.status} after the close at {closed_at}, and nobody was told"
        )


def _close_of(view: View, order: OrderRow) -> datetime | None:
    """Return when the market of the order's day closed for the last time since, as far as it has."""
    began = order.submitted_at or order.created_at
    closes = (one.closes_at for one in view.market_sessions.get(order.market, []))
    return max((at for at in closes if began is not None and began < at <= view.market_at), default=None)
