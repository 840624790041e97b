"""Contracts under IBKR's numbers and names: NIFTY is NIFTY50 there, and everything of NSE is listed on NSE."""

from collections.abc import Iterable

from domain.instruments import Exchange, Kind, Right
from domain.symbols import MONTHS
from simulator.market.types import Listing, Market

VENUE = "NSE"

_SYMBOLS = {"NIFTY": "NIFTY50"}
_SECURITIES = {Kind.INDEX: "IND", Kind.EQUITY: "STK", Kind.FUTURE: "FUT", Kind.OPTION: "OPT"}
_SIDES = {Right.CALL: "C", Right.PUT: "P", Right.NONE: "?"}
_SPOTS = frozenset({Kind.INDEX, Kind.EQUITY})


class Names:
    """The contracts IBKR lists: those of NSE."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.listings = tuple(row for row in listings if row.exchange in (Exchange.NSE, Exchange.NFO))
        self._by_conid = {conid_of(row): row for row in self.listings}

    @classmethod
    def of(cls, market: Market) -> "Names":
        """Return a market's."""
        return cls(market.listings.values())

    def named(self, exchange: str, symbol: str) -> Listing | None:
        """Return the contract of a number on one of our exchanges."""
        listing = self.numbered(symbol)
        return listing if listing is not None and listing.exchange.value == exchange else None

    def name_of(self, listing: Listing) -> tuple[str, str]:
        """Return our exchange and IBKR's number of a contract."""
        return listing.exchange.value, str(conid_of(listing))

    def numbered(self, conid: object) -> Listing | None:
        """Return the contract of a number, which clients write bare or in quotes."""
        digits = str(conid)
        return self._by_conid.get(int(digits)) if digits.isascii() and digits.isdigit() else None

    def spot(self, symbol: str) -> Listing | None:
        """Return the index or share of a symbol."""
        return next((row for row in self.listings if row.kind in _SPOTS and symbol_of(row) == symbol), None)

    def derivatives(self, spot: Listing, kind: Kind) -> list[Listing]:
        """Return the futures or options of an underlying."""
        return [row for row in self.listings if row.kind is kind and row.underlying == spot.underlying]

    def spot_of(self, listing: Listing) -> Listing | None:
        """Return a derivative's underlying."""
        return next((row for row in self.listings if row.kind in _SPOTS and row.underlying == listing.underlying), None)


def conid_of(listing: Listing) -> int:
    """Return a contract's number."""
    return listing.token


def symbol_of(listing: Listing) -> str:
    """Return the symbol of a contract's underlying."""
    name = listing.underlying.replace(" ", "")
    return _SYMBOLS.get(name, name)


def security_of(listing: Listing) -> str:
    """Return IND, STK, FUT or OPT."""
    return _SECURITIES[listing.kind]


def side_of(listing: Listing) -> str:
    """Return C, P or ?."""
    return _SIDES[listing.right]


def month_of(listing: Listing) -> str:
    """Return the month a contract expires in: NOV26."""
    if listing.expiry is None:
        return ""
    return f"{MONTHS[listing.expiry.month - 1]}{listing.expiry.year % 100:02}"


def day_of(listing: Listing) -> str:
    """Return the day a contract expires: 20261124."""
    return listing.expiry.strftime("%Y%m%d") if listing.expiry else ""


def description_of(listing: Listing) -> str:
    """Return what people read: NIFTY50 NOV2026 24200 C."""
    if listing.kind in _SPOTS or listing.expiry is None:
        return symbol_of(listing)
    stem = f"{symbol_of(listing)} {MONTHS[listing.expiry.month - 1]}{listing.expiry.year}"
    return stem if listing.strike is None else f"{stem} {listing.strike.normalize():f} {side_of(listing)}"
