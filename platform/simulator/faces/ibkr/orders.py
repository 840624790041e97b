"""IBKR's order calls: tickets in, an id, a question or an error out."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import FINAL_STATES, ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.ibkr import fields
from simulator.faces.ibkr.calls import IbkrCounter, session_of
from simulator.faces.ibkr.limits import Bucket
from simulator.faces.ibkr.mapping import STATUSES
from simulator.faces.ibkr.names import conid_of
from simulator.faces.ibkr.questions import Open, Questions, raised
from simulator.faces.ibkr.wire import Row, failure, order_refusal, read_json, refusal, success
from simulator.faces.orders import CANCEL, MODIFY, PLACE, OrderCall, OrderDesk, Said

_COLUMNS = {"price": "price", "trigger_price": "auxPrice", "tag": "cOID"}
_ANSWERED = web.RequestKey("ibkr.answered", Open)
_SHORT = (
    "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE MUST EXCEED THE "
    "INITIAL MARGIN"
)
_WORDS = {
    Reason.TICK: "The price does not conform to the minimum price variation for this contract.",
    Reason.LOT: "The order size does not conform to the lot size of this contract.",
    Reason.FREEZE: "The order size exceeds the maximum order size of this contract.",
    Reason.MARGIN: _SHORT,
    Reason.MARKET_PROTECTION: "This order type is not allowed for this contract.",
    Reason.NOT_TRADABLE: "This contract is not available for trading.",
    Reason.BAND: "The limit price is outside of the price band of this contract.",
}
"""The exchange's refusals in IBKR's words, as far as there are any for them."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One order as a call has it; ``account`` is the address's, ``confirmed`` the questions it has been through."""

    fields: Row
    account: str = ""
    confirmed: frozenset[str] = field(default_factory=frozenset)
    why_unread: FaceError | None = None


Call = OrderCall[Ticket]


