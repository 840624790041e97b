"""The current market in Noren's short keys, shared by the quote call and the socket."""

from collections.abc import Sequence
from datetime import datetime

from domain.clock import IST
from domain.instruments import Kind
from simulator.faces.noren.mapping import contract_row, rupees
from simulator.faces.noren.names import unit
from simulator.faces.noren.wire import Row
from simulator.market.types import Level, Listing, MarketQuote

Depth = tuple[Sequence[Level], Sequence[Level]]
_LEVELS = range(5)


def day_fields(listing: Listing, quote: MarketQuote) -> Row:
    """Return prices and volume of the day; an index shows no trading. ``c`` is the previous close."""
    row = {name: rupees(getattr(quote, long)) for name, long in _PRICES.items()}
    row["pc"] = _percent(quote)
    if listing.kind is Kind.INDEX:
        return row
    per = unit(listing)
    return row | {
        "ap": rupees(quote.average_price),
        "v": str(quote.volume // per),
        "oi": str(quote.open_interest // per),
        "ltq": str(quote.last_quantity // per),
        "ltt": _clock(quote.last_trade_at),
        "tbq": str(quote.total_buy_quantity // per),
        "tsq": str(quote.total_sell_quantity // per),
    }


def depth_fields(listing: Listing, depth: Depth) -> Row:
    """Return five levels a side, zeros where there is none."""
    per = unit(listing)
    row: Row = {}
    for side, levels in zip("bs", depth, strict=True):
        for number in _LEVELS:
            level = levels[number] if number < len(levels) else Level(0, 0, 0)
            row[f"{side}p{number + 1}"] = rupees(level.price)
            row[f"{side}q{number + 1}"] = str(level.quantity // per)
            row[f"{side}o{number + 1}"] = str(level.orders)
    return row


def touchline(listing: Listing, quote: MarketQuote) -> Row:
    """Return what a touchline subscription shows."""
    day = day_fields(listing, quote)
    row = {name: day[name] for name in _TOUCH if name in day} | {"ft": str(quote.exchange_at // 1000)}
    if listing.kind is Kind.INDEX:
        return row
    per = unit(listing)
    return row | {
        "bp1": rupees(quote.bid),
        "sp1": rupees(quote.ask),
        "bq1": str(quote.bid_quantity // per),
        "sq1": str(quote.ask_quantity // per),
    }


def snapquote(listing: Listing, quote: MarketQuote, depth: Depth) -> Row:
    """Return what a depth subscription shows."""
    row = day_fields(listing, quote) | {"ft": str(quote.exchange_at // 1000)}
    if listing.kind is Kind.INDEX:
        return row
    bands = {"uc": rupees(quote.upper_band), "lc": rupees(quote.lower_band)}
    return row | bands | depth_fields(listing, depth)


def named(kind: str, listing: Listing, row: Row, *, whole: bool) -> Row:
    """Return a socket message about a contract: the acknowledgement names it fully, an update by token only."""
    contract = contract_row(listing)
    head = {"t": kind, "e": contract["exch"], "tk": contract["token"]}
    if not whole:
        return head | row
    return head | {"ts": contract["tsym"], "pp": contract["pp"], "ls": contract["ls"], "ti": contract["ti"]} | row


_PRICES = {"lp": "last_price", "o": "open", "h": "high", "l": "low", "c": "close"}
_TOUCH = ("lp", "pc", "o", "h", "l", "c", "ap", "v", "oi")


def _percent(quote: MarketQuote) -> str:
    return f"{100 * (quote.last_price - quote.close) / quote.close:.2f}" if quote.close else "0.00"


def _clock(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=IST)
    return moment.strftime("%H:%M:%S")
