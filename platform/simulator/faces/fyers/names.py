"""Contracts under Fyers' names: symbols, fyTokens, topics of the market socket, and units.

``NSE:NIFTY26D0124200CE``, ``NSE:RELIANCE-EQ``, ``NSE:NIFTY50-INDEX``, ``MCX:CRUDEOIL26DECFUT``.
"""

from collections.abc import Iterable

from domain.instruments import Exchange as Venue
from domain.instruments import Kind
from simulator.market.types import Listing, Market

EXCHANGES = {"NSE": 10, "MCX": 11, "BSE": 12}
"""Fyers' numbers of exchanges, by what symbols begin with."""

KINDS = {"CM": 10, "FO": 11, "CD": 12, "COM": 20}
"""Fyers' numbers of segments: cash, futures and options, currencies, commodities."""

_PLACES = {
    Venue.NSE: ("NSE", "CM"),
    Venue.NFO: ("NSE", "FO"),
    Venue.BSE: ("BSE", "CM"),
    Venue.BFO: ("BSE", "FO"),
    Venue.MCX: ("MCX", "COM"),
}
_TOPIC_SEGMENTS = {"CM": "cm", "FO": "fo", "COM": "fo"}
_INDICES = {
    "NIFTY": ("NSE:NIFTY50-INDEX", 26000, "Nifty 50"),
    "BANKNIFTY": ("NSE:NIFTYBANK-INDEX", 26009, "Nifty Bank"),
    "INDIA VIX": ("NSE:INDIAVIX-INDEX", 26017, "India VIX"),
}
"""By underlying: symbol, token, and the market socket's name."""

INDEX_TOPICS = {symbol: topic for symbol, _, topic in _INDICES.values()}
"""What ``index_hsm_mapping.json`` publishes."""


class Names:
    """The listed contracts by what clients call them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.listings = tuple(listings)
        self._by_symbol = {symbol_of(row): row for row in self.listings}
        self._by_topic = {topic: row for row in self.listings for topic in topics_of(row)}

    @classmethod
    def of(cls, market: Market) -> "Names":
        """Return the names of a market's contracts."""
        return cls(market.listings.values())

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a symbol, which names its exchange itself."""
        return self._by_symbol.get(symbol)

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and symbol."""
        return listing.exchange.value, symbol_of(listing)

    def topical(self, topic: str) -> Listing | None:
        """Return the contract of a topic."""
        return self._by_topic.get(topic)


def symbol_of(listing: Listing) -> str:
    """Return a contract's symbol."""
    if listing.kind is Kind.INDEX:
        return _INDICES[listing.underlying][0]
    prefix = _PLACES[listing.exchange][0]
    return f"{prefix}:{listing.symbol}-EQ" if listing.kind is Kind.EQUITY else f"{prefix}:{listing.symbol}"


def exchange_number(listing: Listing) -> int:
    """Return Fyers' number of the exchange."""
    return EXCHANGES[_PLACES[listing.exchange][0]]


def segment_number(listing: Listing) -> int:
    """Return Fyers' number of the segment."""
    return KINDS[_PLACES[listing.exchange][1]]


def exchange_token(listing: Listing) -> int:
    """Return the exchange's own token."""
    return _INDICES[listing.underlying][1] if listing.kind is Kind.INDEX else listing.exchange_token


def fy_token(listing: Listing) -> str:
    """Return exchange, segment, expiry (000000 for none) and the exchange's token, run together."""
    expiry = listing.expiry.strftime("%y%m%d") if listing.expiry else "000000"
    return f"{exchange_number(listing)}{segment_number(listing)}{expiry}{exchange_token(listing)}"


def topics_of(listing: Listing) -> tuple[str, ...]:
    """Return a contract's topics: its touchline and, where there is a book, its depth."""
    prefix, kind = _PLACES[listing.exchange]
    segment = f"{prefix.lower()}_{_TOPIC_SEGMENTS[kind]}"
    if listing.kind is Kind.INDEX:
        return (f"if|{segment}|{_INDICES[listing.underlying][2]}",)
    return (f"sf|{segment}|{listing.exchange_token}", f"dp|{segment}|{listing.exchange_token}")


def unit(listing: Listing) -> int:
    """Return how many units quantity 1 means: a lot of a commodity, else one."""
    return listing.lot_size if listing.exchange is Venue.MCX else 1
