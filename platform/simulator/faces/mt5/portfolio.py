"""What the terminal's functions return of an account: books, money, symbols, ticks and bars."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.mt5 import wire
from simulator.faces.mt5.book import Book, Row, book_of
from simulator.faces.mt5.calls import Asked
from simulator.faces.mt5.orders import margin_mode_of
from simulator.faces.mt5.symbols import BY_NAME, listing_of, symbol_info, tick
from simulator.market.contracts import CFDS

FRAMES = {
    1: timedelta(minutes=1),
    5: timedelta(minutes=5),
    15: timedelta(minutes=15),
    30: timedelta(minutes=30),
    16385: timedelta(hours=1),
    16388: timedelta(hours=4),
    16408: timedelta(days=1),
}
SERVER = "Vayda-Demo"
BUILD = 4000
LEVERAGE = 20


class Portfolio:
    """The reads of one terminal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def account(self, client: Client, asked: Asked) -> Row:
        """``account_info``"""
        margins = self._desk.exchange.margins(client.client)
        free, used = float(margins.available), float(margins.used)
        profit = float(margins.unrealised)
        return {
            "login": int(client.client) if client.client.isdigit() else 0,
            "name": client.client,
            "server": SERVER,
            "company": "Simulated exchange",
            "currency": "USD",
            "leverage": LEVERAGE,
            "margin_mode": margin_mode_of(client),
            "trade_allowed": True,
            "trade_expert": True,
            "balance": free + used - profit,
            "profit": profit,
            "equity": free + used,
            "margin": used,
            "margin_free": free,
        }

    async def orders(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``orders_get``"""
        return _named(self._book(client).orders, asked)

    async def history_orders(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``history_orders_get``"""
        return _named(self._book(client).history, asked)

    async def deals(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``history_deals_get``"""
        return _named(self._book(client).deals, asked)

    async def positions(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``positions_get``"""
        return _named(self._book(client).positions, asked)

    async def books(self, client: Client, asked: Asked) -> dict[str, Sequence[Row]]:
        """All four at one moment, as a program inside the terminal sees them."""
        book = self._book(client)
        return {"orders": [*book.orders, *book.history], "deals": book.deals, "positions": book.positions}

    async def symbols(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``symbols_get``"""
        return [symbol_info(self._desk.exchange.market, cfd) for cfd in CFDS]

    async def symbol(self, client: Client, asked: Asked) -> Row | None:
        """``symbol_info``"""
        cfd = BY_NAME.get(str(asked.arguments.get("symbol", "")))
        return symbol_info(self._desk.exchange.market, cfd) if cfd else None

    async def ticks(self, client: Client, asked: Asked) -> dict[str, Row]:
        """``symbol_info_tick`` of several symbols; those nobody lists are left out."""
        names = [str(name) for name in asked.arguments.get("symbols", [])]
        found = {name: tick(self._desk.exchange.market, name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    async def rates(self, client: Client, asked: Asked) -> Sequence[Row]:
        """``copy_rates_range``: bars that start within the span, in seconds since 1970."""
        arguments, market = asked.arguments, self._desk.exchange.market
        listing = listing_of(market, str(arguments.get("symbol", "")))
        width = FRAMES.get(arguments.get("timeframe", 0))
        span = [at for name in ("from", "to") if isinstance(at := arguments.get(name), int)]
        if listing is None or width is None or len(span) != 2:
            raise wire.TerminalError(wire.NO_SUCH_CALL, "Terminal: Invalid params")
        start, end = (datetime.fromtimestamp(at, tz=UTC) for at in span)
        bars = market.candles(listing.token, start=start, end=end, width=width)
        return [_rate(bar) for bar in bars]

    def _book(self, client: Client) -> Book:
        return book_of(self._desk.exchange, client.client, margin_mode=margin_mode_of(client))


def _named(rows: Sequence[Row], asked: Asked) -> Sequence[Row]:
    """Keep what the arguments name: a symbol, a ticket, a position, or a span of milliseconds."""
    wanted = {name: value for name, value in asked.arguments.items() if value is not None}
    ticket, symbol, position = (wanted.get(name) for name in ("ticket", "symbol", "position"))
    since, until = wanted.get("since_msc", 0), wanted.get("until_msc", 2**62)
    return [
        row
        for row in rows
        if ticket in (None, row["ticket"])
        and symbol in (None, row["symbol"])
        and position in (None, row.get("position_id", row["ticket"]))
        and since <= _time(row) <= until
    ]


def _time(row: Row) -> int:
    return int(row.get("time_setup_msc") or row.get("time_msc") or 0)


def _rate(bar: Any) -> Row:
    prices = {name: float(to_decimal(getattr(bar, name))) for name in ("open", "high", "low", "close")}
    return {"time": int(bar.start.timestamp()), **prices, "tick_volume": bar.volume, "spread": 1, "real_volume": 0}
