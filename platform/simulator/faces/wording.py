"""What each broker calls a contract: the ledger is in the words of the broker a line is about."""

from simulator.faces.noren.member import MEMBERS
from simulator.faces.noren.names import Names, trading_symbol
from simulator.market.types import Listing, Market

_NOREN = frozenset(member.broker for member in MEMBERS)


def symbol_of(broker: str, listing: Listing) -> str:
    """Return a contract's symbol at a broker; the market's own names are Kite's."""
    return trading_symbol(listing) if broker in _NOREN else listing.symbol


class Wording:
    """Finds a market's contracts by any broker's names."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._noren = Names(market.listings.values())

    def find(self, broker: str, exchange: str, symbol: str) -> Listing | None:
        """Return the contract a ledger line names; ``None`` for one that is not listed (any more)."""
        if broker in _NOREN:
            return self._noren.named(exchange, symbol)
        return self._market.find(exchange, symbol)
