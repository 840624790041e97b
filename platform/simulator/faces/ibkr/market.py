"""Snapshots, whose first look only opens a stream, and history."""

import re
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from domain.prices import to_decimal
from simulator.clients import Client
from simulator.faces.desk import Desk
from simulator.faces.ibkr.calls import IbkrCounter, session_of
from simulator.faces.ibkr.mapping import milliseconds
from simulator.faces.ibkr.names import conid_of, symbol_of
from simulator.faces.ibkr.quotes import fields_of, marked
from simulator.faces.ibkr.sessions import Session
from simulator.faces.ibkr.wire import Row, number, refusal
from simulator.market.types import Candle, Listing

MOST_CONIDS = 100
MOST_POINTS = 1000
_BARS = {
    **{f"{count}min": timedelta(minutes=count) for count in (1, 2, 3, 5, 10, 15, 30)},
    **{f"{count}h": timedelta(hours=count) for count in (1, 2, 3, 4, 8)},
    "1d": timedelta(days=1),
    "1w": timedelta(days=7),
}
_PERIOD = re.compile(r"([1-9][0-9]{0,3})(min|h|d|w|m|y)")
_LENGTHS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(days=7),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}


@dataclass(frozen=True, slots=True)
class MarketData:
    """Answers what the market shows."""

    counter: IbkrCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    async def snapshot(self, client: Client, request: web.Request) -> list[Row]:
        """GET /iserver/marketdata/snapshot?conids=..&fields=.."""
        session = session_of(request)
        self.counter.brokerage.needs(session, "accounts")
        conids = [conid for conid in request.query.get("conids", "").split(",") if conid]
        if not 0 < len(conids) <= MOST_CONIDS:
            raise refusal("Bad Request: conids")
        fields = set(request.query.get("fields", "").split(","))
        return [self._row(conid, fields, session) for conid in conids]

    async def unsubscribe(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/marketdata/unsubscribeall"""
        session_of(request).streams.clear()
        return {"unsubscribed": True}

    async def history(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/marketdata/history?conid&period&bar, up to now"""
        listing = self.counter.names.numbered(request.query.get("conid", ""))
        width, length = _BARS.get(request.query.get("bar", "")), _length(request.query.get("period", ""))
        if listing is None or width is None or length is None:
            raise refusal("Bad Request: conid, period or bar")
        now = self.desk.now()
        candles = self.desk.exchange.market.candles(listing.token, start=now - length, end=now, width=width)
        bars = [_bar(candle) for candle in candles[-MOST_POINTS:]]
        return {
            "serverId": "1",
            "symbol": symbol_of(listing),
            "text": listing.name,
            "priceFactor": 100,
            "timePeriod": request.query["period"],
            "barLength": int(width.total_seconds()),
            "mdAvailability": "RpB",
            "outsideRth": False,
            "volumeFactor": 1,
            "direction": -1,
            "data": bars,
            "points": max(0, len(bars) - 1),
            "mktDataDelay": 0,
        }

    def _row(self, conid: str, fields: set[str], session: Session) -> Row:
        listing = self.counter.names.numbered(conid)
        if listing is None or conid_of(listing) not in session.streams:
            if listing is not None:
                session.streams.add(conid_of(listing))
            return {"conid": int(conid) if conid.isdigit() else 0, "conidEx": conid}
        return self._shown(listing, fields)

    def _shown(self, listing: Listing, fields: set[str]) -> Row:
        quote = self.desk.exchange.market.quote(listing.token)
        row = {name: value for name, value in fields_of(listing, quote).items() if name in fields}
        return marked(row, listing, quote)


def _length(period: str) -> timedelta | None:
    match = _PERIOD.fullmatch(period)
    return int(match[1]) * _LENGTHS[match[2]] if match else None


def _bar(candle: Candle) -> Row:
    names = {"o": candle.open, "c": candle.close, "h": candle.high, "l": candle.low}
    prices = {name: number(to_decimal(price)) for name, price in names.items()}
    return {"t": milliseconds(candle.start), **prices, "v": candle.volume}
