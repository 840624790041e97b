"""Books, positions, funds and the profile; the reads that faults can lag, empty or cut short."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from domain.orders import OrderType, Side
from simulator.clients import Client
from simulator.exchange.types import ClientOrder, Refusal
from simulator.faces.books import Books
from simulator.faces.upstox import fields
from simulator.faces.upstox.calls import UpstoxCounter
from simulator.faces.upstox.mapping import Row, funds_row, margin_row, order_row, position_row, state_row, trade_row
from simulator.faces.upstox.names import unit
from simulator.faces.upstox.orders import refused
from simulator.faces.upstox.wire import Body, invalid_input, order_not_found, read_json

EXCHANGES = ["NSE", "NFO", "BSE", "CDS", "BFO", "BCD"]
PRODUCTS = ["D", "CO", "I"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]
MOST_MARGINS = 20

_SEGMENTS = {"SEC": ("equity",), "COM": ("commodity",), None: ("equity", "commodity")}


class Portfolio:
    """Answers the reads of one client's books."""

    def __init__(self, counter: UpstoxCounter) -> None:
        self._desk = counter.desk
        self._names = counter.names
        self._books = Books(counter.desk)

    async def orders(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/order/retrieve-all"""
        return [order_row(order) for order in self._books.orders(client)]

    async def details(self, client: Client, request: web.Request) -> Row:
        """GET /v2/order/details?order_id=.."""
        return order_row(self._states(client, _order_id(request.query))[-1])

    async def history(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/order/history?order_id=..|tag=.."""
        query = request.query
        if not query.get("order_id") and not query.get("tag"):
            raise invalid_input("Must provide either 'order_id' or 'tag'", "UDAPI100059")
        wanted = [query["order_id"]] if query.get("order_id") else self._tagged(client, query["tag"])
        states = [state for order_id in wanted for state in self._states(client, order_id)]
        if not states:
            raise order_not_found()
        return [state_row(state) for state in states]

    async def trades(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/order/trades/get-trades-for-day"""
        orders = {order.order_id: order for order in self._desk.exchange.orders(client.client)}
        return [trade_row(trade, orders[trade.order_id]) for trade in self._books.trades(client)]

    async def order_trades(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/order/trades?order_id=.."""
        order = self._states(client, _order_id(request.query))[-1]
        return [trade_row(trade, order) for trade in self._desk.exchange.trades(client.client, order.order_id)]

    async def positions(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/portfolio/short-term-positions"""
        return [position_row(position) for position in self._books.positions(client)]

    async def convert(self, client: Client, request: web.Request) -> Row:
        """PUT /v2/portfolio/convert-position"""
        body = await read_json(request)
        listing = fields.find_listing(body, "instrument_token", self._names)
        try:
            self._desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=fields.word(body, "transaction_type", Side, "UDAPI1057"),
                quantity=fields.whole(body, "quantity") * unit(listing),
                old=fields.product(body, listing, "old_product"),
                new=fields.product(body, listing, "new_product"),
            )
        except Refusal as refusal:
            raise refused(refusal, name="") from None
        return {"status": "complete"}

    async def holdings(self, client: Client, request: web.Request) -> list[Row]:
        """GET /v2/portfolio/long-term-holdings: nothing is ever settled into a demat account here."""
        return []

    async def funds(self, client: Client, request: web.Request) -> Row:
        """GET /v2/user/get-funds-and-margin?segment=SEC|COM: equity holds the money of both."""
        segments = _SEGMENTS.get(request.query.get("segment"))
        if segments is None:
            raise invalid_input("The 'segment' is invalid")
        margins = self._desk.exchange.margins(client.client)
        return {name: funds_row(margins if name == "equity" else None) for name in segments}

    async def margin(self, client: Client, request: web.Request) -> Row:
        """POST /v2/charges/margin: each order on its own, and together without the benefit of a hedge."""
        basket = _basket((await read_json(request)).get("instruments"))
        margins = [self._required(one) for one in basket]
        total = sum(margin["total_margin"] for margin in margins)
        return {"margins": margins, "required_margin": total, "final_margin": total}

    async def profile(self, client: Client, request: web.Request) -> Row:
        """GET /v2/user/profile"""
        return profile_of(client)

    def _required(self, instrument: Body) -> Row:
        price = instrument.get("price") or None
        order = fields.new_order(
            {
                **instrument,
                "instrument_token": instrument.get("instrument_key"),
                "order_type": OrderType.LIMIT if price else OrderType.MARKET,
                "validity": "DAY",
            },
            self._names,
        )
        try:
            return margin_row(self._desk.exchange.required_margin(order))
        except Refusal as refusal:
            raise refused(refusal, name="") from None

    def _tagged(self, client: Client, tag: str) -> list[str]:
        return [order.order_id for order in self._desk.exchange.orders(client.client) if order.tag == tag]

    def _states(self, client: Client, order_id: str) -> Sequence[ClientOrder]:
        try:
            return self._desk.exchange.history(client.client, order_id)
        except Refusal:
            raise order_not_found() from None


def profile_of(client: Client) -> dict[str, Any]:
    """Return what Upstox tells of a user."""
    return {
        "email": f"{client.client.lower()}@demo.vayda.local",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "broker": "UPSTOX",
        "user_id": client.client,
        "user_name": client.client,
        "order_types": ORDER_TYPES,
        "user_type": "individual",
        "poa": False,
        "ddpi": False,
        "is_active": True,
    }


def _basket(instruments: Any) -> Sequence[Body]:
    if not isinstance(instruments, list) or not instruments or not all(isinstance(one, dict) for one in instruments):
        raise invalid_input("Invalid Input", "UDAPI100036")
    if len(instruments) > MOST_MARGINS:
        raise invalid_input("At most 20 instruments are allowed", "UDAPI1102")
    names = Tally((one.get("instrument_key"), one.get("transaction_type"), one.get("product")) for one in instruments)
    if max(names.values()) > 1:
        raise invalid_input("An instrument is there twice", "UDAPI1103")
    return instruments


def _order_id(query: Mapping[str, str]) -> str:
    if not query.get("order_id"):
        raise invalid_input("The 'order_id' is required", "UDAPI1023")
    return query["order_id"]
