"""Sockets of an account's own orders, as both markets tell of them."""

from abc import abstractmethod

from domain.instruments import Exchange
from simulator.exchange.types import ClientOrder, ClientTrade, OrderState
from simulator.faces.binance.wire import stamp
from simulator.faces.sockets import AnySocket, Sockets


class OrderSockets(Sockets[AnySocket]):
    """Sockets that say nothing by themselves; ``exchange`` is the market whose orders they tell of."""

    heartbeat = 1.0
    endpoint = "orders.socket"
    exchange: Exchange

    @abstractmethod
    def announce(self, socket: AnySocket, order: ClientOrder, last: ClientTrade | None, *, now: int) -> None:
        """Queue what happened to an order, of which ``last`` is the last execution."""

    async def flush(self, socket: AnySocket) -> None:
        """Send what waits."""
        await socket.tell()

    def tell_order(self, socket: AnySocket, order: ClientOrder) -> None:
        """Queue an update; what was refused has never been an order."""
        if order.listing.exchange is self.exchange and order.state is not OrderState.REJECTED:
            trades = self._desk.exchange.trades(order.client, order.order_id)
            self.announce(socket, order, trades[-1] if trades else None, now=stamp(self._desk.now()))
