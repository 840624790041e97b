"""A Binance account: the broker that trades it."""

from brokers.answers import unknown
from brokers.binance import orders, portfolio
from brokers.binance.access import Access
from brokers.binance.answers import OUT_OF_TIME, order_outcome
from brokers.binance.ids import order_id
from brokers.rest import RestAccount, RestBroker
from domain.broker import Outcome, Verdict
from domain.orders import OrderChange, OrderRequest


class BinanceBroker(RestBroker[Access]):
    """Order entry and books of one account."""

    def __init__(self, account: RestAccount[Access]) -> None:
        super().__init__(account, orders=orders, outcome=order_outcome, books=portfolio)

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises. An answer that does not repeat pair and client order id proves nothing."""
        await self._settle()
        outcome = self._noted(await super().place(request))
        if outcome.verdict is not Verdict.ACKNOWLEDGED:
            return outcome
        expected = order_id(request.symbol, request.client_order_id, 0)
        if outcome.broker_order_id != expected:
            return unknown("OTHER_ORDER", f"the answer is not about order {expected}")
        return outcome

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Replace once; never raises."""
        await self._settle()
        return self._noted(await super().modify(broker_order_id, change))

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        await self._settle()
        return self._noted(await super().cancel(broker_order_id))

    async def _settle(self) -> None:
        access = self.account.access
        await access.clock.settle(self.account.wire, access.rest_url)

    def _noted(self, outcome: Outcome) -> Outcome:
        if outcome.code == OUT_OF_TIME:
            self.account.access.clock.doubt()
        return outcome
