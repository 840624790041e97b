"""A Binance account: the broker that trades its markets."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from brokers.adapter import Account
from brokers.answers import unknown
from brokers.binance import orders, portfolio
from brokers.binance.access import Access
from brokers.binance.answers import OUT_OF_TIME, order_outcome
from brokers.binance.futures import orders as futures_orders
from brokers.binance.futures import portfolio as futures_portfolio
from brokers.binance.ids import named, order_id
from brokers.binance.spec import SPEC
from brokers.rest import Books, OrderCalls, RestAccount, RestBroker
from domain.broker import BrokerSpec, Outcome, Verdict
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest


class MarketBroker(RestBroker[Access]):
    """Order entry and books of one account at one market."""

    def __init__(self, account: RestAccount[Access], *, orders: OrderCalls[Access], books: Books[Access]) -> None:
        outcome = partial(order_outcome, mark=account.access.mark)
        super().__init__(account, orders=orders, outcome=outcome, books=books)

    @property
    def is_traded(self) -> bool:
        """Whether the account names anything of this market."""
        return bool(self.account.access.symbols)

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises. An answer that does not repeat contract and client order id proves nothing."""
        await self._settle()
        outcome = self._noted(await super().place(request))
        if outcome.verdict is not Verdict.ACKNOWLEDGED:
            return outcome
        expected = order_id(self.account.access.contract(request.symbol), request.client_order_id, 0)
        if outcome.broker_order_id != expected:
            return unknown("OTHER_ORDER", f"the answer is not about order {expected}")
        return outcome

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Change once; never raises."""
        await self._settle()
        return self._noted(await super().modify(broker_order_id, change))

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        await self._settle()
        return self._noted(await super().cancel(broker_order_id))

    async def _settle(self) -> None:
        access = self.account.access
        await access.clock.settle(self.account.wire, access.time_url)

    def _noted(self, outcome: Outcome) -> Outcome:
        if outcome.code == OUT_OF_TIME:
            self.account.access.clock.doubt()
        return outcome


class BinanceBroker:
    """One account at both markets: an order goes to its own, books and money are those of the markets it trades."""

    spec: BrokerSpec = SPEC

    def __init__(self, account: Account) -> None:
        self._wire = wire = account.wire()
        spot, futures = (
            RestAccount(SPEC, wire, access, account.lot_size_of)
            for access in (Access.of(account), Access.of_futures(account))
        )
        self._markets = (
            MarketBroker(spot, orders=orders, books=portfolio),
            MarketBroker(futures, orders=futures_orders, books=futures_portfolio),
        )

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises. What the broker could not take is REJECTED with code ``INVALID``, unsent."""
        for market in self._markets:
            if market.account.access.exchange == request.exchange:
                return await market.place(request)
        return _invalid(f"{SPEC.name} has no exchange {request.exchange!r}")

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Change once; never raises."""
        market = self._market_of(broker_order_id)
        return market if isinstance(market, Outcome) else await market.modify(broker_order_id, change)

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        market = self._market_of(broker_order_id)
        return market if isinstance(market, Outcome) else await market.cancel(broker_order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Return the orders of both markets, each symbol's oldest first; raises ``BrokerError``."""
        return [order for market in self._traded() for order in await market.order_book()]

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return the last day's executions; raises ``BrokerError``."""
        return [fill for market in self._traded() for fill in await market.trade_book()]

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return what is held at both markets; raises ``BrokerError``."""
        return [position for market in self._traded() for position in await market.positions()]

    async def funds(self) -> Funds:
        """Return the money of both wallets together; raises ``BrokerError``."""
        wallets = [await market.funds() for market in self._traded()]
        nothing = Decimal(0)
        return Funds(
            available=sum((wallet.available for wallet in wallets), nothing),
            used=sum((wallet.used for wallet in wallets), nothing),
            total=sum((wallet.total for wallet in wallets), nothing),
        )

    async def aclose(self) -> None:
        """Close the account's HTTP session."""
        await self._wire.aclose()

    def _traded(self) -> Sequence[MarketBroker]:
        return [market for market in self._markets if market.is_traded]

    def _market_of(self, broker_order_id: str) -> MarketBroker | Outcome:
        """An order may be changed or cancelled at a market whose symbols the account does not name any more."""
        try:
            mark = named(broker_order_id).mark
        except ValueError as error:
            return _invalid(str(error))
        return next(market for market in self._markets if market.account.access.mark == mark)


def _invalid(message: str) -> Outcome:
    return Outcome(Verdict.REJECTED, code="INVALID", message=message)
