"""Kotak's order calls: ``{"nOrdNo": ..}`` for all of them."""

from collections.abc import Mapping
from enum import StrEnum

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.kotak.calls import BUCKET, Call, KotakCounter, claims_of
from simulator.faces.kotak.fields import (
    ORDER_TYPES,
    PRODUCTS,
    SIDES,
    find_listing,
    new_order,
    order_edit,
    required,
    word,
)
from simulator.faces.kotak.names import unit
from simulator.faces.kotak.wire import COMPLETED, Fields, invalid, refused, success
from simulator.faces.orders import CANCEL, MODIFY, OrderCall, OrderDesk, Said
from simulator.market.types import Listing, MarketQuote

_ORDER_ID = {MODIFY: "no", CANCEL: "on"}
_COLUMNS = {"price": "pr", "trigger_price": "tp", "tag": "ig"}
"""Ledger columns, and the fields that fill them as they are."""
_WORDS: Mapping[str, tuple[str, Mapping[str, StrEnum]]] = {
    "side": ("tt", SIDES),
    "product": ("pc", PRODUCTS),
    "order_type": ("pt", ORDER_TYPES),
}
_COUNTS = frozenset({Reason.QUANTITY, Reason.LOT, Reason.FREEZE})

OrderRequest = OrderCall[Call]


class KotakOrders(OrderDesk[Call]):
    """Takes place, modify and cancel."""

    bucket = BUCKET

    def __init__(self, counter: KotakCounter) -> None:
        super().__init__(counter)
        self._kotak = counter

    async def read(self, request: web.Request) -> Said[Call]:
        """Read the form; the contract is written down by its symbol, where it is known."""
        call = await self._kotak.asked(request)
        name, _ = claims_of(request.headers.get("Auth", ""))
        return Said(
            form=call,
            client=self._kotak.named(name),
            order_id=call.fields.get("no", "") or call.fields.get("on", ""),
            quantity=call.fields.get("qt", ""),
            columns=_columns(call.fields) | self._contract(call.fields),
        )

    def who(self, call: OrderRequest) -> Client:
        """Return whose session it is; order calls show the consumer key too."""
        client = self._kotak.client(call.form)
        if self._kotak.keyed(call.form.request.headers.get("Authorization", "")) is not client:
            raise self._kotak.session_lost()
        return client

    def check(self, call: OrderRequest) -> None:
        """Refuse a change that names no order."""
        if call.name in _ORDER_ID:
            required(call.form.fields, _ORDER_ID[call.name])
            word(call.form.fields, "am", {"NO": "NO", "YES": "YES"})

    def new_order(self, call: OrderRequest) -> NewOrder:
        """Read an order to place."""
        listing = find_listing(call.form.fields, self._kotak.names)
        return new_order(call.form.fields, listing, self._quote(listing))

    def order_edit(self, call: OrderRequest, order: ClientOrder) -> OrderEdit:
        """Read a change."""
        return order_edit(call.form.fields, order.listing, self._quote(order.listing))

    def unit(self, listing: Listing) -> int:
        """Return how many units quantity 1 means."""
        return unit(listing)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the order system's refusal."""
        return refusal_of(refusal)

    def done(self, call: OrderRequest, order_id: str) -> web.Response:
        """Return the order's number."""
        return success({"nOrdNo": order_id})

    def _quote(self, listing: Listing) -> MarketQuote:
        return self.desk.exchange.market.quote(listing.token)

    def _contract(self, fields: Fields) -> dict[str, str]:
        listing = self._kotak.names.traded(fields.get("es", ""), fields.get("ts", ""))
        if listing is None:
            return {}
        exchange, symbol = self._kotak.names.name_of(listing)
        return {"exchange": exchange, "symbol": symbol}


def refusal_of(refusal: Refusal) -> FaceError:
    """Return the refusal of what the exchange would not take, in Kotak's codes where it has one."""
    reason = refusal.reason
    if reason in _COUNTS:
        return refused(1009, f"Invalid Quantity: {refusal.message}")
    if reason in (Reason.UNKNOWN_SYMBOL, Reason.NOT_TRADABLE):
        return refused(1007, "Invalid Symbol")
    if reason is Reason.MARGIN:
        return refused(1004, "Insufficient balance.")
    if reason is Reason.ORDER_NOT_OPEN and "complete" in refusal.message:
        return refused(int(COMPLETED), "order is completed")
    if reason in (Reason.ORDER_NOT_OPEN, Reason.UNKNOWN_ORDER):
        return refused(1006, "Order already cancelled or not found.")
    return invalid(f"input: {refusal.message}")


def _columns(fields: Fields) -> dict[str, str]:
    as_they_are = {column: fields.get(key, "") for column, key in _COLUMNS.items()}
    words = {column: table[fields[key]].value for column, (key, table) in _WORDS.items() if fields.get(key) in table}
    return as_they_are | words
