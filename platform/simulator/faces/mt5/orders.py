"""``order_send``: what a request's action makes of it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from domain.orders import Side
from domain.prices import to_decimal
from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderEdit, OrderState, Reason, Refusal
from simulator.faces.calls import FaceError
from simulator.faces.mt5 import wire
from simulator.faces.mt5.book import HEDGING, book_of
from simulator.faces.mt5.calls import Asked, TerminalCounter
from simulator.faces.mt5.fields import MODIFY, REMOVE, TYPES, Fields, comment_of, edit_of, new_order, number, whole
from simulator.faces.mt5.symbols import BY_NAME, EXCHANGE, lots_of, prices, units_of
from simulator.faces.mt5.wire import TradeError
from simulator.faces.orders import CANCEL, PLACE, OrderCall, OrderDesk, Said
from simulator.faces.orders import MODIFY as MODIFY_CALL

_REFUSALS: Mapping[Reason, int] = {
    Reason.MARGIN: wire.NO_MONEY,
    Reason.POSITION: wire.NO_MONEY,
    Reason.HALTED: wire.MARKET_CLOSED,
    Reason.TRIGGER: wire.INVALID_PRICE,
    Reason.PRICE: wire.INVALID_PRICE,
    Reason.TICK: wire.INVALID_PRICE,
    Reason.FREEZE: wire.INVALID_VOLUME,
    Reason.LOT: wire.INVALID_VOLUME,
    Reason.QUANTITY: wire.INVALID_VOLUME,
    Reason.UNKNOWN_ORDER: wire.INVALID_ORDER,
    Reason.ORDER_NOT_OPEN: wire.INVALID_ORDER,
}


def margin_mode_of(client: Client) -> int:
    """Return whether a client's account nets its positions (0) or hedges (2)."""
    return int(client.extra.get("margin_mode", "0"))


class TerminalOrders(OrderDesk[Asked]):
    """Trade requests."""

    counter: TerminalCounter

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take a trade request, whatever its action."""
        action = _whole((await self.counter.asked(request)).arguments, "action")
        return await {MODIFY: self.modify, REMOVE: self.cancel}.get(action, self.place)(request)

    async def read(self, request: web.Request) -> Said[Asked]:
        """Read a request."""
        asked = await self.counter.asked(request)
        fields = asked.arguments
        names_order = _whole(fields, "action") in (MODIFY, REMOVE)
        cfd = BY_NAME.get(str(fields.get("symbol", "")))
        return Said(
            form=asked,
            client=self.counter.named(asked.login),
            order_id=str(_whole(fields, "order")) if names_order else "",
            quantity=str(units_of(number(fields, "volume"), cfd)) if cfd and _whole(fields, "action") else "",
            columns={} if names_order else _columns(fields),
        )

    def who(self, call: OrderCall[Asked]) -> Client:
        """Return whose call it is."""
        return self.counter.client(call.form)

    def new_order(self, call: OrderCall[Asked]) -> NewOrder:
        """Return the order to place."""
        return new_order(call.form.arguments, self.desk.exchange.market)

    def order_edit(self, call: OrderCall[Asked], order: ClientOrder) -> OrderEdit:
        """Return a pending order's new price."""
        return edit_of(
            call.form.arguments,
            is_stop=order.trigger_price > 0,
            cfd=BY_NAME[order.listing.symbol],
            quote=self.desk.exchange.market.quote(order.listing.token),
            side=order.side,
        )

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the server's return code for what the exchange would not take."""
        return TradeError(_REFUSALS.get(refusal.reason, wire.REJECT), refusal.message[:31])

    def done(self, call: OrderCall[Asked], order_id: str) -> web.Response:
        """Return the result of a request that was accepted."""
        client = self.counter.client(call.form)
        order = self.desk.exchange.order(client.client, order_id)
        if call.name in (CANCEL, MODIFY_CALL):
            return wire.success(wire.result(wire.DONE, comment="Request executed", order=int(order_id)))
        return wire.success(self._placed(client, order))

    async def examined(self, client: Client, asked: Asked) -> dict[str, Any]:
        """``order_check``: whether a request would be taken, and what it would tie up; nothing is sent."""
        try:
            wish = new_order(asked.arguments, self.desk.exchange.market)
            margin = float(self.desk.exchange.required_margin(wish).total)
        except Refusal as refusal:
            raise self.refused(refusal, name=PLACE) from None
        free = float(self.desk.exchange.margins(client.client).available)
        if margin > free:
            raise TradeError(wire.NO_MONEY, "No money")
        return {"retcode": 0, "margin": margin, "margin_free": free - margin, "comment": "Done"}

    def _placed(self, client: Client, order: ClientOrder) -> dict[str, Any]:
        trades = self.desk.exchange.trades(client.client, order.order_id)
        quote = self.desk.exchange.market.quote(order.listing.token)
        codes = {0: wire.PLACED, order.quantity: wire.DONE}
        return wire.result(
            codes.get(order.filled_quantity, wire.DONE_PARTIAL),
            comment="Request executed",
            order=int(order.order_id),
            deal=int(trades[-1].trade_id) if trades else 0,
            volume=lots_of(order.filled_quantity or order.quantity, order.listing.symbol),
            price=float(order.average_price or order.price),
            bid=prices(quote)["bid"],
            ask=prices(quote)["ask"],
        )

    def place_order(self, call: OrderCall[Asked], client: Client) -> str:
        """Place an order; what the exchange turns down has no ticket at a trade server."""
        self._check_position(call.form.arguments, client)
        order_id = super().place_order(call, client)
        taken = self.desk.exchange.order(client.client, order_id)
        if taken.state is OrderState.REJECTED:
            raise self.refused(Refusal(taken.reason or Reason.EXCHANGE, taken.message), name=call.name)
        return order_id

    def _check_position(self, fields: Fields, client: Client) -> None:
        """A position that is to be closed must be open, of the other side, and no smaller."""
        ticket = whole(fields, "position")
        if not ticket or margin_mode_of(client) != HEDGING:
            return
        held = book_of(self.desk.exchange, client.client, margin_mode=HEDGING).position(ticket)
        side = TYPES.get(whole(fields, "type"), (Side.BUY, None))[0]
        if held is None or held["symbol"] != fields.get("symbol") or held["type"] == (0 if side is Side.BUY else 1):
            raise TradeError(wire.POSITION_CLOSED, "Position doesn't exist")
        if number(fields, "volume") > to_decimal(round(held["volume"] * 10**8)):
            raise TradeError(wire.INVALID_CLOSE_VOLUME, "Invalid close volume")


def _columns(fields: Fields) -> dict[str, str]:
    side, kind = TYPES.get(_whole(fields, "type"), (None, None))
    cfd = BY_NAME.get(str(fields.get("symbol", "")))
    return {
        "exchange": EXCHANGE if cfd else "",
        "symbol": cfd.family.underlying if cfd else "",
        "side": side.value if side else "",
        "price": str(fields.get("price", "")),
        "order_type": kind.value if kind else "",
        "tag": comment_of(fields),
    }


def _whole(fields: Fields, name: str) -> int:
    """Return a whole number before anybody believes the request: -1 for what is none."""
    try:
        return whole(fields, name)
    except FaceError:
        return -1
