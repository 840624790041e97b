"""A Noren account: the broker that trades it."""

from collections.abc import Sequence

from brokers.lots import LotSizeOf
from brokers.noren import orders, portfolio
from brokers.noren.access import Access
from brokers.transport import Wire
from domain.broker import BrokerSpec, Holding, Outcome
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest


class NorenBroker:
    """Order entry and books of one account of a member."""

    def __init__(self, *, wire: Wire, access: Access, lot_size_of: LotSizeOf) -> None:
        self.spec: BrokerSpec = access.member.spec
        self._wire = wire
        self._access = access
        self._lot_size_of = lot_size_of

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises."""
        return await orders.place(self._wire, self._access, request)

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Modify once; never raises."""
        return await orders.modify(self._wire, self._access, broker_order_id, change)

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        return await orders.cancel(self._wire, self._access, broker_order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Return today's orders; raises ``BrokerError``."""
        return await portfolio.order_book(self._wire, self._access, self._lot_size_of)

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return today's executions; raises ``BrokerError``."""
        return await portfolio.trade_book(self._wire, self._access, self._lot_size_of)

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return net positions; raises ``BrokerError``."""
        return await portfolio.positions(self._wire, self._access, self._lot_size_of)

    async def funds(self) -> Funds:
        """Return the rupees of all segments together; raises ``BrokerError``."""
        return await portfolio.funds(self._wire, self._access)

    async def order_history(self, broker_order_id: str) -> Sequence[BrokerOrder]:
        """Return the states of one order, oldest first; raises ``BrokerError``."""
        return await portfolio.order_history(self._wire, self._access, broker_order_id, self._lot_size_of)

    async def holdings(self) -> Sequence[Holding]:
        """Return delivered securities; raises ``BrokerError``."""
        return await portfolio.holdings(self._wire, self._access)

    async def aclose(self) -> None:
        """Close the account's HTTP session."""
        await self._wire.aclose()
