"""Rules about what reached the brokers: at most once, announced first, by who leads, as we wrote it."""

from collections.abc import Iterator

from domain.invariants.evidence import Breach, WireRequest
from domain.invariants.view import View, grouped, is_our_tag
from domain.orders import Mode, OrderStatus

NEVER_SENT = frozenset({OrderStatus.PENDING, OrderStatus.DENIED, OrderStatus.ABORTED})
"""States that say the order did not reach a socket."""


def tag_once(view: View) -> Iterator[Breach]:
    """I1: every tag arrives at a broker at most once, and stands behind at most one order in the brokers' books."""
    for tag, requests in grouped((one.tag, one) for one in view.places).items():
        if len(requests) > 1:
            yield Breach("I1", f"tag {tag}", f"arrived {len(requests)} times: lines {_lines(requests)}")
    booked = grouped((one.tag, one.broker_order_id) for one in view.book_orders if is_our_tag(one.tag))
    for tag, order_ids in booked.items():
        if len(set(order_ids)) > 1:
            yield Breach("I1", f"tag {tag}", f"is {len(set(order_ids))} orders at the broker: {sorted(set(order_ids))}")


def _lines(requests: list[WireRequest]) -> str:
    return ", ".join(str(one.line) for one in requests)


def committed_before_arrival(view: View) -> Iterator[Breach]:
    """I4: each order on the wire has a row committed before it arrived, with the same account, contract, side,
    quantity and mode."""
    for request in view.places:
        order = view.order_of_tag.get(request.tag)
        if order is None:
            yield Breach("I4", f"tag {request.tag}", f"arrived (line {request.line}) and we have no such order")
            continue
        subject = f"order {order.pk}"
        if order.status in NEVER_SENT:
            yield Breach("I4", subject, f"arrived (line {request.line}), yet it is {order.status}")
        if order.claimed_at is None or order.claimed_at > request.at:
            yield Breach("I4", subject, f"arrived at {request.at}, claimed at {order.claimed_at}")
        ours = (order.broker, order.client_id, order.exchange, order.symbol, order.side, order.quantity, order.mode)
        theirs = (
            request.broker,
            request.client_id,
            request.exchange,
            request.symbol,
            request.side,
            request.quantity,
            Mode.LIVE.value,
        )
        if ours != theirs:
            yield Breach("I4", subject, f"arrived as {theirs}, was written as {ours}")
