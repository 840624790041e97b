"""Rules about what reached the brokers: at most once, announced first, by who leads, and never too much at once."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from domain.invariants.broker_side import WireRequest
from domain.invariants.evidence import Breach, OrderRow
from domain.invariants.view import View, grouped
from domain.orders import Mode, OrderStatus
from domain.tags import is_our_tag

NEVER_SENT = frozenset({OrderStatus.PENDING, OrderStatus.DENIED, OrderStatus.ABORTED})
"""States that say the order did not reach a socket."""

EXCHANGE_RATE = 10
"""Order calls per second and account in one segment that exchanges take from a client without an algo registration."""

OUR_RATE = 8
"""What the lanes keep below; the rest is room for what the network pushes together on its way."""

RATE_WINDOW = timedelta(seconds=1)


def tag_once(view: View) -> Iterator[Breach]:
    """I1: every tag arrives at a broker at most once, and stands behind at most one order in the brokers' books."""
    for tag, requests in grouped((one.tag, one) for one in view.places).items():
        if len(requests) > 1:
            yield Breach("I1", f"tag {tag}", f"arrived {len(requests)} times: lines {_lines(requests)}")
    booked = grouped((one.tag, one.broker_order_id) for one in view.book_orders if is_our_tag(one.tag))
    for tag, order_ids in booked.items():
        if len(set(order_ids)) > 1:
            yield Breach("I1", f"tag {tag}", f"is {len(set(order_ids))} orders at the broker: {sorted(set(order_ids))}")


def _lines(requests: Sequence[WireRequest]) -> str:
    return ", ".join(str(one.line) for one in requests)


def committed_before_arrival(view: View) -> Iterator[Breach]:
    """I4: each order on the wire has a row committed before it arrived, with the same account, contract, side,
    quantity and mode; of an exit that only reduces less may arrive."""
    for request in view.places:
        order = view.order_of_tag.get(request.tag)
        if order is None:
            yield Breach("I4", f"tag {request.tag}", f"arrived (line {request.line}) and we have no such order")
        else:
            yield from _as_written(request, order)


def _as_written(request: WireRequest, order: OrderRow) -> Iterator[Breach]:
    subject = f"order {order.pk}"
    if order.status in NEVER_SENT:
        yield Breach("I4", subject, f"arrived (line {request.line}), yet it is {order.status}")
    if order.claimed_at is None or order.claimed_at > request.at:
        yield Breach("I4", subject, f"arrived at {request.at}, claimed at {order.claimed_at}")
    if order.mode != Mode.LIVE:
        return  # a paper order on the wire is I11's
    quantity = min(order.quantity, request.quantity) if order.may_shrink else order.quantity
    written = (order.broker, order.client_id, *_contract(order), order.side, quantity)
    arrived = (request.broker, request.client_id, *_contract(request), request.side, request.quantity)
    if order.symbol and written != arrived:
        yield Breach("I4", subject, f"arrived as {arrived}, was written as {written}")


def _contract(one: OrderRow | WireRequest) -> tuple[str, str]:
    return one.exchange, one.symbol


def sent_by_leader(view: View) -> Iterator[Breach]:
    """I10: the epochs of an account's orders never fall on the wire, and nothing is sent after its term's end.

    An epoch belongs to its lease: an account moved to another shard begins anew.
    """
    ends = {(one.name, one.epoch): one.until for one in view.evidence.leases}
    ends |= {(one.name, one.epoch): one.ended_at for one in view.evidence.terms}
    newest: dict[tuple[int, str], OrderRow] = {}
    for request, order in sent(view):
        key = (order.account_id, order.lease)
        before = newest.setdefault(key, order)
        if order.epoch < before.epoch:
            why = f"arrived (line {request.line}) under epoch {order.epoch} after order {before.pk} of {before.epoch}"
            yield Breach("I10", f"order {order.pk}", why)
        else:
            newest[key] = order
        ended_at = ends.get((order.lease, order.epoch))
        if ended_at is not None and request.at > ended_at:
            yield Breach("I10", f"order {order.pk}", f"arrived at {request.at}, its term ended at {ended_at}")


def sent(view: View) -> Iterator[tuple[WireRequest, OrderRow]]:
    """Return the arrivals of orders we know, in order."""
    for request in view.places:
        order = view.order_of_tag.get(request.tag)
        if order is not None:
            yield request, order


def paper_off_the_wire(view: View) -> Iterator[Breach]:
    """I11, first half: no paper order ever arrives at a broker."""
    for request, order in sent(view):
        if order.mode == Mode.PAPER:
            yield Breach("I11", f"order {order.pk}", f"is paper and arrived (line {request.line})")


def rate_kept(view: View) -> Iterator[Breach]:
    """I13: within any second at most ten of our order calls, of any kind, per account and exchange segment.

    Whatever arrives counts, also what was refused or lost; what others do in the broker's own app does not.
    """
    ours = {(one.broker, one.client_id, one.broker_order_id) for one in view.orders if one.broker_order_id}
    calls = (
        one for one in view.wire if is_our_tag(one.tag) or (one.broker, one.client_id, one.broker_order_id) in ours
    )
    for key, found in grouped(((one.broker, one.client_id, one.exchange), one) for one in calls).items():
        burst = _burst(sorted(found, key=lambda one: (one.at, one.line)))
        if burst:
            where = " ".join(key)
            yield Breach("I13", where, f"{len(burst)} calls within a second from {burst[0].at}: lines {_lines(burst)}")


def _burst(calls: Sequence[WireRequest]) -> Sequence[WireRequest]:
    """Return the first second's calls that are too many; empty when none are."""
    for start, call in enumerate(calls):
        after = start + EXCHANGE_RATE
        if after < len(calls) and calls[after].at - call.at < RATE_WINDOW:
            return [one for one in calls[start:] if one.at - call.at < RATE_WINDOW]
    return []
