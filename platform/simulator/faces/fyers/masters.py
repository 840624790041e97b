"""The symbol masters: a JSON and a CSV file per exchange and segment, and the market socket's names of indices."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, time

from domain.clock import IST
from domain.instruments import Exchange as Venue
from domain.instruments import Kind, Right
from simulator.faces.fyers.mapping import instrument_number, rupees
from simulator.faces.fyers.names import (
    EXCHANGES,
    INDEX_TOPICS,
    KINDS,
    exchange_number,
    exchange_token,
    fy_token,
    segment_number,
    symbol_of,
    unit,
)
from simulator.faces.fyers.wire import Row, dumps, number
from simulator.market.types import Listing, MarketQuote

SEGMENTS = {
    "NSE_CM": Venue.NSE,
    "NSE_FO": Venue.NFO,
    "NSE_CD": Venue.CDS,
    "NSE_COM": None,
    "BSE_CM": Venue.BSE,
    "BSE_FO": Venue.BFO,
    "MCX_COM": Venue.MCX,
}
"""Files by the name they begin with."""

INDEX_FILE = "index_hsm_mapping.json"
_JSON, _CSV = "_sym_master.json", ".csv"
_CLOSES = {Venue.MCX: time(23, 30)}
_SESSIONS = {Venue.MCX: "0900-2330|1815-1915:"}
_SESSION, _CLOSE = "0915-1530|1815-1915:", time(15, 30)
_NO_STRIKE, _NO_OPTION, _NO_FREEZE = -1.0, "XX", ""
_ACTIVE, _SUSPENDED, _SUSPENDED_NAME = 1, 0, "SUSPENDED"
_BLANK: Row = {
    "isin": "",
    "underFyTok": "",
    "tradingSession": _SESSION,
    "expiryDate": "",
    "strikePrice": _NO_STRIKE,
    "optType": _NO_OPTION,
    "qtyFreeze": _NO_FREEZE,
    "currencyCode": "INR",
    "faceValue": 0.0,
    "previousOi": 0.0,
    "asmGsmVal": "",
    "originalExpDate": None,
    "is_mtf_tradable": 0,
    "mtf_margin": 0.0,
    "stream": "Group 1",
}


def file_of(name: str, listings: Sequence[tuple[Listing, MarketQuote]], *, now: datetime) -> tuple[bytes, str] | None:
    """Return a file and its content type; ``None`` for a name that is none."""
    if name == INDEX_FILE:
        return dumps(INDEX_TOPICS), "application/json"
    for ending, write in ((_JSON, _json), (_CSV, _csv)):
        segment = name.removesuffix(ending)
        if name.endswith(ending) and segment in SEGMENTS:
            listed = [_row(*row, now) for row in listings if row[0].exchange is SEGMENTS[segment]]
            return write([*listed, _suspended(segment, now)])
    return None


def _json(rows: Sequence[Row]) -> tuple[bytes, str]:
    return dumps({row["symTicker"]: row for row in rows}), "application/json"


def _csv(rows: Sequence[Row]) -> tuple[bytes, str]:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_cells, rows))
    return text.getvalue().encode(), "text/csv"


def _row(listing: Listing, quote: MarketQuote, now: datetime) -> Row:
    symbol, freeze = symbol_of(listing), listing.freeze_quantity
    return _BLANK | {
        "fyToken": fy_token(listing),
        "exSymbol": listing.underlying,
        "symDetails": _details(listing),
        "symTicker": symbol,
        "exchange": exchange_number(listing),
        "segment": segment_number(listing),
        "exSymName": listing.name if listing.kind is Kind.EQUITY else symbol.partition(":")[2],
        "exToken": exchange_token(listing),
        "exSeries": "EQ" if listing.kind is Kind.EQUITY else "XX",
        "optType": _NO_OPTION if listing.right is Right.NONE else listing.right.value,
        "underSym": listing.underlying,
        "exInstType": instrument_number(listing),
        "minLotSize": 0 if listing.kind is Kind.INDEX else listing.lot_size // unit(listing),
        "tickSize": number(listing.tick_size),
        "tradingSession": _SESSIONS.get(listing.exchange, _SESSION),
        "lastUpdate": now.astimezone(IST).date().isoformat(),
        "expiryDate": _expiry(listing),
        "strikePrice": float(listing.strike) if listing.strike else _NO_STRIKE,
        "qtyFreeze": str(freeze // unit(listing)) if freeze else _NO_FREEZE,
        "tradeStatus": _ACTIVE,
        "upperPrice": rupees(quote.upper_band),
        "lowerPrice": rupees(quote.lower_band),
        "qtyMultiplier": number(listing.multiplier * unit(listing)),
        "previousClose": rupees(quote.close),
        "exchangeName": symbol.partition(":")[0],
        "symbolDesc": _details(listing),
    }


def _suspended(segment: str, now: datetime) -> Row:
    """Return a symbol nobody may trade: a real file holds some, and is never empty."""
    prefix, _, kind = segment.partition("_")
    exchange, number_of_kind = EXCHANGES[prefix], KINDS[kind]
    return _BLANK | {
        "fyToken": f"{exchange}{number_of_kind}000000999999",
        "exSymbol": _SUSPENDED_NAME,
        "symDetails": _SUSPENDED_NAME,
        "symTicker": f"{prefix}:{_SUSPENDED_NAME}-Z",
        "exchange": exchange,
        "segment": number_of_kind,
        "exSymName": _SUSPENDED_NAME,
        "exToken": 999999,
        "exSeries": "Z",
        "underSym": _SUSPENDED_NAME,
        "exInstType": 0,
        "minLotSize": 1,
        "tickSize": 0.05,
        "lastUpdate": now.astimezone(IST).date().isoformat(),
        "tradeStatus": _SUSPENDED,
        "upperPrice": 0.0,
        "lowerPrice": 0.0,
        "qtyMultiplier": 1,
        "previousClose": 0.0,
        "exchangeName": prefix,
        "symbolDesc": _SUSPENDED_NAME,
    }


def _cells(row: Row) -> list[object]:
    """Return a line of the CSV, which has no header; its last columns are reserved."""
    names = (
        *("fyToken", "symDetails", "exInstType", "minLotSize", "tickSize", "isin", "tradingSession", "lastUpdate"),
        *("expiryDate", "symTicker", "exchange", "segment", "exToken", "underSym", "exToken", "strikePrice", "optType"),
    )
    return [*(row[name] for name in names), row["underFyTok"], None, 0, 0.0]


def _details(listing: Listing) -> str:
    if listing.kind is Kind.INDEX:
        return symbol_of(listing).partition(":")[2]
    if listing.expiry is None:
        return listing.name
    day = listing.expiry.strftime("%d %b %y")
    if listing.strike is None:
        return f"{listing.underlying} {day} FUT"
    return f"{listing.underlying} {day} {number(listing.strike)} {listing.right.value}"


def _expiry(listing: Listing) -> str:
    """Return the epoch second at which trading in a contract ends, "" for what does not expire."""
    if listing.expiry is None:
        return ""
    close = _CLOSES.get(listing.exchange, _CLOSE)
    return str(int(datetime.combine(listing.expiry, close, tzinfo=IST).timestamp()))
