"""The platform's order calls: JSON in, the order's number out, twice for a new one and in a list for a change."""

from collections.abc import Mapping
from enum import StrEnum

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.fields import ORDER_TYPES, PRODUCTS, SIDES, find_listing, new_order, order_edit, word
from simulator.faces.mastertrust.limits import Bucket
from simulator.faces.mastertrust.names import unit
from simulator.faces.mastertrust.wire import (
    Call,
    Fields,
    backend,
    invalid,
    no_amount,
    read_call,
    required,
    success,
    went_wrong,
)
from simulator.faces.orders import CANCEL, MODIFY, PLACE, OrderCall, OrderDesk, Said
from simulator.market.types import Listing

_COLUMNS = {"price": "price", "trigger_price": "trigger_price", "tag": "user_order_id"}
"""Ledger columns, and the fields that fill them as they are."""
_WORDS: Mapping[str, tuple[str, Mapping[str, StrEnum]]] = {
    "side": ("order_side", SIDES),
    "product": ("product", PRODUCTS),
    "order_type": ("order_type", ORDER_TYPES),
}
_FIELDS = {
    Reason.UNKNOWN_SYMBOL: invalid("instrument_token"),
    Reason.NOT_TRADABLE: invalid("instrument_token"),
    Reason.PRODUCT: invalid("product"),
    Reason.VALIDITY: invalid("validity"),
    Reason.MARKET_PROTECTION: invalid("market_protection_percentage"),
    Reason.UNKNOWN_ORDER: invalid("oms_order_id"),
    Reason.ORDER_NOT_OPEN: invalid("oms_order_id"),
    Reason.BAND: invalid("price"),
    Reason.QUANTITY: no_amount("quantity"),
    Reason.LOT: no_amount("quantity"),
    Reason.FREEZE: no_amount("quantity"),
    Reason.TICK: no_amount("price"),
    Reason.PRICE: no_amount("price"),
    Reason.TRIGGER: no_amount("trigger_price"),
    Reason.HALTED: went_wrong(),
}
_DONE = {
    PLACE: "Order place successfully",
    MODIFY: "Order modification request submitted",
    CANCEL: "Order cancellation request submitted for OMS Order: {order_id}",
}

OrderRequest = OrderCall[Call]


class TradelabOrders(OrderDesk[Call]):
    """Takes /orders and /orders/{oms_order_id}."""

    bucket = Bucket.ORDER

    def __init__(self, counter: TradelabCounter) -> None:
        super().__init__(counter)
        self._tradelab = counter

    async def read(self, request: web.Request) -> Said[Call]:
        """Read the query and the body; the contract is written down as the broker calls it, where it is known."""
        said = await read_call(request)
        return Said(
            form=said,
            client=self.desk.clients.named(said.fields.get("client_id", "")),
            order_id=said.fields.get("oms_order_id", "").strip(),
            quantity=said.fields.get("quantity", ""),
            columns=_columns(said.fields) | self._contract(said.fields),
        )

    def who(self, call: OrderRequest) -> Client:
        """Return whose call it is; every one names its client."""
        client = self._tradelab.client(call.form)
        required(call.form.fields, "client_id")
        return client

    def check(self, call: OrderRequest) -> None:
        """Refuse a change that names no order."""
        if call.name != PLACE:
            required(call.form.fields, "oms_order_id")

    def new_order(self, call: OrderRequest) -> NewOrder:
        """Read a new order."""
        return new_order(call.form.fields, self._tradelab.names)

    def order_edit(self, call: OrderRequest, order: ClientOrder) -> OrderEdit:
        """Read a modification; contract and product have to be the order's own."""
        fields = call.form.fields
        if find_listing(fields, self._tradelab.names) is not order.listing:
            raise invalid("instrument_token")
        if word(fields, "product", PRODUCTS) is not order.product:
            raise invalid("product")
        if fields.get("order_side") and word(fields, "order_side", SIDES) is not order.side:
            raise invalid("order_side")
        return order_edit(fields, order.listing)

    def unit(self, listing: Listing) -> int:
        """Return how many units quantity 1 means."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the platform's refusal."""
        return refused(refusal)

    def done(self, call: OrderRequest, order_id: str) -> web.Response:
        """Return the order's number."""
        return success(_named(call, order_id), _DONE[call.name].format(order_id=order_id))

    def _contract(self, fields: Fields) -> dict[str, str]:
        names = self._tradelab.names
        listing = names.numbered(fields.get("exchange", ""), fields.get("instrument_token", ""))
        return dict(zip(("exchange", "symbol"), names.name_of(listing), strict=True)) if listing else {}


def refused(refusal: Refusal) -> FaceError:
    """Return the platform's refusal of what the exchange would not take."""
    return _FIELDS.get(refusal.reason) or backend(f"(1)-{refusal.message}")


def _named(call: OrderRequest, order_id: str) -> dict[str, object]:
    if call.name == MODIFY:
        return {"oms_order_id": [f" {order_id}"]}
    if call.name == CANCEL:
        return {"oms_order_id": order_id}
    tag = call.form.fields.get("user_order_id", "")
    return {"client_order_id": order_id, "oms_order_id": order_id, "user_order_id": int(tag) if tag else None}


def _columns(fields: Fields) -> dict[str, str]:
    as_they_are = {column: fields.get(key, "") for column, key in _COLUMNS.items()}
    words = {column: table[fields[key]].value for column, (key, table) in _WORDS.items() if fields.get(key) in table}
    return as_they_are | words
