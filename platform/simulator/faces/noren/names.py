"""Contracts under Noren's names: trading symbols, tokens and units.

``NIFTY01DEC26C24200``, ``NIFTY29DEC26F``, ``RELIANCE-EQ``; commodity futures without the ``F``.
"""

from collections.abc import Iterable

from domain.instruments import Exchange as Venue
from domain.instruments import Kind, Right
from domain.symbols import MONTHS, strike_text
from simulator.market.types import Listing

_INDEX_NAMES = {"NIFTY": ("Nifty 50", 26000), "BANKNIFTY": ("Nifty Bank", 26009), "INDIA VIX": ("India VIX", 26017)}
_SIDES = {Right.CALL: "C", Right.PUT: "P"}


class Names:
    """The listed contracts by what clients call them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.listings = tuple(listings)
        self._by_symbol = {(row.exchange.value, trading_symbol(row)): row for row in self.listings}
        self._by_token = {(row.exchange.value, token_of(row)): row for row in self.listings}

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a trading symbol."""
        return self._by_symbol.get((exchange, symbol))

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return a contract's exchange and trading symbol."""
        return listing.exchange.value, trading_symbol(listing)

    def numbered(self, exchange: str, token: str) -> Listing | None:
        """Return the contract of a token, which is unique on its exchange only."""
        return self._by_token.get((exchange, token))

    def containing(self, exchange: str, text: str) -> list[Listing]:
        """Return an exchange's contracts whose symbol holds every word of a text."""
        words = text.upper().split()
        rows = [row for row in self.listings if row.exchange == exchange]
        return [row for row in rows if all(word in trading_symbol(row).upper() for word in words)]


def trading_symbol(listing: Listing) -> str:
    """Return a contract's ``tsym``."""
    if listing.kind is Kind.INDEX:
        return _index(listing)[0]
    if listing.kind is Kind.EQUITY or listing.expiry is None:
        return f"{listing.symbol}-EQ" if listing.exchange is Venue.NSE else listing.symbol
    day = listing.expiry
    stem = f"{listing.underlying}{day.day:02}{MONTHS[day.month - 1]}{day.year % 100:02}"
    if listing.strike is not None:
        return f"{stem}{_SIDES[listing.right]}{strike_text(listing.strike)}"
    return stem if listing.exchange is Venue.MCX else f"{stem}F"


def token_of(listing: Listing) -> str:
    """Return a contract's token on its exchange."""
    return str(_index(listing)[1] if listing.kind is Kind.INDEX else listing.exchange_token)


def instrument_of(listing: Listing) -> str:
    """Return ``instname``: EQ, FUTIDX, OPTSTK, FUTCOM, UNDIND."""
    if listing.kind is Kind.INDEX:
        return "UNDIND"
    if listing.kind is Kind.EQUITY:
        return "EQ"
    if listing.exchange is Venue.MCX:
        return "OPTFUT" if listing.kind is Kind.OPTION else "FUTCOM"
    stem = "OPT" if listing.kind is Kind.OPTION else "FUT"
    return f"{stem}{'IDX' if listing.underlying in _INDEX_NAMES else 'STK'}"


def unit(listing: Listing) -> int:
    """Return how many units quantity 1 means: a lot on MCX (no source settles it), else one."""
    return listing.lot_size if listing.exchange is Venue.MCX else 1


def _index(listing: Listing) -> tuple[str, int]:
    return _INDEX_NAMES.get(listing.underlying, (listing.symbol, listing.exchange_token))
