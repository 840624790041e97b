"""Market data as IBKR writes it: numbered fields, values as texts."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from domain.instruments import Kind
from domain.prices import to_decimal
from simulator.faces.ibkr.names import VENUE, conid_of, description_of, security_of, symbol_of
from simulator.faces.ibkr.wire import Row, text
from simulator.market.types import Listing, MarketQuote

AVAILABLE = {"6509": "RpB", "6119": "q1", "server_id": "q1"}
"""Real time, with depth."""


def fields_of(listing: Listing, quote: MarketQuote) -> Row:
    """Return every field there is a value for."""
    shown = {number: value for number, make in _FIELDS.items() if (value := make(quote))}
    interest = {_INTEREST[listing.kind]: _count(quote.open_interest)} if listing.kind in _INTEREST else {}
    return {
        "55": symbol_of(listing),
        "7219": description_of(listing),
        "6070": security_of(listing),
        **shown,
        **interest,
    }


def marked(row: Row, listing: Listing, quote: MarketQuote) -> Row:
    """Return a row with the marks every one of them has."""
    conid = conid_of(listing)
    return {**row, **AVAILABLE, "_updated": quote.exchange_at, "conid": conid, "conidEx": f"{conid}@{VENUE}"}


def _last(quote: MarketQuote) -> str:
    """The previous session's close is marked as such until something trades."""
    mark = "C" if not quote.last_trade_at and not quote.volume and quote.bid else ""
    return f"{mark}{_price(quote.last_price)}" if quote.last_price else ""


def _price(scaled: int) -> str:
    return text(to_decimal(scaled)) if scaled else ""


def _count(value: int) -> str:
    return f"{value:,}"


def _short(value: int) -> str:
    """Return a count as people read it: 1.2M."""
    for letter, size in (("M", 1_000_000), ("K", 1_000)):
        if value >= size:
            return f"{Decimal(value) / size:.1f}{letter}"
    return str(value)


_FIELDS: Mapping[str, Callable[[MarketQuote], str]] = {
    "31": _last,
    "84": lambda quote: _price(quote.bid),
    "86": lambda quote: _price(quote.ask),
    "88": lambda quote: _count(quote.bid_quantity),
    "85": lambda quote: _count(quote.ask_quantity),
    "7059": lambda quote: _count(quote.last_quantity),
    "87": lambda quote: _short(quote.volume),
    "7762": lambda quote: str(quote.volume),
    "70": lambda quote: _price(quote.high),
    "71": lambda quote: _price(quote.low),
    "7295": lambda quote: _price(quote.open),
    "7296": lambda quote: _price(quote.last_price),
    "7741": lambda quote: _price(quote.close),
}
_INTEREST = {Kind.OPTION: "7638", Kind.FUTURE: "7697"}
