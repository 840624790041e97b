"""POST, PUT and DELETE /fapi/v1/order.

https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api
"""

from collections.abc import Mapping

from aiohttp import web

from domain.orders import OrderType
from simulator.clients import Client
from simulator.exchange.types import RESTING_STATES, ClientOrder, NewOrder, OrderEdit, Reason
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import side_of
from simulator.faces.binance.futures.calls import FuturesCounter
from simulator.faces.binance.futures.fields import check_filters, new_order, price_of, quantity_of
from simulator.faces.binance.futures.listings import EXCHANGE, MOST_OPEN
from simulator.faces.binance.futures.manner import manner_of
from simulator.faces.binance.futures.mapping import acknowledged, answer
from simulator.faces.binance.futures.modes import Modes
from simulator.faces.binance.order_calls import OrderCalls
from simulator.faces.binance.wire import BinanceError, mandatory, success
from simulator.faces.orders import PLACE, OrderCall

_TYPES = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_NO_SUCH_ORDER = (-2013, "Order does not exist.")
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.MARGIN: (-2019, "Margin is insufficient."),
    Reason.HALTED: (-4141, "Symbol is closed."),
    Reason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Reason.ORDER_NOT_OPEN: (-2011, "Unknown order sent."),
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Reason.BAND: (-4016, "Price is higher than mark price multiplier cap."),
    Reason.TICK: (-4014, "Price not increased by tick size."),
    Reason.PRICE: (-4001, "Price less than 0."),
    Reason.MODIFICATIONS: (-5026, "Exceed maximum modify order limit."),
}


class FuturesOrders(OrderCalls):
    """Order calls of the futures exchange."""

    exchange = EXCHANGE
    types = _TYPES
    refusals = _REFUSALS
    refusal = (-2010, "NEW_ORDER_REJECTED")

    def __init__(self, counter: FuturesCounter, modes: Modes) -> None:
        super().__init__(counter)
        self._modes = modes

    def named(self, request: web.Request, client: Client | None, asked: Asked) -> str:
        """Return the order a cancel or change is about: by Binance's number, or the latest of a client id."""
        number, tag = asked.params.get("orderId", ""), asked.params.get("origClientOrderId", "")
        if request.method == "POST" or client is None or not (number or tag):
            return ""
        for order in reversed(self.desk.exchange.orders(client.client)):
            is_it = order.order_id == number if number else order.tag == tag
            where = (order.listing.exchange, order.listing.symbol)
            if is_it and where == (EXCHANGE, asked.params.get("symbol")):
                return order.order_id
        return ""

    def columns(self, request: web.Request, asked: Asked) -> Mapping[str, str]:
        """Return the tag."""
        return {"tag": asked.params.get("newClientOrderId", "")}

    def new_order(self, call: OrderCall[Asked]) -> NewOrder:
        """Return the order to place."""
        return new_order(call.form, self.desk.exchange.market, is_hedged=self._modes.is_hedged(self.who(call)))

    def order_edit(self, call: OrderCall[Asked], order: ClientOrder) -> OrderEdit:
        """Return the change of an order: price and quantity are both said."""
        if manner_of(order.variety).kind != "LIMIT":
            raise BinanceError(-5025, "Only limit order is supported.")
        price, quantity = price_of(call.form, order.listing), quantity_of(call.form, order.listing)
        if (price, quantity) == (order.price, order.quantity):
            raise BinanceError(-5027, "No need to modify the order.")
        return OrderEdit(price=price, quantity=quantity)

    def done(self, call: OrderCall[Asked], order_id: str) -> web.Response:
        """Return the reply to a call that was accepted; a new order's tells of trades only where that is asked for."""
        order = self.order_of(call, order_id)
        is_brief = call.name == PLACE and call.form.params.get("newOrderRespType", "ACK") == "ACK"
        return success(acknowledged(order) if is_brief else answer(order))

    def check_open(self, client: Client, order: NewOrder) -> None:
        """Refuse a tag that rests already, one order too many, and what would not reduce or not be a maker."""
        orders = self.desk.exchange.orders(client.client)
        resting = [one for one in orders if one.state in RESTING_STATES and one.listing.exchange is EXCHANGE]
        if any(one.tag == order.tag for one in resting):
            raise BinanceError(-4116, "ClientOrderId is duplicated.")
        if sum(1 for one in resting if one.listing.symbol == order.symbol) >= MOST_OPEN:
            raise BinanceError(-2025, "Reach max open order limit.")
        if manner_of(order.variety).reduces and order.quantity > self._closeable(client, order):
            raise BinanceError(-2022, "ReduceOnly Order is rejected.")
        if manner_of(order.variety).lasts == "GTX" and self.crosses(order):
            text = "Due to the order could not be executed as maker, the Post Only order will be rejected."
            raise BinanceError(-5022, text)

    def check_named(self, call: OrderCall[Asked]) -> None:
        """Refuse a cancel or change that names no contract or no order."""
        super().check_named(call)
        if not (call.form.params.get("orderId") or call.form.params.get("origClientOrderId")):
            raise mandatory("orderId")

    def _closeable(self, client: Client, order: NewOrder) -> int:
        """Return how many units of the opposite side are held."""
        held = self.desk.exchange.positions(client.client)
        ours = (one for one in held if (one.listing.exchange, one.listing.symbol) == (EXCHANGE, order.symbol))
        return sum(max(-one.quantity * order.side.sign, 0) for one in ours)

    def _modify(self, call: OrderCall[Asked], client: Client) -> str:
        """Change an order; one of which more is filled than it shall be in all is cancelled."""
        self.check_named(call)
        order = self.desk.exchange.order(client.client, call.order_id) if call.order_id else None
        if order is None or order.state not in RESTING_STATES:
            raise BinanceError(*_NO_SUCH_ORDER)
        if side_of(call.form) is not order.side:
            raise BinanceError(-1117, "Invalid side.")
        edit = self.order_edit(call, order)
        if order.filled_quantity and (edit.quantity or 0) <= order.filled_quantity:
            return super()._cancel(call, client)
        self._check_change(order, edit)
        self.desk.exchange.modify(client.client, call.order_id, edit, now=self.desk.now())
        return call.order_id

    def _check_change(self, order: ClientOrder, edit: OrderEdit) -> None:
        wanted = NewOrder(
            exchange=EXCHANGE,
            symbol=order.listing.symbol,
            side=order.side,
            quantity=edit.quantity or order.quantity,
            product=order.product,
            order_type=order.order_type,
            price=edit.price or order.price,
            variety=order.variety,
        )
        check_filters(wanted, order.listing, self.desk.exchange.market)
