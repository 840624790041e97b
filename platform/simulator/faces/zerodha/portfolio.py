"""Books, positions, funds and the profile; the reads that faults can lag, empty or cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import web

from simulator.clients import Client
from simulator.exchange.types import ClientOrder, ClientTrade, Margins, Refusal
from simulator.faces.desk import Desk
from simulator.faces.zerodha import fields
from simulator.faces.zerodha.mapping import day_row, margins_row, net_row, order_row, trade_row
from simulator.faces.zerodha.orders import refused
from simulator.faces.zerodha.wire import not_found, read_form
from simulator.faults import BOOK_FAULTS, Fault, FaultKind

EXCHANGES = ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"]
PRODUCTS = ["CNC", "NRML", "MIS"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]

_NO_FUNDS = Margins(*[Decimal(0)] * len(dataclass_fields(Margins)))

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Answers the reads of one client's books."""

    desk: Desk

    async def orders(self, request: web.Request, client: Client) -> list[dict[str, Any]]:
        """GET /orders"""
        fault = self._fault(client, "orders.book")
        orders: Sequence[ClientOrder] = self.desk.exchange.orders(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            orders = self._as_of(client, orders, self._then(fault))
        return [order_row(order) for order in _shown(orders, fault)]

    async def history(self, request: web.Request, client: Client) -> list[dict[str, Any]]:
        """GET /orders/{order_id}"""
        try:
            states = self.desk.exchange.history(client.client, request.match_info["order_id"])
        except Refusal as refusal:
            raise refused(refusal) from None
        return [order_row(state) for state in states]

    async def trades(self, request: web.Request, client: Client) -> list[dict[str, Any]]:
        """GET /trades"""
        fault = self._fault(client, "trades.book")
        trades: Sequence[ClientTrade] = self.desk.exchange.trades(client.client)
        if fault is not None and fault.kind is FaultKind.BOOK_LAG:
            then = self._then(fault)
            trades = [trade for trade in trades if trade.filled_at <= then]
        return [trade_row(trade) for trade in _shown(trades, fault)]

    async def order_trades(self, request: web.Request, client: Client) -> list[dict[str, Any]]:
        """GET /orders/{order_id}/trades"""
        order_id = request.match_info["order_id"]
        try:
            self.desk.exchange.order(client.client, order_id)
        except Refusal as refusal:
            raise refused(refusal) from None
        return [trade_row(trade) for trade in self.desk.exchange.trades(client.client, order_id)]

    async def positions(self, request: web.Request, client: Client) -> dict[str, Any]:
        """GET /portfolio/positions"""
        fault = self._fault(client, "positions")
        positions = _shown(self.desk.exchange.positions(client.client), fault)
        today = [position for position in positions if position.day_buy_quantity or position.day_sell_quantity]
        return {"net": [net_row(position) for position in positions], "day": [day_row(row) for row in today]}

    async def convert(self, request: web.Request, client: Client) -> bool:
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

    async def holdings(self, request: web.Request, client: Client) -> list[dict[str, Any]]:
        """GET /portfolio/holdings: nothing is ever settled into a demat account here."""
        return []

    async def margins(self, request: web.Request, client: Client) -> dict[str, Any]:
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

    async def profile(self, request: web.Request, client: Client) -> dict[str, Any]:
        """GET /user/profile"""
        return profile_of(client)

    def _fault(self, client: Client, endpoint: str) -> Fault | None:
        return self.desk.faults.draw(BOOK_FAULTS, client=client.client, endpoint=endpoint)

    def _then(self, fault: Fault) -> datetime:
        return self.desk.now() - timedelta(seconds=fault.seconds * self.desk.clock.speed)

    def _as_of(self, client: Client, orders: Sequence[ClientOrder], then: datetime) -> list[ClientOrder]:
        seen = [order for order in orders if order.placed_at <= then]
        return [self._state_at(client, order, then) for order in seen]

    def _state_at(self, client: Client, order: ClientOrder, then: datetime) -> ClientOrder:
        states = self.desk.exchange.history(client.client, order.order_id)
        return [state for state in states if state.updated_at <= then][-1]


def _shown(rows: Sequence[Row], fault: Fault | None) -> Sequence[Row]:
    if fault is not None and fault.kind is FaultKind.EMPTY_BOOK:
        return ()
    if fault is not None and fault.kind is FaultKind.TRUNCATED_BOOK:
        return rows[: len(rows) // 2]
    return rows


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