class IbkrOrders(OrderDesk[Ticket]):
    """Takes /iserver/account/{account}/orders, /order/{id}, and the replies to questions."""

    bucket = Bucket.ORDER

    def __init__(self, counter: IbkrCounter) -> None:
        super().__init__(counter)
        self._ibkr = counter
        self._questions = Questions()
        self._tags: dict[str, set[str]] = {}

    async def reply(self, request: web.Request) -> web.StreamResponse:
        """POST /iserver/reply/{id}: a "yes" transmits what waits, as a call of its own."""
        try:
            client = self._ibkr.client(request)
            body = await read_json(request)
            waiting = self._questions.take(request.match_info["question"], client)
            if waiting is None:
                raise refusal("reply id not found")
            if not isinstance(body, dict) or body.get("confirmed") is not True:
                raise refusal("order not confirmed")
        except FaceError as error:
            return failure(error)
        request[_ANSWERED] = waiting
        return await (self.place(request) if waiting.name == PLACE else self.modify(request))

    async def read(self, request: web.Request) -> Said[Ticket]:
        """Read the ticket; the contract is written down as the broker calls it, where it is known."""
        ticket, order_id = await self._ticket(request)
        size = ticket.fields.get("quantity", "")
        return Said(
            form=ticket,
            client=self._ibkr.claimed(request),
            order_id=order_id,
            quantity=str(int(size)) if isinstance(size, int | float) and size == int(size) else str(size),
            columns=self._columns(ticket.fields),
        )

    def who(self, call: Call) -> Client:
        """Return whose call it is; the accounts must have been asked for, and the address's be its own."""
        client = self._ibkr.client(call.request)
        if call.form.why_unread is not None:
            raise call.form.why_unread
        self._ibkr.brokerage.needs(session_of(call.request), "accounts")
        if call.form.account != client.client:
            raise refusal("Bad Request: invalid account id")
        return client

    def new_order(self, call: Call) -> NewOrder:
        """Read a ticket, once its tag is new and its questions are answered."""
        order = fields.new_order(call.form.fields, self._ibkr.names)
        client = call.form.account
        if order.tag and order.tag in self._taken(client):
            raise refusal(f"Order couldn't be submitted: Local order ID={order.tag} is already registered.")
        self._ask(call, order)
        if order.tag:
            self._taken(client).add(order.tag)
        return order

    def order_edit(self, call: Call, order: ClientOrder) -> OrderEdit:
        """Read a modification; the order must still be alive before anything is asked."""
        edit = fields.order_edit(call.form.fields, order)
        if order.state not in FINAL_STATES:
            self._ask(call, _changed(order, edit))
        return edit

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return IBKR's error for what the exchange would not take."""
        return _refused(refusal, name=name)

    def done(self, call: Call, order_id: str) -> web.Response:
        """Return the order's number and state."""
        order = self.desk.exchange.order(call.entry.client, order_id)
        if call.name == CANCEL:
            body = {"msg": "Request was submitted", "order_id": int(order_id), "account": order.client}
            return success({**body, "conid": conid_of(order.listing)})
        row = {"order_id": order_id, "order_status": STATUSES[order.state], "encrypt_message": "1"}
        return success([{**row, "local_order_id": order.tag} if order.tag and call.name == PLACE else row])

    def _ask(self, call: Call, order: NewOrder) -> None:
        """Raise the first question that is neither suppressed nor answered."""
        listing = fields.find_listing(call.form.fields, self._ibkr.names)
        settled = session_of(call.request).suppressed | call.form.confirmed
        for kind, text in raised(order, listing, self.desk.exchange.market.quote(listing.token)):
            if kind not in settled:
                waiting = Open(
                    client=call.form.account,
                    name=call.name,
                    ticket=dict(call.form.fields),
                    order_id=call.order_id,
                    confirmed=call.form.confirmed | {kind},
                    kind=kind,
                )
                raise self._questions.ask(waiting, text)
        self._questions.forget(call.form.account)

    def _taken(self, client: str) -> set[str]:
        if client not in self._tags:
            self._tags[client] = {order.tag for order in self.desk.exchange.orders(client) if order.tag}
        return self._tags[client]

    async def _ticket(self, request: web.Request) -> tuple[Ticket, str]:
        waiting: Open | None = request.get(_ANSWERED)
        if waiting is not None:
            return Ticket(waiting.ticket, waiting.client, waiting.confirmed), waiting.order_id
        account, order_id = request.match_info.get("account", ""), request.match_info.get("order_id", "")
        if request.method == "DELETE":
            return Ticket({}, account), order_id
        try:
            return Ticket(_single(await read_json(request), is_new=not order_id), account), order_id
        except FaceError as error:
            return Ticket({}, account, why_unread=error), order_id

    def _columns(self, ticket: Row) -> dict[str, str]:
        columns = {column: str(ticket.get(key) or "") for column, key in _COLUMNS.items()}
        columns["side"] = str(ticket.get("side") or "")
        if ticket.get("orderType") in fields.ORDER_TYPES:
            columns["order_type"] = fields.ORDER_TYPES[ticket["orderType"]].value
        listing = self._ibkr.names.numbered(ticket.get("conid", ""))
        if listing is not None:
            exchange, symbol = self._ibkr.names.name_of(listing)
            columns |= {"exchange": exchange, "symbol": symbol, "product": fields.product_of(listing).value}
        return columns


def _single(body: Any, *, is_new: bool) -> Row:
    """Return the one ticket of a body: new ones come in a list, alone or under ``orders``."""
    tickets = body.get("orders") if isinstance(body, dict) and is_new else body
    if is_new and isinstance(tickets, list) and len(tickets) == 1:
        tickets = tickets[0]
    if not isinstance(tickets, dict) or not tickets:
        raise refusal("Bad Request: a single order ticket is expected")
    return tickets


def _changed(order: ClientOrder, edit: OrderEdit) -> NewOrder:
    """Return what an order would be, for the questions it raises."""
    return NewOrder(
        exchange=order.listing.exchange,
        symbol=order.listing.symbol,
        side=order.side,
        quantity=edit.quantity or order.quantity,
        product=order.product,
        order_type=edit.order_type or order.order_type,
        price=edit.price if edit.price is not None else order.price,
    )


def _refused(why: Refusal, *, name: str) -> FaceError:
    if why.reason is Reason.UNKNOWN_ORDER:
        return refusal("OrderID doesn't exist")
    if why.reason is Reason.ORDER_NOT_OPEN:
        verb = "cancelled" if name == CANCEL else "modified"
        return refusal(f"Order can not be {verb}: {why.message}")
    message = _WORDS.get(why.reason, f"invalid order : {why.message}")
    return refusal(message) if name == MODIFY else order_refusal(message)
