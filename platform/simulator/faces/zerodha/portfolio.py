"""Books, positions, funds and the profile; the reads that faults can lag, empty or cut short."""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from typing import Any

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import Margins, Refusal
from simulator.faces.books import Books
from simulator.faces.desk import Desk
from simulator.faces.zerodha import fields
from simulator.faces.zerodha.mapping import day_row, margins_row, net_row, order_row, trade_row
from simulator.faces.zerodha.orders import refused
from simulator.faces.zerodha.wire import not_found, read_form

EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"]
PRODUCTS = ["CNC", "NRML", "MIS"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]

_NO_FUNDS = Margins(*[Decimal(0)] * len(dataclass_fields(Margins)))


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    desk: Desk

    @property
    def books(self) -> Books:
        """What the faults leave of them."""
        return Books(self.desk)

    async def orders(self, client: Client, request: web.Request) -> list[dict[str, Any]]:
        """GET /orders"""
        return [order_row(order) for order in self.books.orders(client)]

    async def history(self, client: Client, request: web.Request) -> list[dict[str, Any]]:
        """GET /orders/{order_id}"""
        try:
            states = self.desk.exchange.history(client.client, request.match_info["order_id"])
        except Refusal as refusal:
            raise refused(refusal) from None
        return [order_row(state) for state in states]

    async def trades(self, client: Client, request: web.Request) -> list[dict[str, Any]]:
        """GET /trades"""
        return [trade_row(trade) for trade in self.books.trades(client)]

    async def order_trades(self, client: Client, request: web.Request) -> list[dict[str, Any]]:
        """GET /orders/{order_id}/trades"""
        order_id = request.match_info["order_id"]
        try:
            self.desk.exchange.order(client.client, order_id)
        except Refusal as refusal:
            raise refused(refusal) from None
        return [trade_row(trade) for trade in self.desk.exchange.trades(client.client, order_id)]

    async def positions(self, client: Client, request: web.Request) -> dict[str, Any]:
        """GET /portfolio/positions"""
        positions = self.books.positions(client)
        today = [position for position in positions if position.day_buy_quantity or position.day_sell_quantity]
        return {"net": [net_row(position) for position in positions], "day": [day_row(row) for row in today]}

    async def convert(self, client: Client, request: web.Request) -> bool:
        """PUT /portfolio/positions"""
        form = await read_form(request)
        listing = fields.find_listing(form, self.desk.exchange.market)
        try:
            self.desk.exchange.convert(
                client.client,
                exchange=listing.exchange,
                symbol=listing.symbol,
                side=fields.side(form),
                quantity=fields.quantity(form, listing),
                old=fields.product(form, "old_product"),
                new=fields.product(form, "new_product"),
            )
        except Refusal as refusal:
            raise refused(refusal) from None
        return True

    async def holdings(self, client: Client, request: web.Request) -> list[dict[str, Any]]:
        """GET /portfolio/holdings: nothing is ever settled into a demat account here."""
        return []

    async def margins(self, client: Client, request: web.Request) -> dict[str, Any]:
        """GET /user/margins[/{segment}]: one ledger for all segments, shown under equity."""
        funds = {
            "equity": margins_row(self.desk.exchange.margins(client.client)),
            "commodity": margins_row(_NO_FUNDS),
        }
        segment = request.match_info.get("segment")
        if segment is None:
            return funds
        if segment not in funds:
            raise not_found()
        return funds[segment]

    async def profile(self, client: Client, request: web.Request) -> dict[str, Any]:
        """GET /user/profile"""
        return profile_of(client)


def profile_of(client: Client) -> dict[str, Any]:
    """Return what Kite tells of a user."""
    return {
        "user_id": client.client,
        "user_type": "individual",
        "email": f"{client.client.lower()}@demo.vayda.local",
        "user_name": client.client,
        "user_shortname": client.client,
        "broker": "ZERODHA",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "order_types": ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }
