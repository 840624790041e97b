"""Contracts under the broker's names: trading symbols, numbers and units.

``NIFTY26D0124200CE``, ``CRUDEOIL26DECFUT``, ``RELIANCE-EQ``, ``Nifty 50``.
"""

from collections.abc import Iterable

from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from simulator.market.types import Listing

CODES = {"NSE": 1, "NFO": 2, "CDS": 3, "MCX": 4, "BSE": 6, "BFO": 7}
"""Exchanges as the socket and a contract's facts number them."""

_EXCHANGES = {code: exchange for exchange, code in CODES.items()}
_INDEX_NAMES = {"NIFTY": ("Nifty 50", 26000), "BANKNIFTY": ("Nifty Bank", 26009), "INDIA VIX": ("India VIX", 26017)}


class Names:
    """The listed contracts by what clients call them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.listings = tuple(listings)
        self._by_symbol = {self.name_of(row): row for row in self.listings}
        self._by_number = {(row.exchange.value, number_of(row)): row for row in self.listings}

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a trading symbol."""
        return self._by_symbol.get((exchange, symbol))

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and trading symbol."""
        return listing.exchange.value, trading_symbol(listing)

    def numbered(self, exchange: str, number: str) -> Listing | None:
        """Return the contract of a number, which is unique on its exchange only."""
        known = number.isascii() and number.isdigit() and len(number) <= 10
        return self._by_number.get((exchange, int(number))) if known else None

    def coded(self, code: int, number: int) -> Listing | None:
        """Return the contract the socket's numbers name."""
        return self._by_number.get((_EXCHANGES.get(code, ""), number))

    def containing(self, text: str) -> list[Listing]:
        """Return the contracts whose symbol begins with a text."""
        wanted = text.upper().strip()
        return [row for row in self.listings if wanted and trading_symbol(row).upper().startswith(wanted)]


def trading_symbol(listing: Listing) -> str:
    """Return a contract's ``trading_symbol``."""
    if listing.kind is Kind.INDEX:
        return _index(listing)[0]
    is_stock = listing.kind is Kind.EQUITY and listing.exchange is Venue.NSE
    return f"{listing.symbol}-EQ" if is_stock else listing.symbol


def number_of(listing: Listing) -> int:
    """Return a contract's number on its exchange."""
    return _index(listing)[1] if listing.kind is Kind.INDEX else listing.exchange_token


def instrument_of(listing: Listing) -> str:
    """Return ``instrument_name``: EQ, FUTIDX, OPTSTK, FUTCOM, IO; of an index nothing is known."""
    if listing.kind in (Kind.INDEX, Kind.EQUITY):
        return "EQ" if listing.kind is Kind.EQUITY else ""
    is_option = listing.kind is Kind.OPTION
    if listing.exchange is Venue.MCX:
        return "OPTFUT" if is_option else "FUTCOM"
    on_index = listing.underlying in _INDEX_NAMES
    if listing.exchange is Venue.BFO:
        return f"{'I' if on_index else 'S'}{'O' if is_option else 'F'}"
    return f"{'OPT' if is_option else 'FUT'}{'IDX' if on_index else 'STK'}"


def segment_of(listing: Listing) -> str:
    """Return ``segment`` of the master."""
    if listing.kind is Kind.INDEX:
        return "IDX"
    return "Equity" if listing.kind is Kind.EQUITY else listing.exchange.value


def unit(listing: Listing) -> int:
    """Return how many units quantity 1 means: a lot on MCX and in currencies, else one."""
    return listing.lot_size if listing.exchange in (Venue.MCX, Venue.CDS) else 1


def _index(listing: Listing) -> tuple[str, int]:
    return _INDEX_NAMES.get(listing.underlying, (listing.symbol, listing.exchange_token))
