"""Books, positions, funds and the user; the reads that faults can lag, empty or cut short."""

from dataclasses import dataclass

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.mastertrust import fields as read
from simulator.faces.mastertrust.calls import TradelabCounter
from simulator.faces.mastertrust.mapping import (
    funds_table,
    is_completed,
    live_row,
    net_row,
    order_row,
    state_row,
    trade_row,
)
from simulator.faces.mastertrust.names import unit
from simulator.faces.mastertrust.orders import refused
from simulator.faces.mastertrust.wire import Call, Row, invalid, required, success

_EXCHANGES = ["BSE", "BFO", "MCX", "NSE", "NFO"]
_PRODUCTS = ["CNC", "CO", "MIS", "NRML"]
_HALVES = {"pending": False, "completed": True}
_POSITIONS = {"live": live_row, "historical": net_row}


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books; every one names its client."""

    counter: TradelabCounter

    @property
    def desk(self) -> Desk:
        """The shared parts of the process."""
        return self.counter.desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, asked: Call) -> Row:
        """GET /orders?type=pending|completed: half of the book, newest first."""
        required(asked.fields, "client_id")
        wanted = read.word(asked.fields, "type", _HALVES)
        orders = [order for order in reversed(self.books.orders(client)) if is_completed(order) is wanted]
        return {"orders": [order_row(order) for order in orders]}

    async def history(self, client: Client, asked: Call) -> list[Row]:
        """GET /order/{oms_order_id}/history, newest first."""
        required(asked.fields, "client_id")
        try:
            states = self.desk.exchange.history(client.client, asked.fields["oms_order_id"])
        except Refusal as refusal:
            raise refused(refusal) from None
        return [state_row(state) for state in reversed(states)]

    async def trades(self, client: Client, asked: Call) -> Row:
        """GET /trades, newest first."""
        required(asked.fields, "client_id")
        trades = reversed(self.books.trades(client))
        return {"trades": [trade_row(trade, self._order(client, trade.order_id)) for trade in trades]}

    async def positions(self, client: Client, asked: Call) -> list[Row]:
        """GET /positions?type=live|historical: of the day, or with what was carried into it."""
        required(asked.fields, "client_id")
        row = read.word(asked.fields, "type", _POSITIONS)
        return [row(position, client.client) for position in self.books.positions(client)]

    async def convert(self, client: Client, asked: Call) -> web.Response:
        """PUT /position/convert"""
        fields, listing = asked.fields, read.find_listing(asked.fields, self.counter.names)
        try:
            self.desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=read.word(fields, "order_side", read.SIDES),
                quantity=read.whole(fields, "quantity", low=1) * unit(listing),
                old=read.word(fields, "product", read.PRODUCTS),
                new=read.word(fields, "new_product", read.PRODUCTS),
            )
        except Refusal as refusal:
            raise refused(refusal) from None
        return success({}, "Conversion completed")

    async def holdings(self, client: Client, asked: Call) -> Row:
        """GET /holdings: nothing is ever settled into a demat account here."""
        required(asked.fields, "client_id")
        return {"holdings": []}

    async def funds(self, client: Client, asked: Call) -> Row:
        """GET /funds/view?type=all: one ledger for all segments."""
        required(asked.fields, "client_id")
        if asked.fields.get("type") != "all":
            raise invalid("type")
        return funds_table(self.desk.exchange.margins(client.client), client.client)

    async def profile(self, client: Client, asked: Call) -> Row:
        """GET /user/profile and /user/trading_info, which alone needs no client to be named."""
        return {
            "client_id": client.client,
            "email_id": f"{client.client.lower()}@demo.vayda.local",
            "exchanges_subscribed": _EXCHANGES,
            "name": client.client,
            "products_enabled": _PRODUCTS,
            "status": "Activated",
        }

    def _order(self, client: Client, order_id: str) -> ClientOrder:
        return self.desk.exchange.order(client.client, order_id)
