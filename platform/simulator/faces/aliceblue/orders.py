"""Order calls: one order in a list, and ``{"brokerOrderId": ..}`` for the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.aliceblue.calls import ORDER, AliceCounter
from simulator.faces.aliceblue.fields import ORDER_TYPES, PRODUCTS, SIDES, new_order, order_edit, text
from simulator.faces.aliceblue.wire import bearer, fields_of, read_json, refusal, request_time, success
from simulator.faces.calls import FaceError
from simulator.faces.noren.names import unit
from simulator.faces.orders import CANCEL, MODIFY, OrderCall, OrderDesk, Said
from simulator.market.types import Listing

_COLUMNS = {"price": "price", "trigger_price": "slTriggerPrice", "tag": "orderTag"}
"""Ledger columns, and the fields that fill them as they are."""
_WORDS: Mapping[str, tuple[str, Mapping[str, StrEnum]]] = {
    "side": ("transactionType", SIDES),
    "product": ("product", PRODUCTS),
    "order_type": ("orderType", ORDER_TYPES),
}
_CODES = {
    Reason.UNKNOWN_SYMBOL: "EC947",
    Reason.NOT_TRADABLE: "EC858",
    Reason.QUANTITY: "EC949",
    Reason.LOT: "EC954",
    Reason.FREEZE: "EC088",
    Reason.TICK: "EC957",
    Reason.PRICE: "EC958",
    Reason.TRIGGER: "EC959",
    Reason.PRODUCT: "EC837",
    Reason.VALIDITY: "EC932",
    Reason.MARKET_PROTECTION: "EC838",
    Reason.TAG: "EC984",
    Reason.MODIFICATIONS: "EC855",
    Reason.POSITION: "EC869",
}
"""What the error table has for what the exchange would not take."""


@dataclass(frozen=True, slots=True)
class Form:
    """A call's fields, and the token it came with; ``error`` is why nothing could be read."""

    fields: Mapping[str, Any]
    token: str
    error: FaceError | None = None


OrderRequest = OrderCall[Form]


class AliceOrders(OrderDesk[Form]):
    """Takes placeorder, modify and cancel."""

    bucket = ORDER

    def __init__(self, counter: AliceCounter) -> None:
        super().__init__(counter)
        self._alice = counter

    async def read(self, request: web.Request) -> Said[Form]:
        """Read the body; the contract is written down as the broker calls it, where it is known."""
        form = await _form(request)
        client = self._alice.named(self.desk.sessions.owner(form.token))
        return Said(
            form=form,
            client=client,
            order_id=text(form.fields, "brokerOrderId"),
            quantity=text(form.fields, "quantity"),
            columns=_columns(form.fields) | self._contract(form.fields),
        )

    def who(self, call: OrderRequest) -> Client:
        """Return whose call it is, or raise the session error."""
        client = self._alice.bearing(call.form.token)
        if call.form.error is not None:
            raise call.form.error
        return client

    def check(self, call: OrderRequest) -> None:
        """Refuse a change that names no order."""
        if call.name in (MODIFY, CANCEL) and not call.order_id:
            raise refusal("EC945")

    def new_order(self, call: OrderRequest) -> NewOrder:
        """Read a placeorder."""
        return new_order(call.form.fields, self._alice.names)

    def order_edit(self, call: OrderRequest, order: ClientOrder) -> OrderEdit:
        """Read a modify."""
        return order_edit(call.form.fields, order.listing)

    def place_order(self, call: OrderRequest, client: Client) -> str:
        """Place; a price off tick is found by the OMS behind, which has given the order an id by then."""
        try:
            return super().place_order(call, client)
        except Refusal as refused:
            if refused.reason is not Reason.TICK:
                raise
            tick = self.new_order(call)
            told = Refusal(refused.reason, f"ORA:{refused.message}")
            return self.desk.exchange.turn_down(client.client, tick, told, now=self.desk.now())

    def unit(self, listing: Listing) -> int:
        """Return how many units quantity 1 means."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the code of a refusal."""
        return refused(refusal, name=name)

    def done(self, call: OrderRequest, order_id: str) -> web.Response:
        """Return the order's id."""
        return success({"brokerOrderId": order_id, "requestTime": request_time(self.desk.now())})

    def _contract(self, fields: Mapping[str, Any]) -> dict[str, str]:
        listing = self._alice.names.numbered(text(fields, "exchange"), text(fields, "instrumentId"))
        if listing is None:
            return {}
        exchange, symbol = self._alice.names.name_of(listing)
        return {"exchange": exchange, "symbol": symbol}


def refused(error: Refusal, *, name: str = "") -> FaceError:
    """Return the code of what the exchange would not take; an order that is done is gone, for a cancel."""
    if error.reason in (Reason.UNKNOWN_ORDER, Reason.ORDER_NOT_OPEN) and name == CANCEL:
        return refusal("EC997")
    if error.reason is Reason.ORDER_NOT_OPEN:
        return refusal("EC993")
    if error.reason is Reason.UNKNOWN_ORDER:
        return refusal("EC999")
    return refusal(_CODES.get(error.reason, "EC003"))


async def _form(request: web.Request) -> Form:
    token = bearer(request)
    try:
        body = await read_json(request)
        if request.path.endswith("/placeorder"):
            (body,) = body if isinstance(body, list) and len(body) == 1 else ((),)
        return Form(fields_of(body), token)
    except FaceError as error:
        return Form({}, token, error)


def _columns(fields: Mapping[str, Any]) -> dict[str, str]:
    as_they_are = {column: text(fields, key) for column, key in _COLUMNS.items()}
    found = ((column, table.get(text(fields, key).upper())) for column, (key, table) in _WORDS.items())
    return as_they_are | {column: word.value for column, word in found if word is not None}
