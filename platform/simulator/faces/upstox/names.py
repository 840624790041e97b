"""Contracts under Upstox's names: instrument keys, and the two ways it writes symbols.

https://upstox.com/developer/api-documentation/instruments/. A stock's key ends in its ISIN, an index's in its name, a
derivative's in the exchange's number. The master says ``NIFTY 24200 CE 01 DEC 26`` where books and quotes say
``NIFTY26D0124200CE``.
"""

from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from domain.symbols import MONTHS, strike_text
from simulator.market.types import Listing, Market

_INDEX_NAMES = {"NIFTY": "Nifty 50", "BANKNIFTY": "Nifty Bank", "INDIA VIX": "India VIX"}
_ISINS = {"RELIANCE": "INE002A01018"}
_SEGMENTS = {
    Venue.NSE: "NSE_EQ",
    Venue.BSE: "BSE_EQ",
    Venue.NFO: "NSE_FO",
    Venue.BFO: "BSE_FO",
    Venue.MCX: "MCX_FO",
    Venue.CDS: "NCD_FO",
    Venue.BCD: "BCD_FO",
}


class Names:
    """A market's contracts by what clients call them."""

    def __init__(self, market: Market) -> None:
        self._by_key = {key_of(row): row for row in market.listings.values()}

    def keyed(self, key: str) -> Listing | None:
        """Return the contract of an instrument key."""
        return self._by_key.get(key)

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a ledger line's name, which is its key."""
        listing = self.keyed(symbol)
        return listing if listing is not None and listing.exchange == exchange else None

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and key."""
        return listing.exchange.value, key_of(listing)


def key_of(listing: Listing) -> str:
    """Return a contract's ``instrument_key``."""
    if listing.kind is Kind.INDEX:
        name = _INDEX_NAMES.get(listing.underlying, listing.symbol)
    elif listing.kind is Kind.EQUITY:
        name = _ISINS.get(listing.symbol, f"INE{listing.exchange_token:09d}")
    else:
        name = str(listing.exchange_token)
    return f"{segment_of(listing)}|{name}"


def segment_of(listing: Listing) -> str:
    """Return the part of an exchange a contract belongs to."""
    return f"{listing.exchange.value}_INDEX" if listing.kind is Kind.INDEX else _SEGMENTS[listing.exchange]


def quoted_as(listing: Listing) -> str:
    """Return what a quote is listed under: ``NSE_FO:NIFTY26D0124200CE``."""
    name = key_of(listing).partition("|")[2] if listing.kind is Kind.INDEX else listing.symbol
    return f"{segment_of(listing)}:{name}"


def book_symbol(listing: Listing) -> str:
    """Return a contract's symbol in books."""
    is_stock = listing.kind is Kind.EQUITY and listing.exchange is Venue.NSE
    return f"{listing.symbol}-EQ" if is_stock else listing.symbol


def master_symbol(listing: Listing) -> str:
    """Return a contract's symbol in the master."""
    if listing.kind is Kind.INDEX:
        return listing.underlying
    if listing.expiry is None:
        return listing.symbol
    day = f"{listing.expiry.day:02} {MONTHS[listing.expiry.month - 1]} {listing.expiry.year % 100:02}"
    if listing.strike is None:
        return f"{listing.underlying} FUT {day}"
    return f"{listing.underlying} {strike_text(listing.strike)} {listing.right} {day}"


def unit(listing: Listing) -> int:
    """Return how many units quantity 1 means: a lot of commodities, else one."""
    return listing.lot_size if listing.exchange is Venue.MCX else 1
