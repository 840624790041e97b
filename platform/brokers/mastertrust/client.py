"""A Master Trust account: the broker that trades it."""

from collections.abc import Sequence

from brokers.mastertrust import orders, portfolio
from brokers.mastertrust.access import Access
from brokers.mastertrust.answers import order_outcome
from brokers.rest import RestAccount, RestBroker
from domain.broker import Holding
from domain.orders import BrokerOrder


class MasterTrustBroker(RestBroker[Access]):
    """Order entry and books of one account."""

    def __init__(self, account: RestAccount[Access]) -> None:
        super().__init__(account, orders=orders, outcome=order_outcome, books=portfolio)

    async def order_history(self, broker_order_id: str) -> Sequence[BrokerOrder]:
        """Return the states of one order, oldest first; raises ``BrokerError``."""
        return await portfolio.order_history(self.account, broker_order_id)

    async def holdings(self) -> Sequence[Holding]:
        """Return delivered securities; raises ``BrokerError``."""
        return await portfolio.holdings(self.account)
