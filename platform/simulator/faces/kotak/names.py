"""Contracts under Kotak's names: segments, tokens, trading symbols and units.

Symbols of derivatives are those the market has; stocks are ``RELIANCE-EQ``; prices of indices go by their names.
"""

from collections.abc import Iterable

from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from simulator.market.types import Listing, Market

SEGMENTS = {Venue.NSE: "nse_cm", Venue.BSE: "bse_cm", Venue.NFO: "nse_fo", Venue.BFO: "bse_fo", Venue.MCX: "mcx_fo"}
_VENUES = {segment: venue.value for venue, segment in SEGMENTS.items()}
_INDICES = {
    "NIFTY": ("NIFTY", "Nifty 50", 26000),
    "BANKNIFTY": ("BANKNIFTY", "Nifty Bank", 26009),
    "INDIA VIX": ("INDIAVIX", "India VIX", 26017),
}


class Names:
    """The listed contracts by what clients call them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.listings = tuple(listings)
        self._by_symbol = {self.name_of(row): row for row in self.listings}
        self._by_token = {(segment_of(row), key): row for row in self.listings for key in _keys(row)}

    @classmethod
    def of(cls, market: Market) -> "Names":
        """Return a market's contracts."""
        return cls(market.listings.values())

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a trading symbol."""
        return self._by_symbol.get((exchange, symbol))

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and trading symbol."""
        return listing.exchange.value, trading_symbol(listing)

    def traded(self, segment: str, symbol: str) -> Listing | None:
        """Return the contract an order names."""
        return self.named(_VENUES.get(segment, ""), symbol)

    def quoted(self, neosymbol: str) -> Listing | None:
        """Return the contract of ``nse_fo|54452``, or of an index's name: ``nse_cm|Nifty 50``."""
        segment, _, key = neosymbol.partition("|")
        return self._by_token.get((segment, key))


def is_segment(text: str) -> bool:
    """Say whether orders may go to a segment of this name."""
    return text in _VENUES


def segment_of(listing: Listing) -> str:
    """Return a contract's segment."""
    return SEGMENTS[listing.exchange]


def trading_symbol(listing: Listing) -> str:
    """Return ``pTrdSymbol``."""
    if listing.kind is Kind.INDEX:
        return _index(listing)[0]
    return f"{listing.symbol}-EQ" if listing.kind is Kind.EQUITY else listing.symbol


def token_of(listing: Listing) -> int:
    """Return ``pSymbol``."""
    return _index(listing)[2] if listing.kind is Kind.INDEX else listing.exchange_token


def index_name(listing: Listing) -> str:
    """Return the name an index's prices go by."""
    return _index(listing)[1]


def neosymbol_of(listing: Listing) -> str:
    """Return what quotes and sockets call a contract."""
    key = index_name(listing) if listing.kind is Kind.INDEX else str(token_of(listing))
    return f"{segment_of(listing)}|{key}"


def instrument_of(listing: Listing) -> str:
    """Return ``pInstType``: FUTIDX, OPTSTK, FUTCOM, "" in the cash segments."""
    if listing.kind in (Kind.INDEX, Kind.EQUITY):
        return ""
    if listing.exchange is Venue.MCX:
        return "OPTFUT" if listing.kind is Kind.OPTION else "FUTCOM"
    stem = "OPT" if listing.kind is Kind.OPTION else "FUT"
    return f"{stem}{'IDX' if listing.underlying in _INDICES else 'STK'}"


def unit(listing: Listing) -> int:
    """Return how many units quantity 1 means: a lot on MCX (no source settles it), else one."""
    return listing.lot_size if listing.exchange is Venue.MCX else 1


def _keys(listing: Listing) -> tuple[str, ...]:
    token = str(token_of(listing))
    return (token, index_name(listing)) if listing.kind is Kind.INDEX else (token,)


def _index(listing: Listing) -> tuple[str, str, int]:
    return _INDICES.get(listing.underlying, (listing.symbol, listing.symbol, listing.exchange_token))
