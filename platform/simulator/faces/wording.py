"""What each broker calls a contract: the ledger is in the words of the broker a line is about."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from simulator.exchange.types import ClientTrade
from simulator.market.types import Listing, Market

Numbering = Callable[[ClientTrade], str]
"""What a broker calls an execution."""


class Naming(Protocol):
    """One broker's names of the contracts."""

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a name; ``None`` for one that is not listed (any more)."""

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return the broker's exchange and symbol of a contract."""


class MarketNames:
    """The market's own names, which are Kite's."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a name."""
        return self._market.find(exchange, symbol)

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and symbol."""
        return listing.exchange.value, listing.symbol


def own_number(trade: ClientTrade) -> str:
    """Return the exchange's own number of an execution, which most brokers show."""
    return trade.trade_id


class Wording:
    """Every broker's names; one without a row in ``namings`` or ``numberings`` uses the market's own."""

    def __init__(
        self,
        market: Market,
        namings: Mapping[str, Callable[[Market], Naming]],
        numberings: Mapping[str, Numbering] = MappingProxyType({}),
    ) -> None:
        self._market = market
        self._namings = namings
        self._numberings = numberings
        self._made: dict[str, Naming] = {}

    def find(self, broker: str, exchange: str, symbol: str) -> Listing | None:
        """Return the contract a ledger line names; ``None`` for one that is not listed (any more)."""
        return self._of(broker).named(exchange, symbol)

    def name_of(self, broker: str, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and symbol at a broker."""
        return self._of(broker).name_of(listing)

    def execution_of(self, broker: str, trade: ClientTrade) -> str:
        """Return what a broker calls an execution."""
        return self._numberings.get(broker, own_number)(trade)

    def _of(self, broker: str) -> Naming:
        if broker not in self._made:
            self._made[broker] = self._namings.get(broker, MarketNames)(self._market)
        return self._made[broker]
