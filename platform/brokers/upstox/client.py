"""An Upstox account: the broker that trades it."""

from collections.abc import Sequence

from brokers.rest import RestAccount, RestBroker
from brokers.upstox import orders, portfolio
from brokers.upstox.access import Access
from brokers.upstox.answers import order_outcome
from domain.broker import BasketMargin, Holding
from domain.orders import BrokerOrder, OrderRequest


class UpstoxBroker(RestBroker[Access]):
    """Order entry and books of one Upstox account."""

    def __init__(self, account: RestAccount[Access]) -> None:
        super().__init__(account, orders=orders, outcome=order_outcome, books=portfolio)

    async def order_history(self, broker_order_id: str) -> Sequence[BrokerOrder]:
        """Return the states of one order, oldest first; raises ``BrokerError``."""
        return await portfolio.order_history(self.account, broker_order_id)

    async def orders_tagged(self, client_order_id: str) -> Sequence[BrokerOrder]:
        """Return today's orders that bear our tag; raises ``BrokerError``."""
        return await portfolio.orders_tagged(self.account, client_order_id)

    async def holdings(self) -> Sequence[Holding]:
        """Return delivered securities; raises ``BrokerError``."""
        return await portfolio.holdings(self.account)

    async def basket_margin(self, requests: Sequence[OrderRequest]) -> BasketMargin:
        """Return what orders need together, positions not considered; raises ``BrokerError``."""
        return await portfolio.basket_margin(self.account, requests)
