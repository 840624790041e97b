"""Contracts, found question by question: a search, the months, the strikes, the contracts of a strike, their rules."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from domain.instruments import Kind
from simulator.clients import Client
from simulator.faces.ibkr.calls import IbkrCounter
from simulator.faces.ibkr.mapping import CURRENCY
from simulator.faces.ibkr.names import (
    VENUE,
    Names,
    conid_of,
    day_of,
    description_of,
    month_of,
    security_of,
    side_of,
    symbol_of,
)
from simulator.faces.ibkr.wire import Row, read_json, refusal
from simulator.market.types import Listing

_KINDS = {"OPT": Kind.OPTION, "FUT": Kind.FUTURE}
_SIDES = {"C", "P"}
_MOST_CONIDS = 200


@dataclass(frozen=True, slots=True)
class Contracts:
    """Answers what is the same for every client."""

    counter: IbkrCounter

    @property
    def names(self) -> Names:
        """The contracts by IBKR's names."""
        return self.counter.names

    async def search(self, client: Client, request: web.Request) -> list[Row]:
        """GET or POST /iserver/secdef/search"""
        asked = dict(request.query) if request.method == "GET" else await read_json(request)
        spot = self.names.spot(str(asked.get("symbol", "")).upper())
        return [self._found(spot)] if spot is not None else []

    async def strikes(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/secdef/strikes?conid&sectype=OPT&month"""
        rows = self._derivatives(request)
        by_side = {side: {row.strike for row in rows if side_of(row) == side and row.strike} for side in _SIDES}
        return {"call": sorted(by_side["C"]), "put": sorted(by_side["P"])}

    async def info(self, client: Client, request: web.Request) -> list[Row]:
        """GET /iserver/secdef/info?conid&sectype&month&strike&right: a strike's contracts, one per expiry."""
        rows = self._derivatives(request)
        if request.query.get("sectype") == "OPT":
            strike, side = request.query.get("strike", ""), request.query.get("right", "")
            if not strike or side not in _SIDES:
                raise refusal("Bad Request: strike and right are required")
            rows = [row for row in rows if row.strike is not None and f"{row.strike.normalize():f}" == strike]
            rows = [row for row in rows if side_of(row) == side]
        return [_definition(row) for row in rows]

    async def futures(self, client: Client, request: web.Request) -> Row:
        """GET /trsrv/futures?symbols=NIFTY50,RELIANCE"""
        found = {}
        for symbol in request.query.get("symbols", "").split(","):
            spot = self.names.spot(symbol)
            rows = self.names.derivatives(spot, Kind.FUTURE) if spot is not None else []
            if spot is not None and rows:
                found[symbol] = [_future(row, spot) for row in rows]
        return found

    async def stocks(self, client: Client, request: web.Request) -> Row:
        """GET /trsrv/stocks?symbols=RELIANCE"""
        spots = [(symbol, self.names.spot(symbol)) for symbol in request.query.get("symbols", "").split(",")]
        return {symbol: [_stock(spot)] for symbol, spot in spots if spot is not None and spot.kind is Kind.EQUITY}

    async def all_conids(self, client: Client, request: web.Request) -> list[Row]:
        """GET /trsrv/all-conids?exchange=NSE"""
        if request.query.get("exchange") != VENUE:
            return []
        rows = [row for row in self.names.listings if row.kind is Kind.EQUITY]
        return [{"ticker": symbol_of(row), "conid": conid_of(row), "exchange": VENUE} for row in rows]

    async def definitions(self, client: Client, request: web.Request) -> Row:
        """GET /trsrv/secdef?conids=.."""
        conids = request.query.get("conids", "").split(",")
        if len(conids) > _MOST_CONIDS:
            raise refusal(f"Bad Request: more than {_MOST_CONIDS} conids")
        return {"secdef": [self._secdef(row) for row in map(self.names.numbered, conids) if row is not None]}

    async def contract(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/contract/{conid}/info"""
        return _contract(self._listing(request.match_info["conid"]))

    async def contract_and_rules(self, client: Client, request: web.Request) -> Row:
        """GET /iserver/contract/{conid}/info-and-rules"""
        listing = self._listing(request.match_info["conid"])
        return {**_contract(listing), "rules": _rules(listing)}

    async def rules(self, client: Client, request: web.Request) -> Row:
        """POST /iserver/contract/rules"""
        body = await read_json(request)
        return _rules(self._listing(body.get("conid", "") if isinstance(body, dict) else ""))

    def _derivatives(self, request: web.Request) -> list[Listing]:
        spot, kind = self.names.numbered(request.query.get("conid", "")), _KINDS.get(request.query.get("sectype", ""))
        if spot is None or kind is None:
            raise refusal("Bad Request: no contract of this conid and sectype")
        month = request.query.get("month", "")
        return [row for row in self.names.derivatives(spot, kind) if month_of(row) == month]

    def _listing(self, conid: object) -> Listing:
        listing = self.names.numbered(conid)
        if listing is None:
            raise refusal("No security definition has been found for the request", status=503)
        return listing

    def _found(self, spot: Listing) -> Row:
        sections: list[Row] = [{"secType": security_of(spot), "exchange": f"{VENUE};"}]
        for security, kind in _KINDS.items():
            months = _months(self.names.derivatives(spot, kind))
            if months:
                sections.append({"secType": security, "months": ";".join(months), "exchange": VENUE})
        return {
            "conid": str(conid_of(spot)),
            "companyHeader": f"{spot.name} - {VENUE}",
            "companyName": spot.name,
            "symbol": symbol_of(spot),
            "description": VENUE,
            "restricted": None,
            "sections": sections,
        }

    def _secdef(self, listing: Listing) -> Row:
        spot = self.names.spot_of(listing)
        return {
            "conid": conid_of(listing),
            "currency": CURRENCY,
            "listingExchange": VENUE,
            "countryCode": "IN",
            "name": listing.name,
            "assetClass": security_of(listing),
            "expiry": day_of(listing) or None,
            "putOrCall": side_of(listing) if listing.kind is Kind.OPTION else None,
            "strike": f"{listing.strike.normalize():f}" if listing.strike is not None else "0",
            "ticker": symbol_of(listing),
            "undConid": conid_of(spot) if spot is not None and spot is not listing else 0,
            "multiplier": 0.0,
            "incrementRules": [{"lowerEdge": 0.0, "increment": listing.tick_size}],
            "fullName": description_of(listing),
        }


def _months(rows: Iterable[Listing]) -> list[str]:
    dated = sorted((row.expiry, month_of(row)) for row in rows if row.expiry is not None)
    return list(dict.fromkeys(month for _, month in dated))


def _definition(listing: Listing) -> Row:
    return {
        "conid": conid_of(listing),
        "symbol": symbol_of(listing),
        "ticker": symbol_of(listing),
        "secType": security_of(listing),
        "listingExchange": None,
        "exchange": VENUE,
        "companyName": listing.name,
        "currency": CURRENCY,
        "validExchanges": VENUE,
        "maturityDate": day_of(listing),
        "right": side_of(listing),
        "strike": listing.strike or 0,
        "multiplier": "1",
    }


def _future(listing: Listing, spot: Listing) -> Row:
    day = int(day_of(listing))
    return {
        "symbol": symbol_of(listing),
        "conid": conid_of(listing),
        "underlyingConid": conid_of(spot),
        "expirationDate": day,
        "ltd": day,
        "shortFuturesCutOff": day,
        "longFuturesCutOff": day,
    }


def _stock(listing: Listing) -> Row:
    contract = {"conid": conid_of(listing), "exchange": VENUE, "isUS": False}
    return {"name": listing.name, "chineseName": None, "assetClass": "STK", "contracts": [contract]}


def _contract(listing: Listing) -> Row:
    return {
        "symbol": symbol_of(listing),
        "con_id": conid_of(listing),
        "maturity_date": day_of(listing) or None,
        "instrument_type": security_of(listing),
        "valid_exchanges": VENUE,
        "local_symbol": listing.symbol,
        "currency": CURRENCY,
        "multiplier": None,
        "contract_month": day_of(listing)[:6] or None,
        "company_name": listing.name,
        "exchange": VENUE,
        "r_t_h": True,
    }


def _rules(listing: Listing) -> Row:
    return {
        "algoEligible": False,
        "error": None,
        "orderTypes": ["limit", "stop_limit"],
        "tifTypes": ["IOC/LIMIT", "DAY/o,a"],
        "defaultSize": listing.lot_size,
        "sizeIncrement": listing.lot_size,
        "cashCcy": CURRENCY,
        "increment": listing.tick_size,
        "incrementDigits": 2,
        "incrementRules": [{"lowerEdge": 0.0, "increment": listing.tick_size}],
    }
