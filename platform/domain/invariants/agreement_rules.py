"""I15: at rest our ledger is the broker's, fill by fill and net by net, and the money follows from the fills."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from domain.invariants.evidence import Breach, FillRow, LegRow, OrderRow
from domain.invariants.view import View, grouped
from domain.orders import Mode, Side

PAISA = Decimal("0.01")
Holding = tuple[int, str]
"""An account and a contract in its broker's words."""


def books_agree(view: View) -> Iterator[Breach]:
    """I15, first half: our live fills are the broker's executions, and per account and contract our net is the broker's
    less what was declared as traded outside the platform."""
    yield from _fills_agree(view)
    yield from _nets_agree(view)


def _fills_agree(view: View) -> Iterator[Breach]:
    order_of = {one.owner: view.order_of_tag.get(one.tag) for one in view.book_orders}
    theirs = {
        (order.account_id, order.pk, fill.exchange_trade_id): (order.pk, fill.quantity, fill.price)
        for fill in view.book_fills
        if (order := order_of.get(fill.owner)) is not None
    }
    live = {one.pk: one for one in view.orders if one.mode == Mode.LIVE}
    ours = {
        (one.account_id, one.order_id, _number(one, live[one.order_id])): (one.order_id, one.quantity, one.price)
        for one in view.fills
        if one.order_id in live and view.is_in_ledger(one)
    }
    for key in sorted(theirs.keys() | ours.keys()):
        if ours.get(key) != theirs.get(key):
            text = f"execution {key[2]}: the broker has {_shown(theirs.get(key))}, we have {_shown(ours.get(key))}"
            yield Breach("I15", f"account {key[0]}", text)


def _number(fill: FillRow, order: OrderRow) -> str:
    """The exchange's number as the broker shows it: where numbers repeat, adapters put the broker's order id before."""
    return fill.exchange_trade_id.removeprefix(f"{order.broker_order_id}:")


def _shown(fill: tuple[int, int, Decimal] | None) -> str:
    return "none" if fill is None else f"{fill[1]} at {fill[2]} of order {fill[0]}"


def _nets_agree(view: View) -> Iterator[Breach]:
    ours, theirs, outside = _our_net(view), _their_net(view), _declared(view)
    for key in sorted(ours.keys() | theirs.keys() | outside.keys()):
        if theirs[key] - outside[key] != ours[key]:
            text = f"{key[1]}: the broker has {theirs[key]}, {outside[key]} of it declared, we have {ours[key]}"
            yield Breach("I15", f"account {key[0]}", text)


def _our_net(view: View) -> dict[Holding, int]:
    net: dict[Holding, int] = defaultdict(int)
    for fill in view.fills:
        order = view.order_of_pk.get(fill.order_id)
        if order is not None and order.mode == Mode.LIVE and view.is_in_ledger(fill):
            net[(order.account_id, order.symbol)] += Side(order.side).sign * fill.quantity
    return net


def _their_net(view: View) -> dict[Holding, int]:
    """A client two tenants registered is found by the tag; what bears none of ours by the first account of it."""
    order_of = {one.owner: view.order_of_tag.get(one.tag) for one in view.book_orders}
    first = {(one.broker, one.client_id): one.pk for one in sorted(view.evidence.accounts, key=lambda one: -one.pk)}
    net: dict[Holding, int] = defaultdict(int)
    for fill in view.book_fills:
        order = order_of.get(fill.owner)
        account = order.account_id if order is not None else first.get((fill.broker, fill.client_id))
        if account is not None:
            net[(account, fill.symbol)] += Side(fill.side).sign * fill.quantity
    return net


def _declared(view: View) -> dict[Holding, int]:
    net: dict[Holding, int] = defaultdict(int)
    for one in view.evidence.externals:
        net[(one.account_id, one.symbol)] += Side(one.side).sign * one.filled_quantity
    return net


def money_agrees(view: View) -> Iterator[Breach]:
    """I15, second half: a trade's gross profit, computed anew from its fills, is the one on record, to the paisa."""
    by_order = grouped((one.order_id, one) for one in view.fills)
    for trade in view.trades:
        gross = Decimal(0)
        for leg in view.legs_of_trade.get(trade.pk, []):
            orders = view.orders_of_leg.get(leg.pk, [])
            fills = [(order.kind, fill.quantity, fill.price) for order in orders for fill in by_order.get(order.pk, [])]
            gross += _realised(leg, fills, is_taken_over=all(order.kind != "ENTRY" for order in orders))
        if gross.quantize(PAISA) != trade.gross_pnl.quantize(PAISA):
            yield Breach("I15", f"trade {trade.pk}", f"shows {trade.gross_pnl}, its fills make {gross}")


def _realised(leg: LegRow, fills: list[tuple[str, int, Decimal]], *, is_taken_over: bool) -> Decimal:
    """Return the rupees of the closed part at the average entry; a leg without an entry order was taken over from
    somebody else's order, at the price on record."""
    entered = sum(quantity for kind, quantity, _ in fills if kind == "ENTRY")
    if is_taken_over:
        entered = leg.entry_quantity
    left = sum(quantity for kind, quantity, _ in fills if kind == "EXIT")
    if not entered or not left:
        return Decimal(0)
    paid = sum((price * quantity for kind, quantity, price in fills if kind == "ENTRY"), Decimal(0))
    if is_taken_over:
        paid = leg.entry_value
    got = sum((price * quantity for kind, quantity, price in fills if kind == "EXIT"), Decimal(0))
    return Side(leg.side).sign * (got - paid * left / entered) * leg.multiplier
