"""Order calls as both markets take them: their parameters come in the query or as a form."""

from abc import abstractmethod
from collections.abc import Mapping

from aiohttp import web

from domain.instruments import Exchange
from domain.orders import OrderType, Side
from domain.prices import to_scaled
from simulator.clients import Client
from simulator.exchange.types import ClientOrder, NewOrder, OrderState, Reason, Refusal
from simulator.faces.binance.calls import Asked, BinanceCounter
from simulator.faces.binance.fields import find_listing, units_of
from simulator.faces.binance.wire import BinanceError, unknown_order
from simulator.faces.calls import FaceError
from simulator.faces.orders import PLACE, OrderCall, OrderDesk, Said


class OrderCalls(OrderDesk[Asked]):
    """Order calls at one market.

    ``types`` are its words for types of orders, ``refusals`` what it says to what the exchange would not take, and
    ``refusal`` to what is not among them.
    """

    counter: BinanceCounter
    exchange: Exchange
    types: Mapping[str, OrderType]
    refusals: Mapping[Reason, tuple[int, str]]
    refusal: tuple[int, str]

    @abstractmethod
    def named(self, request: web.Request, client: Client | None, asked: Asked) -> str:
        """Return the order a call is about; "" for none."""

    @abstractmethod
    def columns(self, request: web.Request, asked: Asked) -> Mapping[str, str]:
        """Return what the ledger's line of a call has beside what every call says."""

    @abstractmethod
    def check_open(self, client: Client, order: NewOrder) -> None:
        """Refuse, by ``FaceError``, a new order for what the client has or the book shows."""

    async def place(self, request: web.Request) -> web.StreamResponse:
        """Take a new order."""
        return self._counted(request, await super().place(request))

    async def modify(self, request: web.Request) -> web.StreamResponse:
        """Take a change or replacement."""
        return self._counted(request, await super().modify(request))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Take a cancellation."""
        return self._weighed(request, await super().cancel(request))

    async def read(self, request: web.Request) -> Said[Asked]:
        """Read parameters and key."""
        asked = await self.counter.asked(request)
        client, symbol = self.counter.keyed(asked.key), asked.params.get("symbol", "")
        listing = self.desk.exchange.market.find(self.exchange, symbol)
        kind = self.types.get(asked.params.get("type", ""))
        return Said(
            form=asked,
            client=client,
            order_id=self.named(request, client, asked),
            quantity=units_of(asked.params.get("quantity", ""), listing) if listing else "",
            columns={
                "exchange": self.exchange.value if symbol else "",
                "symbol": symbol,
                "side": asked.params.get("side", ""),
                "price": asked.params.get("price", ""),
                "order_type": kind.value if kind else "",
                **self.columns(request, asked),
            },
        )

    def who(self, call: OrderCall[Asked]) -> Client:
        """Return whose call it is."""
        return self.counter.client(call.form)

    def refused(self, refusal: Refusal, *, name: str) -> FaceError:
        """Return the error for what the exchange would not take."""
        return BinanceError(*self.refusals.get(refusal.reason, self.refusal))

    def place_order(self, call: OrderCall[Asked], client: Client) -> str:
        """Refuse what Binance would, then place it."""
        order = self.new_order(call)
        self.check_open(client, order)
        return self.taken(client, order)

    def taken(self, client: Client, order: NewOrder) -> str:
        """Place an order; what the exchange turns down was never one at Binance."""
        order_id = self.desk.exchange.place(client.client, order, now=self.desk.now())
        taken = self.desk.exchange.order(client.client, order_id)
        if taken.state is OrderState.REJECTED:
            raise self.refused(Refusal(taken.reason or Reason.EXCHANGE, taken.message), name=PLACE)
        return order_id

    def order_of(self, call: OrderCall[Asked], order_id: str) -> ClientOrder:
        """Return an order of the caller's."""
        client = self.counter.keyed(call.form.key)
        return self.desk.exchange.order(client.client if client else "", order_id)

    def crosses(self, order: NewOrder) -> bool:
        """Say whether an order would trade at once."""
        market = self.desk.exchange.market
        listing = market.find(order.exchange, order.symbol)
        quote, price = market.quote(listing.token) if listing else None, to_scaled(order.price)
        return quote is not None and (price >= quote.ask if order.side is Side.BUY else price <= quote.bid)

    def check_named(self, call: OrderCall[Asked]) -> None:
        """Refuse, by ``FaceError``, a cancel or change that names no symbol."""
        find_listing(call.form, self.desk.exchange.market, self.exchange)

    def _cancel(self, call: OrderCall[Asked], client: Client) -> str:
        self.check_named(call)
        if not call.order_id:
            raise unknown_order()
        return super()._cancel(call, client)

    def _counted(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        self.counter.show_orders(request, response)
        return self._weighed(request, response)

    def _weighed(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        self.counter.show_weight(request, response)
        return response
