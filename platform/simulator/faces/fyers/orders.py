"""Fyers' order calls: JSON in, ``{"s": "ok", "code": 1101, "id": ..}`` out."""

from typing import Any

from aiohttp import hdrs, web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.fyers import fields
from simulator.faces.fyers.calls import FyersCounter, pair_of
from simulator.faces.fyers.limits import CALLS
from simulator.faces.fyers.names import unit
from simulator.faces.fyers.wire import (
    BAD_ORDER_ID,
    NOT_PENDING,
    REJECTED,
    Row,
    bad_input,
    read_json,
    refusal,
    success,
)
from simulator.faces.orders import CANCEL, MODIFY, PLACE, OrderCall, OrderDesk, Said
from simulator.market.types import Listing

_DONE = {
    PLACE: (1101, "Order submitted successfully. Your Order Ref. No.{}"),
    MODIFY: (1101, "Successfully modified order"),
    CANCEL: (1103, "Successfully cancelled order"),
}
_BY_RMS = frozenset({Reason.FREEZE, Reason.MODIFICATIONS, Reason.HALTED, Reason.BAND, Reason.EXCHANGE})
_WORDS: dict[str, dict[Any, Any]] = {"side": fields.SIDES, "order_type": fields.ORDER_TYPES, "product": fields.PRODUCTS}
_COLUMNS = {"side": "side", "order_type": "type", "product": "productType"}

Call = OrderCall[Row]


class FyersOrders(OrderDesk[Row]):
    """Takes /orders/sync and, for cancels, /orders/{id}/sync."""

    bucket = CALLS

    def __init__(self, counter: FyersCounter) -> None:
        super().__init__(counter)
        self._fyers = counter

    async def read(self, request: web.Request) -> Said[Row]:
        """Read the JSON; one that is none is judged as an empty one."""
        try:
            form = await read_json(request)
        except FaceError:
            form = {}
        order_id = request.match_info.get("order_id") or str(form.get("id") or "")
        return Said(
            form=form,
            client=self.desk.clients.keyed(pair_of(request.headers.get(hdrs.AUTHORIZATION, ""))[0]),
            order_id=order_id,
            quantity=str(form.get("qty") or ""),
            columns=self._columns(form),
        )

    def who(self, call: Call) -> Client:
        """Return whose call it is, or raise the error of a token."""
        return self._fyers.client(call.request)

    def new_order(self, call: Call) -> NewOrder:
        """Read a place request."""
        return fields.new_order(call.form, self._fyers.names, client=call.entry.client)

    def order_edit(self, call: Call, order: ClientOrder) -> OrderEdit:
        """Read a modify request."""
        return fields.order_edit(call.form, order.listing)

    def unit(self, listing: Listing) -> int:
        """Return how many units Fyers counts as one."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return Fyers' error for what the exchange would not take."""
        return refused(refusal)

    def done(self, call: Call, order_id: str) -> web.Response:
        """Return the order's number."""
        code, message = _DONE[call.name]
        return success({"message": message.format(order_id), "id": order_id}, code=code)

    def _columns(self, form: Row) -> dict[str, str]:
        """Return what the ledger shows of a request, in its own words where they can be read."""
        symbol = str(form.get("symbol") or "")
        listing = self._fyers.names.named("", symbol)
        words = {column: _word(form.get(name), _WORDS[column]) for column, name in _COLUMNS.items()}
        texts = {"price": "limitPrice", "trigger_price": "stopPrice", "tag": "orderTag"}
        return {
            "symbol": symbol,
            "exchange": listing.exchange.value if listing else "",
            **words,
            **{column: str(form.get(name) or "") for column, name in texts.items()},
        }


def refused(error: Refusal) -> FaceError:
    """Return Fyers' error for what the exchange would not take."""
    if error.reason is Reason.UNKNOWN_ORDER:
        return refusal(BAD_ORDER_ID, "Please provide a valid order number")
    if error.reason is Reason.ORDER_NOT_OPEN:
        return refusal(NOT_PENDING, "Not a pending order")
    if error.reason is Reason.MARGIN:
        return refusal(REJECTED, f"RED:Margin Shortfall:{error.message}")
    if error.reason in _BY_RMS:
        return refusal(REJECTED, f"RED:{error.message}")
    return bad_input(error.message)


def _word(value: Any, words: dict[Any, Any]) -> str:
    known = isinstance(value, int | str) and value in words
    return str(words[value].value) if known else ""
