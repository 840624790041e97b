"""A Fyers account: the broker that trades it."""

from collections.abc import Sequence

from brokers.fyers import orders, portfolio
from brokers.fyers.access import Access
from brokers.fyers.answers import order_outcome
from brokers.rest import RestAccount, RestBroker
from domain.broker import BasketMargin, Holding
from domain.orders import BrokerOrder, OrderRequest


class FyersBroker(RestBroker[Access]):
    """Order entry and books of one Fyers account."""

    def __init__(self, account: RestAccount[Access]) -> None:
        super().__init__(account, orders=orders, outcome=order_outcome, books=portfolio)

    async def orders_tagged(self, client_order_id: str) -> Sequence[BrokerOrder]:
        """Return today's orders that bear our tag, none being an answer; raises ``BrokerError``."""
        return await portfolio.orders_tagged(self.account, client_order_id)

    async def holdings(self) -> Sequence[Holding]:
        """Return delivered securities; raises ``BrokerError``."""
        return await portfolio.holdings(self.account)

    async def basket_margin(self, requests: Sequence[OrderRequest]) -> BasketMargin:
        """Return what orders need together, positions considered; raises ``BrokerError``."""
        return await portfolio.basket_margin(self.account, requests)
