"""Noren's order calls: ``{"norenordno": ..}`` for a new order, ``{"result": ..}`` for the others."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import unquote_plus

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.noren.calls import Call, NorenCounter
from simulator.faces.noren.fields import ORDER_TYPES, PRODUCTS, SIDES, new_order, order_edit
from simulator.faces.noren.limits import Bucket
from simulator.faces.noren.names import trading_symbol, unit
from simulator.faces.noren.wire import (
    Fields,
    invalid,
    optional,
    refused_order,
    required,
    success,
    symbol_field,
)
from simulator.faces.orders import CANCEL, PLACE, OrderCall, OrderDesk, Said
from simulator.market.types import Listing

_COLUMNS = {"price": "prc", "trigger_price": "trgprc", "tag": "remarks"}
"""Ledger columns, and the fields that fill them as they are."""
_WORDS: Mapping[str, tuple[str, Mapping[str, StrEnum]]] = {
    "side": ("trantype", SIDES),
    "product": ("prd", PRODUCTS),
    "order_type": ("prctyp", ORDER_TYPES),
}

OrderRequest = OrderCall[Call]


class NorenOrders(OrderDesk[Call]):
    """Takes PlaceOrder, ModifyOrder and CancelOrder."""

    bucket = Bucket.ORDER

    def __init__(self, counter: NorenCounter) -> None:
        super().__init__(counter)
        self._noren = counter

    async def read(self, request: web.Request) -> Said[Call]:
        """Read the body; the contract is written down as the broker calls it, where it is known."""
        try:
            said = await self._noren.asked(request)
        except FaceError:
            said = Call({}, "")
        return Said(
            form=said,
            client=self.desk.clients.named(said.fields.get("uid", "")),
            order_id=said.fields.get("norenordno", ""),
            quantity=said.fields.get("qty", ""),
            columns=_columns(said.fields) | self._contract(said.fields),
        )

    def who(self, call: OrderRequest) -> Client:
        """Return whose call it is, or raise the session error."""
        if not call.form.fields:
            raise invalid("jData is not valid json object")
        return self._noren.client(call.form)

    def check(self, call: OrderRequest) -> None:
        """Refuse a call that names no account, or no order."""
        required(call.form.fields, "actid" if call.name == PLACE else "norenordno")

    def new_order(self, call: OrderRequest) -> NewOrder:
        """Read a PlaceOrder."""
        return new_order(call.form.fields, self._noren.names)

    def order_edit(self, call: OrderRequest, order: ClientOrder) -> OrderEdit:
        """Read a ModifyOrder, which has to name the order's contract."""
        fields = call.form.fields
        if self._noren.names.named(required(fields, "exch"), symbol_field(fields, "tsym")) is not order.listing:
            raise invalid("Trading symbol of the order cannot be changed")
        return order_edit(fields, order.listing)

    def unit(self, listing: Listing) -> int:
        """Return how many units quantity 1 means."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the OMS's refusal."""
        return refused(refusal, cancelling=name == CANCEL)

    def done(self, call: OrderRequest, order_id: str) -> web.Response:
        """Return the order's number."""
        key = "norenordno" if call.name == PLACE else "result"
        return success({key: order_id}, now=self.desk.now())

    def _contract(self, fields: Fields) -> dict[str, str]:
        listing = self._noren.names.named(fields.get("exch", ""), unquote_plus(fields.get("tsym", "")))
        return {"exchange": listing.exchange.value, "symbol": trading_symbol(listing)} if listing else {}


def refused(refusal: Refusal, *, cancelling: bool = False) -> FaceError:
    """Return the OMS's refusal of what the exchange would not take.

    An order that is complete or cancelled is as unknown to a modify as one that never was.
    """
    if refusal.reason in (Reason.UNKNOWN_ORDER, Reason.ORDER_NOT_OPEN):
        return refused_order("Order not found to Cancel" if cancelling else "Order not found")
    return refused_order(refusal.message)


def _columns(fields: Fields) -> dict[str, str]:
    as_they_are = {column: optional(fields, key) for column, key in _COLUMNS.items()}
    words = {column: table[fields[key]].value for column, (key, table) in _WORDS.items() if fields.get(key) in table}
    return as_they_are | words
