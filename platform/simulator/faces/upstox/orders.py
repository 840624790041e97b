"""Upstox's order calls: JSON in, ``{"order_ids": [..]}`` (v3 place) or ``{"order_id": ..}`` out."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.orders import CANCEL, PLACE, OrderCall, OrderDesk, Said
from simulator.faces.upstox import fields
from simulator.faces.upstox.calls import UpstoxCounter, bearer
from simulator.faces.upstox.limits import ORDERS
from simulator.faces.upstox.names import unit
from simulator.faces.upstox.wire import Body, invalid_input, invalid_key, order_not_found, read_json, success
from simulator.market.types import Listing

LATENCY = 30
"""What v3 calls the milliseconds it took; the documentation's own number."""

_COLUMNS = ("transaction_type", "price", "trigger_price", "order_type", "tag")
_CODES = {
    Reason.QUANTITY: "UDAPI1052",
    Reason.PRODUCT: "UDAPI1054",
    Reason.VALIDITY: "UDAPI1055",
    Reason.TAG: "UDAPI1119",
    Reason.MARKET_PROTECTION: "UDAPI1158",
}
"""Refusals that have a code of their own; the rest is invalid input."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was read of a request: its body, and what is wrong with it."""

    body: Body = field(default_factory=dict)
    error: FaceError | None = None


Call = OrderCall[Form]


class UpstoxOrders(OrderDesk[Form]):
    """Takes /v3/order/{place,modify,cancel} and the same of v2."""

    bucket = ORDERS

    def __init__(self, counter: UpstoxCounter) -> None:
        super().__init__(counter)
        self._upstox = counter

    async def read(self, request: web.Request) -> Said[Form]:
        """Read the body, or the query of a cancellation."""
        form = await _form(request)
        client = self.counter.named(self.desk.sessions.owner(bearer(request)))
        return Said(
            form=form,
            client=client,
            order_id=str(form.body.get("order_id") or ""),
            quantity=_text(form.body.get("quantity")),
            columns=self._columns(form.body),
        )

    def who(self, call: Call) -> Client:
        """Return whose call it is, or raise the 401, or what is wrong with the body."""
        client = self._upstox.client(call.request)
        if call.form.error is not None:
            raise call.form.error
        return client

    def check(self, call: Call) -> None:
        """Refuse an order that is named by nothing, and one without a limit or a protection."""
        if call.name == CANCEL and not call.order_id:
            raise invalid_input("The 'order_id' is required", "UDAPI1023")
        if call.name != PLACE and not call.order_id:
            raise invalid_input("The 'order_id' is required", "UDAPI1003")
        if call.order_id and not call.order_id.replace("-", "").isalnum():
            raise invalid_input("The 'order_id' accepts only alphanumeric characters and '-'", "UDAPI1010")
        if call.name != CANCEL:
            fields.check_market(call.form.body)

    def new_order(self, call: Call) -> NewOrder:
        """Read a place body."""
        return fields.new_order(call.form.body, self._upstox.names)

    def order_edit(self, call: Call, order: ClientOrder) -> OrderEdit:
        """Read a modify body."""
        return fields.order_edit(call.form.body, listing=order.listing)

    def unit(self, listing: Listing) -> int:
        """Return how many units quantity 1 means."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return Upstox's error for what the exchange would not take."""
        return refused(refusal, name=name)

    def done(self, call: Call, order_id: str) -> web.Response:
        """Return the order's number; a placed order of v3 has a list of them."""
        is_v3 = "/v3/" in call.request.path
        latency = LATENCY if is_v3 else None
        if is_v3 and call.name == PLACE:
            return success({"order_ids": [order_id]}, latency=latency)
        return success({"order_id": order_id}, latency=latency)

    def _columns(self, body: Body) -> dict[str, str]:
        columns = {name: _text(body.get(name)) for name in _COLUMNS}
        columns["side"] = columns.pop("transaction_type")
        key = body.get("instrument_token")
        listing = self._upstox.names.keyed(key) if isinstance(key, str) else None
        if listing is None:
            return columns | {"symbol": _text(key)}
        exchange, symbol = self._upstox.names.name_of(listing)
        return columns | {"exchange": exchange, "symbol": symbol, "product": _product(body, listing)}


def refused(refusal: Refusal, *, name: str) -> FaceError:
    """Return Upstox's error for what the exchange would not take."""
    if refusal.reason is Reason.UNKNOWN_ORDER:
        return order_not_found()
    if refusal.reason is Reason.UNKNOWN_SYMBOL:
        return invalid_key()
    if refusal.reason is Reason.ORDER_NOT_OPEN:
        deed, code = ("Cancel", "UDAPI100040") if name == CANCEL else ("Modifications", "UDAPI100041")
        return invalid_input(f"{deed} of already cancelled/rejected/completed orders is not allowed", code)
    return invalid_input(refusal.message, _CODES.get(refusal.reason, "UDAPI100038"))


async def _form(request: web.Request) -> Form:
    """Return what was read; a body that is no JSON is recorded and judged as an empty one."""
    if request.method == "DELETE":
        return Form(dict(request.query))
    try:
        return Form(await read_json(request))
    except FaceError as error:
        return Form(error=error)


def _product(body: Body, listing: Listing) -> str:
    try:
        return fields.product(body, listing).value
    except FaceError:
        return ""


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
