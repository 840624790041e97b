"""POST, PUT and DELETE /fapi/v1/order.

https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api
"""

from collections.abc import Mapping

from aiohttp import web

from domain.orders import OrderType, Side
from domain.prices import to_scaled
from simulator.clients import Client
from simulator.exchange.types import (
    RESTING_STATES,
    ClientOrder,
    NewOrder,
    OrderEdit,
    OrderState,
    Reason,
    Refusal,
)
from simulator.faces.binance.calls import Asked
from simulator.faces.binance.fields import side_of
from simulator.faces.binance.futures.calls import FuturesCounter
from simulator.faces.binance.futures.fields import (
    check_filters,
    contract_of,
    new_order,
    price_of,
    quantity_of,
    units_of,
)
from simulator.faces.binance.futures.listings import EXCHANGE, MOST_OPEN
from simulator.faces.binance.futures.manner import manner_of
from simulator.faces.binance.futures.mapping import acknowledged, answer
from simulator.faces.binance.futures.modes import Modes
from simulator.faces.binance.wire import BinanceError, mandatory, success, unknown_order
from simulator.faces.calls import FaceError
from simulator.faces.orders import PLACE, OrderCall, OrderDesk, Said

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
_REJECTED = (-2010, "NEW_ORDER_REJECTED")


class FuturesOrders(OrderDesk[Asked]):
    """Order calls; their parameters come in the query or as a form."""

    counter: FuturesCounter

    def __init__(self, counter: FuturesCounter, modes: Modes) -> None:
        super().__init__(counter)
        self._modes = modes

    async def place(self, request: web.Request) -> web.StreamResponse:
        """Take a new order."""
        return self._counted(request, await super().place(request))

    async def modify(self, request: web.Request) -> web.StreamResponse:
        """Take a change."""
        return self._counted(request, await super().modify(request))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Take a cancellation."""
        response = await super().cancel(request)
        self.counter.show_weight(request, response)
        return response

    async def read(self, request: web.Request) -> Said[Asked]:
        """Read parameters and key."""
        asked = await self.counter.asked(request)
        client, symbol = self.counter.keyed(asked.key), asked.params.get("symbol", "")
        listing = self.desk.exchange.market.find(EXCHANGE, symbol)
        kind = _TYPES.get(asked.params.get("type", ""))
        return Said(
            form=asked,
            client=client,
            order_id=self._named(client, asked) if request.method != "POST" else "",
            quantity=units_of(asked.params.get("quantity", ""), listing) if listing else "",
            columns={
                "exchange": EXCHANGE.value if symbol else "",
                "symbol": symbol,
                "side": asked.params.get("side", ""),
                "price": asked.params.get("price", ""),
                "order_type": kind.value if kind else "",
                "tag": asked.params.get("newClientOrderId", ""),
            },
        )

    def who(self, call: OrderCall[Asked]) -> Client:
        """Return whose call it is."""
        return self.counter.client(call.form)

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

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the error for what the exchange would not take."""
        return BinanceError(*_REFUSALS.get(refusal.reason, _REJECTED))

    def done(self, call: OrderCall[Asked], order_id: str) -> web.Response:
        """Return the reply to a call that was accepted; a new order's tells of trades only where that is asked for."""
        client = self.counter.keyed(call.form.key)
        order = self.desk.exchange.order(client.client if client else "", order_id)
        is_brief = call.name == PLACE and call.form.params.get("newOrderRespType", "ACK") == "ACK"
        return success(acknowledged(order) if is_brief else answer(order))

    def place_order(self, call: OrderCall[Asked], client: Client) -> str:
        """Refuse what Binance would, then place it; what the exchange turns down was never an order."""
        order = self.new_order(call)
        self._check_open(client, order)
        order_id = self.desk.exchange.place(client.client, order, now=self.desk.now())
        taken = self.desk.exchange.order(client.client, order_id)
        if taken.state is OrderState.REJECTED:
            raise self.refused(Refusal(taken.reason or Reason.EXCHANGE, taken.message), name=PLACE)
        return order_id

    def _check_open(self, client: Client, order: NewOrder) -> None:
        orders = self.desk.exchange.orders(client.client)
        resting = [one for one in orders if one.state in RESTING_STATES and one.listing.exchange is EXCHANGE]
        if any(one.tag == order.tag for one in resting):
            raise BinanceError(-4116, "ClientOrderId is duplicated.")
        if sum(1 for one in resting if one.listing.symbol == order.symbol) >= MOST_OPEN:
            raise BinanceError(-2025, "Reach max open order limit.")
        if manner_of(order.variety).reduces and order.quantity > self._closeable(client, order):
            raise BinanceError(-2022, "ReduceOnly Order is rejected.")
        if manner_of(order.variety).lasts == "GTX" and self._crosses(order):
            text = "Due to the order could not be executed as maker, the Post Only order will be rejected."
            raise BinanceError(-5022, text)

    def _closeable(self, client: Client, order: NewOrder) -> int:
        """Return how many units of the opposite side are held."""
        held = self.desk.exchange.positions(client.client)
        ours = (one for one in held if (one.listing.exchange, one.listing.symbol) == (EXCHANGE, order.symbol))
        return sum(max(-one.quantity * order.side.sign, 0) for one in ours)

    def _crosses(self, order: NewOrder) -> bool:
        market = self.desk.exchange.market
        listing = market.find(EXCHANGE, order.symbol)
        quote, price = market.quote(listing.token) if listing else None, to_scaled(order.price)
        return quote is not None and (price >= quote.ask if order.side is Side.BUY else price <= quote.bid)

    def _cancel(self, call: OrderCall[Asked], client: Client) -> str:
        self._which(call)
        if not call.order_id:
            raise unknown_order()
        return super()._cancel(call, client)

    def _modify(self, call: OrderCall[Asked], client: Client) -> str:
        """Change an order; one of which more is filled than it shall be in all is cancelled."""
        self._which(call)
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

    def _which(self, call: OrderCall[Asked]) -> None:
        """Raise unless the call names a contract and an order."""
        contract_of(call.form, self.desk.exchange.market)
        if not (call.form.params.get("orderId") or call.form.params.get("origClientOrderId")):
            raise mandatory("orderId")

    def _named(self, client: Client | None, asked: Asked) -> str:
        """Return the order a cancel or change is about: by Binance's number, or the latest of a client id."""
        number, tag = asked.params.get("orderId", ""), asked.params.get("origClientOrderId", "")
        if client is None or not (number or tag):
            return ""
        for order in reversed(self.desk.exchange.orders(client.client)):
            is_it = order.order_id == number if number else order.tag == tag
            where = (order.listing.exchange, order.listing.symbol)
            if is_it and where == (EXCHANGE, asked.params.get("symbol")):
                return order.order_id
        return ""

    def _counted(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        self.counter.show_orders(request, response)
        self.counter.show_weight(request, response)
        return response
