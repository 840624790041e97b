"""Kite's order calls: forms in, ``{"order_id": ..}`` out."""

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.orders import OrderCall, OrderDesk, Said
from simulator.faces.zerodha import fields
from simulator.faces.zerodha.calls import KiteCounter, credentials
from simulator.faces.zerodha.limits import Bucket
from simulator.faces.zerodha.mapping import unit
from simulator.faces.zerodha.wire import input_error, margin_error, order_error, read_form, success
from simulator.market.types import Listing

_UNPROTECTED = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
_OF_ORDER = frozenset({Reason.UNKNOWN_ORDER, Reason.ORDER_NOT_OPEN, Reason.MODIFICATIONS, Reason.HALTED})
_COLUMNS = {
    "exchange": "exchange",
    "symbol": "tradingsymbol",
    "side": "transaction_type",
    "price": "price",
    "trigger_price": "trigger_price",
    "order_type": "order_type",
    "product": "product",
    "tag": "tag",
}
"""Ledger columns, and the form fields that fill them."""

Call = OrderCall[fields.Form]


class KiteOrders(OrderDesk[fields.Form]):
    """Takes /orders/{variety}[/{order_id}]."""

    bucket = Bucket.ORDER

    def __init__(self, counter: KiteCounter) -> None:
        super().__init__(counter)
        self._kite = counter

    async def read(self, request: web.Request) -> Said[fields.Form]:
        """Read the form."""
        form = await _form(request)
        return Said(
            form=form,
            client=self.desk.clients.keyed(credentials(request)[0]),
            order_id=request.match_info.get("order_id", ""),
            quantity=form.get("quantity", ""),
            columns={column: form.get(key, "") for column, key in _COLUMNS.items()},
        )

    def who(self, call: Call) -> Client:
        """Return whose call it is, or raise the TokenException."""
        return self._kite.client(call.request)

    def check(self, call: Call) -> None:
        """Refuse a variety Kite does not know."""
        fields.check_variety(_variety(call))

    def new_order(self, call: Call) -> NewOrder:
        """Read a place form."""
        return fields.new_order(call.form, variety=_variety(call), market=self.desk.exchange.market)

    def order_edit(self, call: Call, order: ClientOrder) -> OrderEdit:
        """Read a modify form."""
        return fields.order_edit(call.form, listing=order.listing)

    def unit(self, listing: Listing) -> int:
        """Return how many units Kite counts as one."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return Kite's error for what the exchange would not take."""
        return refused(refusal)

    def done(self, call: Call, order_id: str) -> web.Response:
        """Return the order's number."""
        return success({"order_id": order_id})


def refused(refusal: Refusal) -> FaceError:
    """Return Kite's error for what the exchange would not take."""
    if refusal.reason is Reason.MARKET_PROTECTION:
        return input_error(_UNPROTECTED)
    if refusal.reason is Reason.UNKNOWN_ORDER:
        return order_error("Couldn't find that `order_id`.")
    if refusal.reason is Reason.MARGIN:
        return margin_error(refusal.message)
    return order_error(refusal.message) if refusal.reason in _OF_ORDER else input_error(refusal.message)


def _variety(call: Call) -> str:
    return call.request.match_info["variety"]


async def _form(request: web.Request) -> fields.Form:
    """Return the form; an unreadable one is recorded and judged as an empty one."""
    try:
        return await read_form(request)
    except FaceError:
        return {}
